"""The exceptions hostnfsd raises on purpose, each with its exit code (sysexits(3)).

One place turns them into a message and an exit status: ``hostnfsd.cli.main``.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from hostnfsd.problem import Problem


class Exit(IntEnum):
    """Exit codes of every command; see the specification, section 3."""

    OK = 0
    UNHEALTHY = 1
    USAGE = 64
    EXPORTS_INVALID = 65
    FILE_MISSING = 66
    DAEMON_NOT_RUNNING = 69
    INTERNAL = 70
    CANNOT_WRITE = 73
    ALREADY_RUNNING = 75
    NO_PERMISSION = 77
    CONFIG_INVALID = 78


#: What each exit code says, for ``--help`` and the manual page.
MEANINGS: Final[Mapping[Exit, str]] = {
    Exit.OK: "fine",
    Exit.UNHEALTHY: "verdict unhealthy (status, doctor)",
    Exit.USAGE: "usage",
    Exit.EXPORTS_INVALID: "exports invalid (check, exports)",
    Exit.FILE_MISSING: "a named file is missing",
    Exit.DAEMON_NOT_RUNNING: "daemon not running",
    Exit.INTERNAL: "internal error",
    Exit.CANNOT_WRITE: "cannot write (init, install, setup-host)",
    Exit.ALREADY_RUNNING: "already running",
    Exit.NO_PERMISSION: "no permission",
    Exit.CONFIG_INVALID: "configuration invalid",
}


class HostnfsdError(Exception):
    """Something the user can be told in a sentence; ``hint`` says what to do next."""

    exit_code = Exit.INTERNAL

    def __init__(self, text: str, hint: str | None = None) -> None:
        super().__init__(text)
        self.hint = hint


class UsageError(HostnfsdError):
    """The command line asks for something that does not exist."""

    exit_code = Exit.USAGE


class ConfigError(HostnfsdError):
    """The configuration cannot be used; carries every problem found."""

    exit_code = Exit.CONFIG_INVALID

    def __init__(self, text: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(text)
        self.problems = problems


class FileMissingError(HostnfsdError):
    """A file the user named is not there."""

    exit_code = Exit.FILE_MISSING


class NotPermittedError(HostnfsdError):
    """A file is there but may not be read, or an action needs rights we lack."""

    exit_code = Exit.NO_PERMISSION


class CannotWriteError(HostnfsdError):
    """A file could not be written."""

    exit_code = Exit.CANNOT_WRITE


class AlreadyRunningError(HostnfsdError):
    """Another daemon runs with the same configuration."""

    exit_code = Exit.ALREADY_RUNNING


class DaemonUnreachableError(HostnfsdError):
    """No daemon answers on the control socket."""

    exit_code = Exit.DAEMON_NOT_RUNNING


class DaemonMuteError(DaemonUnreachableError):
    """One is there, and does not answer, or with nothing that can be understood.

    Attributes:
        pid: of who listens there; None where the system does not tell.
        silent: whether it did not answer at all.
    """

    def __init__(
        self, text: str, hint: str | None = None, *, pid: int | None = None, silent: bool = False
    ) -> None:
        super().__init__(text, hint)
        self.pid = pid
        self.silent = silent


class DaemonDiffersError(DaemonUnreachableError):
    """One answers, and is of a version whose words are not known here."""
