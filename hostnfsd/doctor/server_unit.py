"""What launchd's and systemd's commands say of the NFS server. Pure.

``nfsd status`` (nfsd(8) of macOS, nfsd/main.c): ``nfsd service is enabled|disabled``, then ``nfsd
is not running`` or ``nfsd is running (pid N, N threads)``. ``systemctl show -p …`` (systemctl(1)):
``Key=Value`` lines, a block for each unit.
"""

import re
from dataclasses import dataclass
from typing import Final

#: Units that run an NFS server, by their usual names.
UNITS: Final = ("nfs-server.service", "nfs-kernel-server.service", "nfs-ganesha.service")
#: How systemd is asked for all of them at once.
SYSTEMCTL: Final = (
    "systemctl",
    "show",
    "--property=Id,LoadState,ActiveState,UnitFileState",
    *UNITS,
)
NFSD_STATUS: Final = ("/sbin/nfsd", "status")

_ENABLED: Final = frozenset({"enabled", "enabled-runtime", "static", "alias", "generated"})
_RUNNING: Final = re.compile(r"^nfsd is running(?: \(pid (?P<pid>\d+))?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ServerUnit:
    """The server as a service of the machine.

    Attributes:
        name: ``nfsd``, or the unit's.
        enabled: whether it starts with the machine.
        running: whether it runs now.
    """

    name: str
    enabled: bool
    running: bool


def of_nfsd(output: str) -> ServerUnit | None:
    """Read ``nfsd status``; None if that is no such output."""
    enabled = "nfsd service is enabled" in output
    if not enabled and "nfsd service is disabled" not in output:
        return None
    return ServerUnit("nfsd", enabled, _RUNNING.search(output) is not None)


def of_systemd(output: str) -> ServerUnit | None:
    """Read :data:`SYSTEMCTL`'s output; None if no unit is installed, or it told nothing.

    Of several units the one that runs, else one that is enabled, else the first.
    """
    found: list[ServerUnit] = []
    for block in output.split("\n\n"):
        words = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if words.get("LoadState") == "loaded":
            enabled = words.get("UnitFileState") in _ENABLED
            running = words.get("ActiveState") in {"active", "reloading"}
            found.append(ServerUnit(words.get("Id", "?"), enabled, running))
    found.sort(key=lambda unit: (not unit.running, not unit.enabled))
    return found[0] if found else None
