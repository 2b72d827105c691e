"""The service that a daemon runs as, or would: which of the two, and how it is started. Pure.

``/proc/PID/cgroup`` (cgroups(7)) names the unit of a process, ``0::/system.slice/hostnfsd.service``
or ``0::/user.slice/user-1000.slice/user@1000.service/app.slice/hostnfsd.service``. launchd has no
such word for it; there, and where no daemon runs, its file tells what is installed.
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import PurePath, PurePosixPath
from typing import Final

from hostnfsd.install.launchd import LABEL
from hostnfsd.install.systemd import UNIT

_PLIST: Final = f"{LABEL}.plist"
_BY_HAND: Final = "end it, and start it as it was started:"


class Domain(StrEnum):
    """Whose service manager has it."""

    SYSTEM = "system"
    USER = "user"


def of_cgroup(text: str) -> Domain | None:
    """Whose unit a process is of; None if it is of none of ours: somebody runs it by hand."""
    for line in text.splitlines():
        path = line.rpartition(":")[2]
        if path.rpartition("/")[2] == UNIT:
            return Domain.USER if "/user@" in path else Domain.SYSTEM
    return None


def files(
    platform: str, home: PurePath, config_home: PurePath
) -> Iterator[tuple[PurePath, Domain]]:
    """Where the service's file is if it is installed, the user's own first.

    Args:
        platform: ``darwin`` or ``linux``.
        home: of the user.
        config_home: ``$XDG_CONFIG_HOME``, or ``~/.config``.
    """
    if platform == "darwin":
        yield home / "Library/LaunchAgents" / _PLIST, Domain.USER
        yield PurePosixPath("/Library/LaunchDaemons") / _PLIST, Domain.SYSTEM
        return
    yield config_home / "systemd/user" / UNIT, Domain.USER
    # systemd.unit(5): the administrator's, a package's.
    for folder in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"):
        yield PurePosixPath(folder) / UNIT, Domain.SYSTEM


def restart(domain: Domain | None, platform: str) -> tuple[str, ...]:
    """How a daemon that runs is started anew."""
    match platform, domain:
        case _, None:
            return (_BY_HAND, "$ hostnfsd run")
        case "darwin", Domain.USER:
            return ("restart it:", f"$ launchctl kickstart -k gui/$(id -u)/{LABEL}")
        case "darwin", _:
            return ("restart it:", f"$ sudo launchctl kickstart -k system/{LABEL}")
        case _, Domain.USER:
            return ("restart it:", "$ systemctl --user restart hostnfsd")
        case _:
            return ("restart it:", "$ sudo systemctl restart hostnfsd")


def start(domain: Domain | None, platform: str) -> tuple[str, ...] | None:
    """How one that does not run is started; None where nothing is installed yet."""
    match platform, domain:
        case _, None:
            return None
        case "darwin", Domain.USER:
            return ("it is installed: its log tells why it ended; start it:", "$ hostnfsd install")
        case "darwin", _:
            return (
                "it is installed: its log tells why it ended; start it:",
                "$ sudo hostnfsd install --system",
            )
        case _, Domain.USER:
            return (
                "it is installed: `journalctl --user -u hostnfsd` tells why it ended; start it:",
                "$ systemctl --user start hostnfsd",
            )
        case _:
            return (
                "it is installed: `journalctl -u hostnfsd` tells why it ended; start it:",
                "$ sudo systemctl start hostnfsd",
            )
