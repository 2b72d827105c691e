"""Where the daemon keeps its socket and its state, and where commands look for the socket.

A daemon of the system (root, or started as a system service) and one of a user live in different
places, so that both can run. systemd tells a service its folders in the environment
(systemd.exec(5), RuntimeDirectory= and StateDirectory=); a launchd job can set the same variables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath, PurePosixPath
from typing import Final

SOCKET_NAME: Final = "control.sock"
_NAME: Final = "hostnfsd"
_APPLICATION_SUPPORT: Final = "Library/Application Support"


class Scope(StrEnum):
    """Whose daemon it is."""

    USER = "user"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of the process decides about folders.

    Attributes:
        platform: ``sys.platform``.
        home: the home directory.
        uid: the effective user id.
        environ: the environment; empty variables count as unset.
    """

    platform: str
    home: PurePath
    uid: int
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        """The scope of a daemon started here."""
        return Scope.SYSTEM if self.uid == 0 else Scope.USER

    def folder(self, variable: str) -> PurePath | None:
        """The absolute folder that a variable names; the first, where it names several."""
        first = self.environ.get(variable, "").partition(":")[0]
        return PurePosixPath(first) if first.startswith("/") else None


def control_socket(configured: str, here: Surroundings) -> PurePath:
    """The socket that a daemon started here listens on.

    Args:
        configured: ``control.socket``; empty for the default.
        here: the daemon's surroundings.
    """
    if configured:
        return expand(configured, here.home)
    if (given := here.folder("RUNTIME_DIRECTORY")) is not None:
        return given / SOCKET_NAME
    return _default_socket(here.scope, here)


def control_sockets(configured: str, here: Surroundings) -> tuple[PurePath, ...]:
    """The sockets that a command tries, in order: the configured, the user's, the system's.

    The last two also where one is configured: a daemon that was started before ``control.socket``
    was written into the file still listens where it did.
    """
    usual = (_default_socket(Scope.USER, here), _default_socket(Scope.SYSTEM, here))
    own = (expand(configured, here.home),) if configured else ()
    return tuple(dict.fromkeys((*own, *usual)))


def _default_socket(scope: Scope, here: Surroundings) -> PurePath:
    if scope is Scope.SYSTEM:
        run = "/var/run" if here.platform == "darwin" else "/run"
        return PurePosixPath(run) / _NAME / SOCKET_NAME
    if here.platform == "darwin":
        return here.home / _APPLICATION_SUPPORT / _NAME / SOCKET_NAME
    runtime = here.folder("XDG_RUNTIME_DIR")
    # No login session (cron, a bare ssh command): the state folder is the user's own as well.
    return (runtime / _NAME if runtime else _user_state(here)) / SOCKET_NAME


def state_directory(configured: str, here: Surroundings) -> PurePath:
    """Where the daemon remembers what it must across restarts.

    Args:
        configured: ``state.directory``; empty for the default.
        here: the daemon's surroundings.
    """
    if configured:
        return expand(configured, here.home)
    if (given := here.folder("STATE_DIRECTORY")) is not None:
        return given
    if here.scope is Scope.USER:
        return _user_state(here)
    # macOS has no /var/lib; its own daemons use /var/db.
    return PurePosixPath("/var/db" if here.platform == "darwin" else "/var/lib") / _NAME


def _user_state(here: Surroundings) -> PurePath:
    if here.platform == "darwin":
        return here.home / _APPLICATION_SUPPORT / _NAME
    return (here.folder("XDG_STATE_HOME") or here.home / ".local/state") / _NAME


def expand(path: str, home: PurePath) -> PurePath:
    """``~`` and ``~/…`` with the home directory put in; any other path as it is."""
    if path == "~":
        return home
    return home / path[2:] if path.startswith("~/") else PurePosixPath(path)
