"""The checks of one gateway: from ssh_config to the ports that clients dial."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from hostnfsd.daemon.ssh import alias as aliases
from hostnfsd.daemon.ssh import keys
from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.dial.patience import within
from hostnfsd.doctor import (
    admitted,
    cure,
    forward_verdict,
    own_checks,
    ssh_name,
    ssh_verdict,
    sshd_settings,
)
from hostnfsd.doctor.check import Check, Id, Work
from hostnfsd.doctor.config_checks import CONFIGURATION
from hostnfsd.doctor.engine import in_thread
from hostnfsd.doctor.exports_checks import EXPORTS_FILE
from hostnfsd.doctor.finding import Finding, failed, passed, skipped, warned
from hostnfsd.doctor.host_checks import service_id
from hostnfsd.doctor.link import SETTLE_S, Link
from hostnfsd.doctor.mount_checks import ADMITTED
from hostnfsd.doctor.scene import ASK_S
from hostnfsd.doctor.service_verdict import at
from hostnfsd.doctor.ssh_verdict import Hop
from hostnfsd.machine import ssh_names
from hostnfsd.readable import duration
from hostnfsd.services import Service
from hostnfsd.snapshot import FailureKind, Phase, ServiceState
from hostnfsd.tunnel.failure import Failure

_OTHERS_MAY_READ: Final = 0o077
_MOUNTED: Final = frozenset({Service.NFS, Service.MOUNTD})


def checks(link: Link, needs: tuple[Id, ...]) -> Iterator[Check]:
    """From the alias to the last forward."""
    name = link.name
    section = f"Gateway {name}"

    async def named(work: Work) -> Sequence[Finding]:
        return [replace(f, cure=cure.for_gateway(f.cure, name)) for f in await work()]

    def check(id_: str, title: str, work: Work, *before: Id, subject: str = name) -> Check:
        return Check(Id(id_, subject), title, section, partial(named, work), before)

    alias, key = Id("ssh-config", name), Id("ssh-key", name)
    reached, known, login = Id("gateway", name), Id("host-key", name), Id("login", name)
    yield check("ssh-config", "ssh_config", partial(_alias, link), *needs)
    yield check("own-ssh", "ssh of your own", partial(own_checks.of_alias, link), alias)
    yield check("ssh-key", "private key", partial(_key, link), alias)
    yield check("gateway", "reachable", partial(_hop, link, "gateway"), alias, key)
    yield check("host-key", "host key", partial(_hop, link, "host-key"), reached)
    yield check("login", "login", partial(_hop, link, "login"), known)
    tunnel: tuple[Id, ...] = (login,)
    if link.view is not None:
        tunnel = (Id("tunnel", name),)
        yield check("tunnel", "daemon's tunnel", partial(_tunnel, link), login)
    yield check("access", "who may come in", partial(_access, link), login, EXPORTS_FILE)
    yield check("sshd", "sshd's settings", partial(_sshd, link), login)
    for service, carried in link.carried.items():
        before = (*tunnel, *_before(service))
        work = partial(_forward, link, service, carried.port, required=carried.required)
        yield check(
            "forward", f"{service}:{carried.port}", work, *before, subject=f"{name}/{service}"
        )


def of_none() -> Check:
    """What stands for all of it where no configuration says which gateway is meant."""

    async def work() -> Sequence[Finding]:
        return (skipped("no configuration tells which there are"),)

    return Check(Id("gateways"), "gateways", "Gateways", work, (CONFIGURATION,))


def _before(service: Service) -> tuple[Id, ...]:
    """What must be well at the host, for there to be anything to reach."""
    if service is Service.RPCBIND:
        return ()
    return (service_id(service), *((ADMITTED,) if service in _MOUNTED else ()))


# -- the way there -------------------------------------------------------------------------------


async def _alias(link: Link) -> Sequence[Finding]:
    try:
        alias = await link.alias()
    except TunnelFailureError as exc:
        return (ssh_verdict.judge(exc.failure, link.name, None, daemon=link.view is not None),)
    gateway = link.scene.config.gateway[link.name]
    where = aliases.config_file(gateway)
    by = "hostnfsd's configuration" if where is None else str(where)
    if where is not None and ssh_name.is_bare(alias, link.name, gateway.host):
        if not await _resolves(alias.host, alias.port):
            known = await in_thread(partial(ssh_names.of_user, where))
            return (ssh_name.unknown(link.name, by, known),)
        by += " has no Host for it, and the name is found"
    through = f", through {alias.proxy_jump}" if alias.proxy_jump else ""
    return (passed(f"{link.name} is {alias}{through} ({by})"),)


async def _resolves(host: str, port: int) -> bool:
    """Whether a name server or a file knows a name; true where they do not answer in time."""
    try:
        async with within(ASK_S):
            await asyncio.get_running_loop().getaddrinfo(host, port)
    except TimeoutError:
        return True  # dialling it will tell
    except OSError:
        return False
    return True


async def _key(link: Link) -> Sequence[Finding]:
    """Whether there is anything to log in with, and whether others may read it."""
    try:
        ring = await link.ring()
    except TunnelFailureError as exc:
        alias = await link.alias()
        return (ssh_verdict.judge(exc.failure, link.name, alias, daemon=link.view is not None),)
    async with keys.offered(ring, lambda _held: None) as offer:
        count = len(offer)
    if count == 0 and ring.locked:
        path = ring.locked[0]
        text = f"{path} is encrypted, and the agent does not hold it"
        return (failed("key-encrypted", text, _unlock(path)),)
    if count == 0:
        return (failed("key-missing", "the agent holds no key that may be offered"),)
    open_ = await in_thread(lambda: [path for path in ring.files if _open(path)])
    rows = [warned("key-open", f"others may read {p}", (f"$ chmod 600 {p}",)) for p in open_]
    told = f"{count} key{'' if count == 1 else 's'} to offer"
    return (passed(told), *rows)


def _unlock(path: Path) -> tuple[str, ...]:
    return (
        (
            "use a key without a passphrase for the gateway, or unlock it in an agent that the"
            " daemon"
            " sees:"
        ),
        f"$ ssh-add {path}",
    )


def _open(path: Path) -> bool:
    try:
        return path.stat().st_mode & _OTHERS_MAY_READ != 0
    except OSError:
        return False


async def _hop(link: Link, hop: Hop) -> Sequence[Finding]:
    """What the one attempt to log in says of one hop."""
    session = await link.session()
    alias = await link.alias()
    if isinstance(session, Failure) and session.kind is FailureKind.TIMEOUT and link.daemon_up:
        if hop == "gateway":
            return (warned("gateway-slow", f"{session.text}; the daemon is logged in"),)
        return (passed("the daemon is logged in"),)
    if isinstance(session, Failure) and hop in {ssh_verdict.hop(session), "login"}:
        return (ssh_verdict.judge(session, link.name, alias, daemon=link.view is not None),)
    match hop:
        case "gateway":
            what = "sshd" if isinstance(session, Failure) else session.software or "sshd"
            return (passed(f"{what} answers at {at(alias.host, alias.port)}"),)
        case "host-key":
            key = "" if isinstance(session, Failure) else session.host_key
            return (passed(f"it is known{f': {key}' if key else ''}"),)
        case _:
            return (passed(f"{alias.user or 'our user'} may log in"),)


async def _tunnel(link: Link) -> Sequence[Finding]:
    """The daemon's own session, which stands or does not."""
    view = link.view
    assert view is not None  # noqa: S101  # else there is no such check
    if view.phase is Phase.UP and view.up_since is not None and link.scene.snapshot is not None:
        age = duration(link.scene.snapshot.now - view.up_since)
        times = "the first attempt" if view.attempts == 1 else f"{view.attempts} attempts"
        return (passed(f"up for {age}, after {times}"),)
    text = f"the daemon's tunnel is {view.phase}: {view.error or 'no reason is known'}"
    if "forbid" in (view.error or ""):
        return (failed("forwarding-forbidden", text),)
    return (failed("tunnel-down", text),)


