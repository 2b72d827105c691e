"""What ``hostnfsd init`` finds on this machine: ssh_config, docker, exports, the NFS server.

Every look has a limit; what cannot be looked at is a note, never an error.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from hostnfsd.cli.surroundings import home
from hostnfsd.init import nfs_conf, ssh_hosts
from hostnfsd.init.containers import containers
from hostnfsd.init.facts import Container, Facts, SshAlias
from hostnfsd.machine import ssh_names

_WITHIN_S: Final = 5.0
_AT_ONCE: Final = 8
#: Aliases that are resolved; people have dozens, generated files thousands.
_MOST: Final = 200
_RPCBIND: Final = 111
_START: Final = {
    "darwin": "sudo nfsd enable",
    "linux": "sudo systemctl enable --now nfs-server",
}
_ADDRESS: Final = "127.0.0.1"

SSH_CONFIG: Final = Path("/etc/ssh/ssh_config")
EXPORTS: Final = Path("/etc/exports")
NFS_CONF: Final = Path("/etc/nfs.conf")


def look(environ: Mapping[str, str]) -> Facts:
    """All of it; takes a few seconds at most."""
    platform: Literal["darwin", "linux"] = "darwin" if sys.platform == "darwin" else "linux"
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = pool.submit(_containers)
        asked = pool.submit(_listed, platform)
        aliases = _aliases(Path(home(environ)), pool)
        found, docker_note = running.result()
        listed, server_note = asked.result()
    exported, in_file, exports_note = _exported()
    notes = [docker_note, server_note, exports_note, *_conf_notes(platform)]
    return Facts(
        platform=platform,
        aliases=aliases,
        containers=found,
        owner=f"{os.getuid()}:{os.getgid()}",
        in_file=in_file,
        exported=exported,
        listed=listed,
        notes=tuple(note for note in notes if note),
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _aliases(user: Path, pool: ThreadPoolExecutor) -> tuple[SshAlias, ...]:
    ssh = shutil.which("ssh")
    names: dict[str, None] = {}
    for file in (user / ".ssh/config", SSH_CONFIG):
        names |= dict.fromkeys(ssh_names.names(file, user, file.parent))
    # ssh takes what begins with a dash for an option.
    wanted = [name for name in names if not name.startswith("-")][:_MOST]
    if ssh is None:
        return tuple(SshAlias(name, name) for name in wanted)
    return tuple(each for each in pool.map(lambda name: _resolved(ssh, name), wanted) if each)


def _resolved(ssh: str, name: str) -> SshAlias | None:
    from hostnfsd.tunnel.ssh_config import read_alias  # noqa: PLC0415  # --help does without

    output = _output([ssh, "-o", "CanonicalizeHostname=no", "-G", "--", name])
    try:
        alias = read_alias(output or "")
    except ValueError:
        return None
    return SshAlias(name, alias.host, alias.port, alias.user, ssh_hosts.forwards(output or ""))


def _containers() -> tuple[tuple[Container, ...], str]:
    docker = shutil.which("docker")
    if docker is None:
        return (), ""
    listed = _output([docker, "ps", "--quiet", "--no-trunc"])
    if listed is None:
        return (), "docker did not answer: containers were not looked at"
    ids = listed.split()
    if not ids:
        return (), ""
    # A container that has ended since is an error for docker, which prints the others all the same.
    inspected = _output([docker, "inspect", "--type", "container", *ids], statuses=(0, 1))
    with suppress(ValueError):
        return containers(inspected or ""), ""
    return (), "docker told nothing of its containers that can be read"


def _output(command: Sequence[str], statuses: Sequence[int] = (0,)) -> str | None:
    """What a command prints; None if it ends with another status, or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603  # ssh and docker, without a shell
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode in statuses else None


def _listed(platform: str) -> tuple[tuple[str, ...] | None, str]:
    from hostnfsd.dial.listing import NotListedError, listing  # noqa: PLC0415  # as above

    try:
        found = asyncio.run(listing(_ADDRESS, None, _RPCBIND, within_s=_WITHIN_S))
    except NotListedError as exc:
        return None, f"{exc}: where it is not started yet, {_START[platform]}"
    return tuple(found), ""


def _exported() -> tuple[tuple[str, ...], bool, str]:
    """What could be mounted through the tunnel, whether anything is exported, a note."""
    from hostnfsd.machine.exports import dialect_of, read  # noqa: PLC0415  # as above
    from hostnfsd.mount.offers import offers  # noqa: PLC0415

    findings = read(EXPORTS, None, dialect=dialect_of("auto"), address=_ADDRESS, low_ports=True)
    known = offers(findings.reading.exports, findings.dialled_from)
    mountable = tuple(offer.path for offer in known if not offer.refused)
    if mountable or not known:
        return mountable, bool(known), ""
    return (
        (),
        True,
        f"no export in {EXPORTS} admits this host: `hostnfsd exports` tells what to change",
    )


def _conf_notes(platform: str) -> Iterator[str]:
    text = _read(NFS_CONF)
    yield from (
        nfs_conf.darwin_remarks(text) if platform == "darwin" else nfs_conf.linux_remarks(text)
    )
