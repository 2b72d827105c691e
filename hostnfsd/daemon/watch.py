"""Waits for files to change: a poll of stat(2), which no editor's way of saving escapes.

A key, a known_hosts file or an agent's socket may be edited in place, renamed over, deleted or not
be there yet; their inode, size and time of change tell all of it.
"""

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

#: Seconds between looks.
_STEP_S: Final = 0.5

_Signature = tuple[int, int, int, int, int] | None


def signature(path: Path) -> _Signature:
    """What changes when the file does; None while it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


async def changed_files(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Wait until one of the files is no longer what it was when this was called."""
    before = {path: signature(path) for path in paths}
    while True:
        await asyncio.sleep(_STEP_S)
        changed = tuple(path for path, was in before.items() if signature(path) != was)
        if changed:
            return changed


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