async def _access(link: Link) -> Sequence[Finding]:
    """Whom the gate lets in: our own calls pass it, and say nothing of clients."""
    access = await link.access()
    if access.error is not None:
        steps = None if access.hint is None else (access.hint, "$ hostnfsd reload")
        return (failed("nobody-admitted", f"nobody may come in: {access.error}", steps),)
    if not access.admitted:
        return (skipped("who may come in is not known yet"),)
    return (passed(admitted.told(access.admitted)),)


async def _sshd(link: Link) -> Sequence[Finding]:
    snapshot = link.scene.snapshot
    now = 0.0 if snapshot is None else snapshot.now
    return sshd_settings.judge(await link.output(sshd_settings.COMMAND), link.view, now)


# -- the ports -----------------------------------------------------------------------------------


async def _forward(link: Link, service: Service, port: int, *, required: bool) -> Sequence[Finding]:
    views = (await link.states()).get(service, {})
    told: list[str] = []
    end: tuple[str, ...] = ()
    refused = [view for view in views.values() if view.state is ServiceState.REFUSED]
    if any(
        forward_verdict.code(view.state, view.error) in {"port-busy", "foreign-holder"}
        for view in refused
    ):
        told, end = await own_checks.candidates(link, port)
    return forward_verdict.judge(
        port,
        views,
        required=required,
        holders=told,
        end=end,
        within_s=SETTLE_S if link.view is None else None,
    )
