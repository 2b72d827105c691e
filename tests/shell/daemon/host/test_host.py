"""The host's services as the daemon dials, probes and judges them."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from hostnfsd.config.model import Carried, Config
from hostnfsd.config.reader import parse
from hostnfsd.daemon.host import host as module
from hostnfsd.daemon.host import mount_trial, mount_verdict, tripwire
from hostnfsd.daemon.host import ports as host_ports
from hostnfsd.daemon.host.host import Host
from hostnfsd.dial.reserved import RangeUsedUpError
from hostnfsd.dial.sources import Sources
from hostnfsd.server.finding import Denial, Origin, Reached
from hostnfsd.services import Service
from hostnfsd.sunrpc import mount, nfs, portmap
from hostnfsd.sunrpc.mount import Status
from hostnfsd.sunrpc.rpc import AuthStat
from tests.support.conditions import eventually, never
from tests.support.nfs_host import NfsHost, nfs_host

NFS, MOUNTD = Service.NFS, Service.MOUNTD
MNT = mount.Procedure.MNT
AMPLE_S = 10.0


class Watched:
    """The host's services, and how often somebody was told of a change."""

    def __init__(self, server: NfsHost) -> None:
        self.server = server
        self.changes = 0
        self.configure()
        self.host = Host(
            config=lambda: self.config, sources=Sources("never"), changed=self._changed
        )

    def _changed(self) -> None:
        self.changes += 1

    def configure(self, services: str = "", probe: str = "") -> None:
        rpcbind = f"rpcbind = {{ host_port = {self.server.port(Service.RPCBIND)} }}"
        text = f"[gateway.a]\n[services]\n{rpcbind}\n{services}\n[probe]\n{probe}\n"
        reading = parse(text.encode(), "f.toml")
        assert reading.config is not None, [p.render() for p in reading.problems]
        self.config: Config = reading.config

    def carried(self, service: Service) -> Carried:
        return self.config.carried("a")[service]

    async def dial(self, service: Service) -> tuple[str, int]:
        """Where a dial ends."""
        sock = await self.host.dial(self.carried(service))
        with sock:
            peer: tuple[str, int] = sock.getpeername()
            return peer

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.host.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))
            assert task.cancelled(), task.exception()

    async def until_tried(self, times: int = 1) -> None:
        await eventually(lambda: self.tries >= times, f"trial mount {times}", seen=self.seen)

    def denial(self, service: Service) -> Denial | None:
        return self.host.denial(self.carried(service))

    def pending(self, service: Service) -> bool:
        return self.host.pending(self.carried(service))

    async def until_judged(self) -> None:
        await self.until_tried()
        await eventually(lambda: not self.pending(NFS), "the verdict", seen=self.seen)

    @property
    def tries(self) -> int:
        return self.server.count(MOUNTD, mount.Procedure.EXPORT)

    def seen(self) -> object:
        return self.server.calls, self.denial(MOUNTD), self.denial(NFS)


class Clock:
    """The module ``time``, as far as is needed."""

    perf_counter = staticmethod(time.perf_counter)

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
async def server() -> AsyncIterator[NfsHost]:
    async with nfs_host(NFS, MOUNTD) as made:
        yield made


