"""Waits until something changes on which a login depends: its files, and what the agent holds.

A person who has mended it should not have to say so. That keys were added to an agent shows at no
file, so it is asked.
"""

import asyncio
import glob
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from hostnfsd.daemon.ssh import keys
from hostnfsd.daemon.ssh.alias import DEFAULT_CONFIG
from hostnfsd.daemon.watch import Signature, changed_files, login_files, signatures
from hostnfsd.tunnel.ssh_config import Alias, included

#: Seconds between two questions to the agent.
AGENT_STEP_S: Final = 2.0
_USERS: Final = "~/.ssh"
_SYSTEMS: Final = Path("/etc/ssh")
#: Files that include each other in a circle end here; ssh itself gives up after 16 levels.
_MOST_FILES: Final = 256


class LoginWatch:
    """What a login depended on when it was tried last, and whether that has changed since.

    Since then, and not since it was found to have failed: what is mended meanwhile counts, too.

    Args:
        environ: for ``SSH_AUTH_SOCK`` and variables in file names.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._alias: Alias | None = None
        self._held: keys.Held = None
        self._before: Mapping[Path, Signature] = {}

    def begin(self, ssh_config: str, alias: Alias | None = None) -> None:
        """A login is about to be tried.

        Args:
            ssh_config: ``[gateway.NAME] ssh_config``.
            alias: what the gateway's name resolved to; None while that is not known anew.
        """
        self._alias = alias or self._alias
        self._held = None
        self._before = signatures(watched(ssh_config, self._alias, self._environ))

    def agent_holds(self, held: keys.Held) -> None:
        """What the agent held when it was asked for keys to offer."""
        self._held = held

    async def changed(self) -> None:
        """Wait for the first change."""
        waits = [
            asyncio.create_task(changed_files(self._before)),
            asyncio.create_task(self._agent_changed()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _agent_changed(self) -> None:
        setting = None if self._alias is None else self._alias.identity_agent
        while await keys.held(keys.agent_socket(setting, self._environ)) == self._held:  # noqa: ASYNC110  # an agent tells of nothing by itself
            await asyncio.sleep(AGENT_STEP_S)


def watched(ssh_config: str, alias: Alias | None, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The files and folders on which a login depends, each once."""
    identities = () if alias is None else (*alias.identity_files, *alias.certificate_files)
    files = login_files(
        ssh_config="none",
        known_hosts=() if alias is None else alias.known_hosts,
        identities=(*identities, *(f"{name}.pub" for name in identities)),
        agent=None if alias is None else alias.identity_agent,
        environ=environ,
    )
    return tuple(dict.fromkeys((*files, *_configurations(ssh_config))))


def _configurations(ssh_config: str) -> Iterator[Path]:
    """The files that ssh(1) reads, those that they include, and folders where more may appear."""
    if ssh_config == "none":
        return
    files = [(_expanded(ssh_config), _expanded(_USERS))]
    if ssh_config == DEFAULT_CONFIG:
        files.append((_SYSTEMS / "ssh_config", _SYSTEMS))
    seen: set[Path] = set()
    while files and len(seen) < _MOST_FILES:
        file, home = files.pop()
        if file in seen:
            continue
        seen.add(file)
        yield file
        text = ""
        with suppress(OSError):
            text = file.read_text(encoding="utf-8", errors="replace")
        for name in included(text):
            # Names without a folder are below that of the user or of the system (ssh_config(5)).
            pattern = home / _expanded(name)
            if glob.has_magic(str(pattern)):
                yield pattern.parent
                files += [(Path(found), home) for found in sorted(glob.glob(str(pattern)))]  # noqa: PTH207  # absolute
            else:
                files.append((pattern, home))


def _expanded(name: str) -> Path:
    return Path(os.path.expanduser(name))  # noqa: PTH111  # who has no home stays ~ instead of raising
