"""An ssh of the user's own to a gateway: a command with what hostnfsd's settings say. Pure."""

import shlex
from typing import Final

from hostnfsd.config.model import Gateway

#: Keys that a service manager hands to a service: nobody else has them.
_HANDED: Final = "credential:"


def ssh(name: str, gateway: Gateway, arguments: tuple[str, ...], *command: str) -> str:
    """A command line for a shell.

    Args:
        name: of the gateway's table: an alias of ssh_config.
        gateway: its table.
        arguments: how ssh(1) is told which ssh_config to read.
        command: what to run there.
    """
    words = ["ssh", *arguments]
    if gateway.ssh_config != "none":
        # What the alias forwards is not asked for beside it, and a master that stands is left out.
        words += ["-o", "ClearAllForwardings=yes", "-o", "ControlPath=none"]
    for file in gateway.identity_files or ():
        words += [] if file.startswith(_HANDED) else ["-i", file]
    if gateway.known_hosts is not None:
        words += ["-o", f"UserKnownHostsFile={gateway.known_hosts}"]
    if gateway.port is not None:
        words += ["-p", str(gateway.port)]
    if gateway.user is not None:
        words += ["-l", gateway.user]
    return shlex.join((*words, gateway.host or name, *command))