@pytest.fixture
def watched(server: NfsHost, monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setattr(module, "_ASK_SPACING_S", 0.01)
    monkeypatch.setattr(mount_verdict, "_SPACING_S", 0.01)
    monkeypatch.setattr(mount_trial, "_AGAIN_AFTER_S", 0.01)
    monkeypatch.setattr(host_ports, "_ASK_S", 0.5)
    return Watched(server)


# -- dialling ------------------------------------------------------------------------------------


async def test_a_dial_follows_a_service_that_has_moved(server: NfsHost, watched: Watched) -> None:
    await watched.host._ports.refresh()
    await server.move(MOUNTD)
    server.register(NFS, MOUNTD)

    _, port = await watched.dial(MOUNTD)

    assert port == server.port(MOUNTD)
    assert watched.host.place(watched.carried(MOUNTD)).port == port


async def test_the_first_dial_of_all_finds_rpcbinds_port(server: NfsHost, watched: Watched) -> None:
    watched.configure("nfs = 49")
    assert watched.host.place(watched.carried(MOUNTD)).origin is Origin.ASSUMED

    assert (await watched.dial(MOUNTD))[1] == server.port(MOUNTD)


async def test_many_dials_ask_rpcbind_once(server: NfsHost, watched: Watched) -> None:
    await watched.host._ports.refresh()
    await server.move(MOUNTD)
    server.register(NFS, MOUNTD)
    before = server.count(Service.RPCBIND, portmap.Procedure.DUMP)

    peers = await asyncio.gather(*(watched.dial(MOUNTD) for _ in range(20)))

    assert {port for _, port in peers} == {server.port(MOUNTD)}
    assert server.count(Service.RPCBIND, portmap.Procedure.DUMP) - before <= 2


async def test_a_service_that_is_down_refuses(server: NfsHost, watched: Watched) -> None:
    await watched.host._ports.refresh()
    await server.services[MOUNTD].stop()

    with pytest.raises(ConnectionRefusedError):
        await watched.dial(MOUNTD)


async def test_a_port_that_is_given_is_not_looked_for(server: NfsHost, watched: Watched) -> None:
    watched.configure(f"mountd = {{ host_port = {server.port(MOUNTD)} }}")
    await server.services[MOUNTD].stop()

    with pytest.raises(ConnectionRefusedError):
        await watched.dial(MOUNTD)
    assert server.count(Service.RPCBIND, portmap.Procedure.DUMP) == 0


# -- probing -------------------------------------------------------------------------------------


async def probed(watched: Watched, service: Service, timeout_s: float = AMPLE_S) -> Reached:
    return (await watched.host.probe(watched.carried(service), timeout_s)).reached


async def test_a_service_that_answers(server: NfsHost, watched: Watched) -> None:
    await watched.host._ports.refresh()
    finding = await watched.host.probe(watched.carried(NFS), AMPLE_S)

    assert (finding.reached, finding.text) == (Reached.ANSWERED, None)
    assert finding.place.port == server.port(NFS)
    assert 0 < finding.duration_s < AMPLE_S


async def test_whoever_answers_has_versions(server: NfsHost, watched: Watched) -> None:
    """Nobody may be told that a service serves while the portmapper does not know it."""
    watched.configure(f"nfs = {{ host_port = {server.port(NFS)} }}")
    assert watched.host.versions(NFS) == ()

    finding = await watched.host.probe(watched.carried(NFS), AMPLE_S)

    assert finding.reached is Reached.ANSWERED
    assert watched.host.versions(NFS) == (3, 4)


async def test_every_other_end(server: NfsHost, watched: Watched) -> None:
    await watched.host._ports.refresh()
    manner = server.manners[NFS]
    manner.denies = AuthStat.AUTH_TOOWEAK
    assert await probed(watched, NFS) is Reached.DENIED
    manner.denies, manner.hangs_up = None, 1
    assert await probed(watched, NFS) is Reached.HUNG_UP
    manner.silent = True
    assert await probed(watched, NFS, 0.1) is Reached.SILENT
    await server.services[NFS].stop()
    assert await probed(watched, NFS) is Reached.DOWN


async def test_who_does_not_accept_is_said_to_have_had_the_time_it_had(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DIAL_S", 0.2)
    with (
        closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as full,
        closing(socket.create_connection(full.getsockname())),
    ):
        watched.configure(f"nfs = {{ host_port = {full.getsockname()[1]} }}")
        finding = await watched.host.probe(watched.carried(NFS), AMPLE_S)

    assert finding.reached is Reached.SILENT
    assert finding.text == "did not accept a connection within 0.2 s"


async def test_a_probe_finds_a_service_that_has_moved(server: NfsHost, watched: Watched) -> None:
    await watched.host._ports.refresh()
    await server.move(NFS)
    server.register(NFS, MOUNTD)

    finding = await watched.host.probe(watched.carried(NFS), AMPLE_S)

    assert (finding.reached, finding.place.port) == (Reached.ANSWERED, server.port(NFS))


async def test_a_probe_is_not_fooled_by_another_program_at_the_old_port(
    server: NfsHost, watched: Watched
) -> None:
    await watched.host._ports.refresh()
    old = server.services[NFS]
    port = old.port
    await server.start(NFS)
    await old.stop()
    await server.services[MOUNTD].stop()
    await server.services[MOUNTD].start(port)
    server.register(NFS, MOUNTD)

    finding = await watched.host.probe(watched.carried(NFS), AMPLE_S)

    assert (finding.reached, finding.place.port) == (Reached.ANSWERED, server.port(NFS))


async def test_probes_at_the_same_time_are_one(server: NfsHost, watched: Watched) -> None:
    await watched.host._ports.refresh()
    before = server.services[NFS].accepted

    found = await asyncio.gather(*(probed(watched, NFS) for _ in range(10)))

    assert set(found) == {Reached.ANSWERED}
    assert server.services[NFS].accepted == before + 1


async def test_no_source_port_is_left(
    server: NfsHost, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> socket.socket:
        raise RangeUsedUpError("127.0.0.1", 1)

    monkeypatch.setattr(watched.host._sources, "connect", refuse)
    asked = server.count(Service.RPCBIND, portmap.Procedure.DUMP)

    with pytest.raises(RangeUsedUpError):
        await watched.dial(NFS)
    assert server.count(Service.RPCBIND, portmap.Procedure.DUMP) == asked


async def test_a_probe_for_which_no_source_port_is_left_is_made_from_another(
    server: NfsHost, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service is as well as it was."""

    async def refuse(*_: object, **__: object) -> socket.socket:
        raise RangeUsedUpError("127.0.0.1", 1)

    await watched.host._ports.refresh()
    monkeypatch.setattr(watched.host._sources, "connect", refuse)

    assert await probed(watched, MOUNTD) is Reached.ANSWERED
    await server.services[MOUNTD].stop()
    assert await probed(watched, MOUNTD) is Reached.DOWN


# -- trial mounts --------------------------------------------------------------------------------


async def test_an_export_is_mounted_at_the_start_and_told_once(
    server: NfsHost, watched: Watched
) -> None:
    with capture_logs() as logs:
        async with watched.running():
            await eventually(
                lambda: server.count(NFS, nfs.Procedure3.GETATTR), "a mount", seen=watched.seen
            )
            watched.host.apply()
            await watched.until_tried(2)

    told = [line for line in logs if line["event"] == "mount_allowed"]
    assert [line["export"] for line in told] == ["/export"]
    assert watched.denial(NFS) is None
    assert watched.denial(MOUNTD) is None


async def test_a_denial_is_told_and_its_end_noticed_by_itself(
    server: NfsHost, watched: Watched
) -> None:
    watched.configure(probe="interval_s = 0.05\ntimeout_s = 0.05")
    server.exports = {"/a": Status.ACCES}
    with capture_logs() as logs:
        async with watched.running():
            await eventually(lambda: watched.denial(MOUNTD), "the denial", seen=watched.seen)
            changes = watched.changes
            assert changes
            await watched.until_tried(4)
            assert watched.changes == changes, "nothing changed"
            server.exports = {"/a": Status.OK}
            await eventually(lambda: not watched.denial(MOUNTD), "its end")
            assert watched.changes == changes + 1

    events = [line["event"] for line in logs if line["event"].startswith("mount_")]
    assert events == ["mount_denied", "mount_allowed"]


async def test_a_server_that_goes_down_does_not_change_the_verdict(
    server: NfsHost, watched: Watched
) -> None:
    server.exports = {"/a": Status.ACCES}
    async with watched.running():
        await eventually(lambda: watched.denial(MOUNTD), "the denial", seen=watched.seen)
        await server.services[MOUNTD].stop()
        watched.host.doubt(MOUNTD)
        await never(lambda: not watched.denial(MOUNTD), "forgotten", for_s=0.2)


async def test_a_doubt_is_followed_by_a_mount_and_a_question(
    server: NfsHost, watched: Watched
) -> None:
    async with watched.running():
        await watched.until_tried(1)
        asked = server.count(Service.RPCBIND, portmap.Procedure.DUMP)
        watched.host.doubt(NFS)
        await watched.until_tried(2)
        await eventually(
            lambda: server.count(Service.RPCBIND, portmap.Procedure.DUMP) > asked, "a question"
        )


async def test_a_doubt_looks_at_that_service_alone_and_less_and_less(
    server: NfsHost, watched: Watched
) -> None:
    watched.configure("rquotad = false\nstatus = false\nnlockmgr = false")
    async with watched.running():
        await watched.until_judged()
        asked = server.count(Service.RPCBIND, portmap.Procedure.DUMP)
        nulls = server.count(NFS, 0)
        for _ in range(30):
            watched.host.doubt(MOUNTD)
            await asyncio.sleep(0.01)
        assert server.count(Service.RPCBIND, portmap.Procedure.DUMP) == asked + 1
        assert server.count(NFS, 0) == nulls


async def test_what_is_optional_and_absent_is_asked_for_once(
    server: NfsHost, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The minute's question finds it, should it ever be there."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    await watched.host._ports.refresh()
    for _ in range(30):
        assert await probed(watched, Service.RQUOTAD) is Reached.DOWN
        watched.host.doubt(Service.RQUOTAD)
        clock.now += 10
    assert server.count(Service.RPCBIND, portmap.Procedure.DUMP) == 1 + 1


async def test_when_nobody_probes_rpcbind_is_asked_once_a_minute(
    server: NfsHost, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while all tunnels are down: what was missing last is not missed now."""
    monkeypatch.setattr(module, "_ASK_AGAIN_S", 0.02)
    async with watched.running():
        await watched.until_judged()
        await server.services[NFS].stop()
        assert await probed(watched, NFS) is Reached.DOWN
        asked = server.count(Service.RPCBIND, portmap.Procedure.DUMP)
        await never(
            lambda: server.count(Service.RPCBIND, portmap.Procedure.DUMP) > asked + 1,
            "asked again and again",
            for_s=0.4,
        )


async def test_a_server_that_is_back_is_mounted_from(server: NfsHost, watched: Watched) -> None:
    async with watched.running():
        await eventually(lambda: server.count(MOUNTD, mount.Procedure.UMNT), "the first mount")
        server.manners[NFS].hangs_up = 1
        assert await probed(watched, NFS) is Reached.HUNG_UP
        tries = watched.tries
        assert await probed(watched, NFS) is Reached.ANSWERED
        await watched.until_tried(tries + 1)


async def test_nobody_is_told_that_a_server_serves_before_it_was_mounted_from(
    server: NfsHost, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is back, and admits nobody: the last verdict was a good one."""

    def ready(service: Service) -> bool:
        return not watched.pending(service) and watched.denial(service) is None

    async with watched.running():
        await asyncio.sleep(0)
        assert not ready(NFS), "before the first trial"
        await eventually(lambda: ready(NFS), "the first verdict", seen=watched.seen)
        monkeypatch.setattr(mount_verdict, "_SPACING_S", 3600.0)
        for service in (NFS, MOUNTD):
            await server.services[service].stop()
            assert await probed(watched, service) is Reached.DOWN
        server.exports = {"/a": Status.ACCES}
        for service in (NFS, MOUNTD):
            await server.services[service].start(server.port(service))
            assert await probed(watched, service) is Reached.ANSWERED
            assert not ready(MOUNTD)
        while watched.denial(MOUNTD) is None:
            assert watched.pending(MOUNTD)
            await asyncio.sleep(0)


async def test_what_is_denied_at_one_port_is_not_at_another(
    server: NfsHost, watched: Watched
) -> None:
    """Gateways may have servers of their own on one host."""
    server.exports = {"/a": Status.ACCES}
    async with watched.running():
        await eventually(lambda: watched.denial(MOUNTD), "the denial", seen=watched.seen)
        mine = watched.carried(MOUNTD)
        other = replace(mine, host_port=server.port(NFS), ask_rpcbind=False)

        assert watched.host.denial(mine) is not None
        assert watched.host.denial(other) is None
        assert not watched.host.pending(other)


async def test_a_frozen_server_is_not_mounted_from(server: NfsHost, watched: Watched) -> None:
    async with watched.running():
        await eventually(lambda: server.count(MOUNTD, mount.Procedure.UMNT), "the first mount")
        server.manners[NFS].silent = True
        assert await probed(watched, NFS, 0.1) is Reached.SILENT
        tries = watched.tries
        watched.host.doubt(NFS)
        await never(lambda: watched.tries > tries, "tried", for_s=0.2)
        server.manners[NFS].silent = False
        assert await probed(watched, NFS) is Reached.ANSWERED
        await watched.until_tried(tries + 1)


async def test_a_server_that_restarts_between_two_probes_is_mounted_from(
    server: NfsHost, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the same port, with other exports: nothing else tells."""
    monkeypatch.setattr(tripwire, "_STOOD_S", 0.05)
    async with watched.running():
        await eventually(lambda: server.count(MOUNTD, mount.Procedure.UMNT), "the first mount")
        mountd = server.services[MOUNTD]
        looks_and_trials = 2
        await eventually(lambda: mountd.accepted > looks_and_trials and mountd.open, "the tripwire")
        await asyncio.sleep(0.06)  # it has stood long enough to mean something
        server.exports = {"/a": Status.ACCES}
        await mountd.stop()
        await mountd.start(mountd.port)

        await eventually(lambda: watched.denial(MOUNTD), "the denial", seen=watched.seen)


async def test_a_server_that_moved_is_mounted_from(server: NfsHost, watched: Watched) -> None:
    async with watched.running():
        await watched.until_tried(1)
        await server.move(MOUNTD)
        server.register(NFS, MOUNTD)
        changes = watched.changes
        await watched.dial(MOUNTD)
        assert watched.changes == changes + 1
        await watched.until_tried(2)


async def test_without_mountd_nothing_is_mounted_nor_denied(
    server: NfsHost, watched: Watched
) -> None:
    watched.configure("mountd = 9", probe="interval_s = 0.05\ntimeout_s = 0.05")
    await server.services[MOUNTD].stop()
    server.register(NFS)
    async with watched.running():
        await never(lambda: watched.denial(MOUNTD), "denied", for_s=0.3)
    assert watched.tries == 0


async def test_where_mountd_is_not_carried_nothing_is_mounted(
    server: NfsHost, watched: Watched
) -> None:
    watched.configure("mountd = false")
    async with watched.running():
        await eventually(lambda: watched.host.versions(NFS), "nfs")
        await never(lambda: server.count(MOUNTD, MNT), "a mount", for_s=0.2)


async def test_a_bug_of_ours_ends_nothing(
    server: NfsHost, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> object:
        raise ValueError("a bug")

    with capture_logs() as logs, monkeypatch.context() as patch:
        patch.setattr(mount_verdict, "ourselves", broken)
        async with watched.running():
            await eventually(
                lambda: [line for line in logs if line["event"] == "host_broke"], "the bug"
            )
            patch.undo()
            watched.host.apply()
            await watched.until_tried(1)
    assert server.services[MOUNTD].accepted


# -- what a person is told -----------------------------------------------------------------------


async def test_silence_of_rpcbind_is_told_while_it_lasts(server: NfsHost, watched: Watched) -> None:
    assert watched.host.advice() == ()
    rpcbind = server.services[Service.RPCBIND]
    await rpcbind.stop()
    await watched.host._ports.refresh()

    (advice,) = watched.host.advice()
    assert advice.text.startswith("the host's rpcbind cannot be asked (connection refused): ")
    assert "host_port" in advice.hint

    await rpcbind.start(rpcbind.port)
    await watched.host._ports.refresh()
    assert watched.host.advice() == ()


async def test_when_the_exports_change_clients_states_are_looked_at(watched: Watched) -> None:
    async with watched.running():
        await watched.until_judged()
        before = watched.changes
        watched.host.look_at_exports(False)
        assert watched.changes == before
        watched.host.look_at_exports(True)
        assert watched.changes == before + 1
        tries = watched.tries
        await watched.until_tried(tries + 1)
