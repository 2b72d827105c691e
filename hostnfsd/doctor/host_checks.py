"""The checks of the host's NFS server: is it there, and how does it take our calls."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from hostnfsd.config.model import Carried
from hostnfsd.daemon.host import calls as host_calls
from hostnfsd.doctor import nfsstat, server_unit, service_verdict
from hostnfsd.doctor.check import Check, Id
from hostnfsd.doctor.finding import Finding, failed, passed, warned
from hostnfsd.doctor.scene import ASK_S, Scene
from hostnfsd.doctor.server_unit import ServerUnit
from hostnfsd.doctor.service_verdict import Asked, at
from hostnfsd.server.finding import Reached
from hostnfsd.services import Service

SECTION: Final = "NFS server of this host"
SERVER: Final = Id("nfs-server")
RPCBIND: Final = Id("rpcbind")
COUNTS: Final = Id("nfsd-counts")


def service_id(service: Service) -> Id:
    """The check of one service."""
    return Id("service", str(service))


def checks(scene: Scene, needs: tuple[Id, ...]) -> Iterator[Check]:
    """From the server to its last service."""
    yield Check(SERVER, "NFS server", SECTION, partial(_server, scene), needs)
    yield Check(RPCBIND, "rpcbind", SECTION, partial(_rpcbind, scene), needs)
    for service, carried in scene.carried.items():
        if service is Service.RPCBIND:
            continue
        work = partial(_service, scene, carried)
        before = (*needs, SERVER)
        yield Check(service_id(service), str(service), SECTION, work, before)
    if scene.platform == "darwin":
        yield Check(COUNTS, "nfsd's counts", SECTION, partial(_counts, scene), (*needs, SERVER))


async def unit(scene: Scene) -> ServerUnit | None:
    """The server as launchd or systemd knows it; None where neither tells."""
    if scene.platform == "darwin":
        return server_unit.of_nfsd((await scene.run(*server_unit.NFSD_STATUS)).output)
    told = await scene.run(*server_unit.SYSTEMCTL)
    return server_unit.of_systemd(told.output) if told.status == 0 else None


async def _server(scene: Scene) -> Sequence[Finding]:
    """Whether anybody listens at the port of NFS, and comes back with the machine."""
    carried = scene.carried.get(Service.NFS)
    if carried is None:
        return (failed("config-invalid", "nfs is not carried: services.nfs is false"),)
    known = await unit(scene)
    await scene.looked()
    probe = await scene.host.probe(carried, ASK_S)
    where = at(probe.place.address, probe.place.port)
    if probe.reached is Reached.DOWN:
        text = f"nothing listens at {where} ({probe.text})"
        if known is None:
            return (failed("server-down", text),)
        state = "is enabled and does not run" if known.enabled else "is not enabled"
        return (failed("server-down", f"{text}; {known.name} {state}", _starting(known)),)
    if known is not None and known.running and not known.enabled:
        text = f"listens at {where}; {known.name} does not start with the machine"
        return (warned("server-not-enabled", text, _starting(known)),)
    name = f"; {known.name} is enabled" if known is not None and known.running else ""
    return (passed(f"listens at {where}{name}"),)


def _starting(known: ServerUnit) -> tuple[str, ...]:
    if known.name == "nfsd":
        return ("$ sudo nfsd start" if known.enabled else "$ sudo nfsd enable",)
    return (f"$ sudo systemctl enable --now {known.name}",)


async def _rpcbind(scene: Scene) -> Sequence[Finding]:
    address = scene.config.host.address
    silence = await scene.rpcbind_silence()
    depending = [
        str(service)
        for service, carried in scene.carried.items()
        if carried.ask_rpcbind and service is not Service.RPCBIND
    ]
    if silence is None:
        registered = await scene.registered() or {}
        names = ", ".join(str(service) for service in registered)
        return (passed(f"{address} answers and lists {names or 'none of our services'}"),)
    text = f"rpcbind of {address}: {silence}"
    if not depending:
        return (warned("rpcbind-down", f"{text}; every service has its host_port"),)
    return (failed("rpcbind-down", text),)


async def _service(scene: Scene, carried: Carried) -> Sequence[Finding]:
    """Registration, and NULL by version."""
    await scene.looked()
    probe = await scene.host.probe(carried, ASK_S)
    registered = await scene.registered()
    rows = None if registered is None else registered.get(carried.service, ())
    answered: dict[int, bool] = {}
    if probe.reached is Reached.ANSWERED:
        listed = (v for row in rows or () if row.port == probe.place.port for v in row.versions)
        wanted = tuple(dict.fromkeys(listed)) or scene.host.versions(carried.service)
        sock = await scene.host.dial_plainly(carried)
        answered = await host_calls.null_each(sock, carried.service, wanted, ASK_S)
    asked = Asked(
        carried,
        probe,
        rows,
        answered,
        by_version_4=Service.MOUNTD not in scene.carried,
        needless=await _needless(scene, carried, probe.reached),
    )
    return (service_verdict.judge(asked),)


async def _needless(scene: Scene, carried: Carried, reached: Reached) -> bool:
    """Whether this is mountd, which does not run, and NFS has no version that needs it."""
    nfs = scene.carried.get(Service.NFS)
    if carried.service is not Service.MOUNTD or reached is not Reached.DOWN or nfs is None:
        return False
    if (await scene.host.probe(nfs, ASK_S)).reached is not Reached.ANSWERED:
        return False
    sock = await scene.host.dial_plainly(nfs)
    answered = await host_calls.null_each(sock, Service.NFS, (4, 3), ASK_S)
    return answered[4] and not answered[3]


async def _counts(scene: Scene) -> Sequence[Finding]:
    """Whether clients have moved data, as the kernel of a Mac has counted it."""
    return nfsstat.judge((await scene.run(*nfsstat.COMMAND)).output)
