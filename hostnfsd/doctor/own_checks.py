"""Who of this machine may hold a gateway's ports: an ssh of the user's own, another hostnfsd."""

import shlex
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from hostnfsd.config.model import Gateway
from hostnfsd.daemon.ssh import alias as aliases
from hostnfsd.doctor import by_hand, holders, own_lines, own_ssh
from hostnfsd.doctor.engine import in_thread
from hostnfsd.doctor.finding import Finding, passed, warned
from hostnfsd.doctor.holders import Holder
from hostnfsd.doctor.link import Link
from hostnfsd.doctor.own_lines import Place
from hostnfsd.doctor.own_ssh import OwnSsh
from hostnfsd.doctor.scene import ASK_S
from hostnfsd.machine import ssh_names

_SYSTEM: Final = Path("/etc/ssh/ssh_config")


async def candidates(link: Link, port: int) -> tuple[list[str], tuple[str, ...]]:
    """Who may hold a port that is taken, in words, and the commands that end the likeliest."""
    there = holders.of_port(holders.read(await link.output(holders.COMMAND)), port)
    mine = [each for each in await _own(link) if not each.ports or port in each.ports]
    known = None if link.scene.snapshot is None else link.scene.snapshot.pid
    others = own_ssh.daemons(await _listing(link), known)
    told = [f"pid {each.pid} here, for {each.age}: {each.command}" for each in (*mine, *others)]
    end = tuple(f"$ {each.ending}" for each in mine[:1])
    if not end and not others:  # a service would be started again
        end = _end_there(link, there)
    return [*told, *(holder.words for holder in there)], end


async def _listing(link: Link) -> str:
    """The processes of this machine, listed once."""
    told = await link.scene.once.get("processes", partial(link.scene.run, *own_ssh.PS))
    return told.output


def _end_there(link: Link, there: Sequence[Holder]) -> tuple[str, ...]:
    """How the only one who may hold a port of the gateway is ended; nothing where it may be us."""
    if len(there) != 1 or (there[0].port is None and link.daemon_up):
        return ()
    gateway = link.scene.config.gateway[link.name]
    kill = ("kill", str(there[0].pid))
    return (f"$ {by_hand.ssh(link.name, gateway, aliases.config_arguments(gateway), *kill)}",)


async def _own(link: Link) -> tuple[OwnSsh, ...]:
    """Processes here that may hold our ports: a standing session of the alias, ssh with -R."""
    return await link.once("own ssh", partial(_find_own, link))


async def _find_own(link: Link) -> tuple[OwnSsh, ...]:
    ours = [carried.port for carried in link.carried.values()]
    config = await link.ssh_dash_g()
    name = link.name if config and own_ssh.forwarded(config, ours) else ""
    listing = await _listing(link)
    found = own_ssh.processes(listing, name, ours)
    standing = await _master(link, listing)
    if standing is None:
        return found
    return (standing, *(each for each in found if each.pid != standing.pid))


async def _master(link: Link, listing: str) -> OwnSsh | None:
    """The alias's own session, which stays when ControlPersist says so."""
    gateway = link.scene.config.gateway[link.name]
    ssh = shutil.which("ssh")
    if ssh is None or aliases.config_file(gateway) is None:
        return None
    words = (*aliases.config_arguments(gateway), "-O")
    told = await link.scene.run(ssh, *words, "check", link.name, within_s=ASK_S)
    return own_ssh.master(told.output, listing, shlex.join(("ssh", *words, "exit", link.name)))


async def of_alias(link: Link) -> Sequence[Finding]:
    """RemoteForward lines of the alias, a master that stands, processes with -R."""
    ours = [carried.port for carried in link.carried.values()]
    config = await link.ssh_dash_g()
    ports = () if config is None else own_ssh.forwarded(config, ours)
    running = await _own(link)
    masters = [each for each in running if each.end]
    rows = []
    if ports and config is not None:
        rows.append(await _lines(link, ports, masters, persists=own_ssh.persists(config)))
    rows += [
        warned(
            "own-ssh",
            f"an ssh runs that may hold our ports (pid {each.pid}, for {each.age}): {each.command}",
            ("if it is a tunnel of your own, end it:", f"$ {each.ending}"),
        )
        for each in running
        if not each.end
    ]
    return rows or (passed("none here forwards our ports"),)


async def _lines(
    link: Link, ports: tuple[int, ...], masters: Sequence[OwnSsh], *, persists: bool
) -> Finding:
    gateway = link.scene.config.gateway[link.name]
    places = await in_thread(partial(_places, gateway, link.name, ports))
    where = own_lines.told(places) or "in a file that ssh_config includes"
    said = f"{link.name} has RemoteForward for our ports {', '.join(map(str, ports))} ({where})"
    if masters:
        said += f"; a session with them stands (pid {masters[0].pid}, for {masters[0].age})"
    elif persists:
        said += "; with ControlPersist such a session stays after its terminal was closed"
    if not masters:
        return warned("own-ssh", said, ("delete those lines",))
    steps = ("delete those lines, and end the session that stands:", f"$ {masters[0].ending}")
    return warned("own-ssh", said, steps)


def _places(gateway: Gateway, name: str, ports: tuple[int, ...]) -> tuple[Place, ...]:
    """The lines in the user's file and, unless another is named, in the system's."""
    home = ssh_names.home_folder()
    files = [] if (user := aliases.config_file(gateway)) is None else [(user, home / ".ssh")]
    if not aliases.config_arguments(gateway):
        files.append((_SYSTEM, _SYSTEM.parent))
    found: list[Place] = []
    for file, folder in files:
        included = partial(ssh_names.included_files, home=home, folder=folder)
        found += own_lines.lines(file, ssh_names.read(file), name, ports, included)
    return tuple(found)
