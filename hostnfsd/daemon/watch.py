"""Whether files changed: a poll of stat(2), which no editor's way of saving escapes.

A key, a known_hosts file, an agent's socket or an exports file may be edited in place, renamed
over, deleted or not be there yet, and so may what a symbolic link leads to; inode, size and times
tell all of it. A folder's tell of names that come and go in it.
"""

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from hostnfsd.daemon.aside import Aside

#: Seconds between looks.
STEP_S: Final = 0.5
#: Seconds a look may take: stat(2) waits for ever where a file lies on a server that is gone.
LOOK_S: Final = 5.0

Signature = tuple[int, int, int, int, int] | None


def signature(path: Path) -> Signature:
    """What changes when the file does; None while it is not there."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def signatures(paths: Iterable[Path]) -> dict[Path, Signature]:
    """Those of several files."""
    return {path: signature(path) for path in paths}


def bare(seen: Signature) -> bool:
    """Whether a file is missing, or has nothing in it."""
    return seen is None or seen[2] == 0


async def changed_files(before: Mapping[Path, Signature]) -> tuple[Path, ...]:
    """Wait until one of the files is no longer what it was.

    While a look hangs nothing has changed, as far as anybody can tell.
    """
    aside = Aside("watch")
    while True:
        try:
            now = await aside.do(lambda: signatures(before), LOOK_S)
        except TimeoutError:
            continue
        changed = tuple(path for path, was in before.items() if now[path] != was)
        if changed:
            return changed
        await asyncio.sleep(STEP_S)


def login_files(
    *,
    ssh_config: str,
    known_hosts: Iterable[str],
    identities: Iterable[str],
    agent: str | None,
    environ: Mapping[str, str],
) -> tuple[Path, ...]:
    """The files on which a login depends; ``~`` is expanded, credentials are left out.

    ``agent`` is IdentityAgent (ssh_config(5)); None: what SSH_AUTH_SOCK names.
    """
    socket = environ.get("SSH_AUTH_SOCK", "") if agent is None else agent
    names = [ssh_config, *known_hosts, *identities, socket]
    return tuple(
        Path(os.path.expandvars(os.path.expanduser(name)))  # noqa: PTH111  # ~nobody stays as it is instead of raising
        for name in names
        if name not in {"", "none"} and not name.startswith("credential:")
    )
