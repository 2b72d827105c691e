"""Resolves a gateway's name afresh before each connect: ssh_config by OpenSSH's own parser.

asyncssh rejects configuration files that OpenSSH accepts, so ``ssh -G`` is asked where there is an
``ssh``. Without one only what ``[gateway.NAME]`` says counts.
"""

import getpass
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from hostnfsd.config.model import Gateway
from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.dial.program import run as run_program
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import Failure
from hostnfsd.tunnel.ssh_config import Alias, read_alias

#: ``Match exec`` lines run commands: generous, but not for ever.
_TIMEOUT_S: Final = 5.0
DEFAULT_CONFIG: Final = "~/.ssh/config"


async def resolve(name: str, gateway: Gateway, within_s: float = _TIMEOUT_S) -> Alias:
    """What to dial and how: ssh_config's answer, overridden by the configuration's explicit keys.

    Args:
        name: of the gateway's table.
        gateway: its table.
        within_s: how long ssh may take to answer.

    Raises:
        TunnelFailureError: of kind CONFIG, if ssh_config cannot be used.
    """
    alias = await _ask_ssh(name, gateway, within_s)
    changes: dict[str, object] = {}
    if gateway.host is not None:
        changes |= {"host": gateway.host, "host_key_alias": None}
    if gateway.port is not None:
        changes["port"] = gateway.port
    if gateway.user is not None:
        changes["user"] = gateway.user
    if gateway.identity_files is not None:
        changes |= {"identity_files": gateway.identity_files, "identities_only": True}
    if gateway.known_hosts is not None:
        changes["known_hosts"] = (gateway.known_hosts,)
    resolved = replace(alias, **changes)  # type: ignore[arg-type]  # keys and types stand above
    return resolved if resolved.user else replace(resolved, user=_ourselves())


def _ourselves() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        raise TunnelFailureError(
            Failure(
                FailureKind.CONFIG,
                f"whom to log in as is not known: uid {os.getuid()} has no name here",
                "set user in [gateway.NAME], and reload",
            )
        ) from None


def config_file(gateway: Gateway) -> Path | None:
    """The ssh_config file to use; None to use none."""
    if gateway.ssh_config == "none":
        return None
    # Who has no home keeps the ~ instead of raising: there is no such file, then.
    return Path(os.path.expanduser(gateway.ssh_config))  # noqa: PTH111


def config_arguments(gateway: Gateway) -> tuple[str, ...]:
    """How ssh(1) is told which file to read.

    Unnamed, it reads the user's file and the system's; ``-F`` replaces both.
    """
    path = config_file(gateway)
    if gateway.ssh_config == DEFAULT_CONFIG:
        return ()
    return ("-F", "none" if path is None else str(path))


async def _ask_ssh(name: str, gateway: Gateway, within_s: float) -> Alias:
    path = config_file(gateway)
    ssh = shutil.which("ssh")
    if path is None or ssh is None:
        return Alias(host=name)
    which = config_arguments(gateway)
    if which and not path.is_file():
        raise _unusable(f"there is no file {path}")
    try:
        ended = await run_program(ssh, *which, "-G", name, within_s=within_s)
    except TimeoutError:
        raise _unusable(
            f"ssh -G {name} did not end within {within_s:g} s: a `Match exec` of it may hang"
        ) from None
    if ended.status != 0:
        raise _unusable(ended.complaint.decode(errors="replace").strip() or f"ssh -G {name} failed")
    try:
        return read_alias(ended.output.decode(errors="replace"))
    except ValueError as exc:
        raise _unusable(str(exc)) from exc


def _unusable(text: str) -> TunnelFailureError:
    return TunnelFailureError(
        Failure(
            FailureKind.CONFIG,
            f"ssh_config cannot be used: {text}",
            'mend it, or set ssh_config = "none" in [gateway.NAME] and name host, port and user',
        )
    )
