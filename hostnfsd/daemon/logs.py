"""The log: structlog over the standard library's logging, so that asyncssh's records join ours.

Events are constant ``subject_pastverb`` names, variables are keys.
"""

import errno
import fcntl
import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

import structlog

from hostnfsd.config.model import Log
from hostnfsd.daemon.log_lines import Lines, choose_style, formatter, is_journal

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def _stderr() -> int | None:
    # None where the process was started with stderr closed: the number 2 is somebody's socket then.
    return None if sys.__stderr__ is None else sys.__stderr__.fileno()


def _path_of(fd: int) -> str | None:
    """Where a redirected stderr goes (launchd's StandardErrorPath, a shell's ``2>``)."""
    try:
        if sys.platform == "darwin":
            name = fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024))
            return os.fsdecode(name.split(b"\0", 1)[0])
        return str(Path(f"/proc/self/fd/{fd}").readlink())
    except OSError:
        return None


def _regular(fd: int | None) -> str | None:
    """The file that a descriptor is; None where it is anything else."""
    status = _status_of(fd)
    if fd is None or status is None or not stat.S_ISREG(status.st_mode):
        return None
    return _path_of(fd)


def _status_of(fd: int | None) -> os.stat_result | None:
    try:
        return None if fd is None else os.fstat(fd)
    except OSError:
        return None


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(Path(path).expanduser(), flags, 0o640)
    except RuntimeError as exc:
        raise OSError(errno.ENOENT, str(exc)) from exc  # a ~ without a home directory


class Logs:
    """The configured log. One at a time in a process; :meth:`close` undoes it.

    Attributes:
        destination: where the log is, in words for ``hostnfsd status``.
    """

    def __init__(
        self,
        settings: Log,
        environ: Mapping[str, str],
        stderr: int | None,
        moved: Callable[[int | None], None],
    ) -> None:
        self.destination = ""
        self._moved = moved
        self._environ = environ
        self._stderr = stderr
        # Asked once: the answer follows a file that is renamed.
        self._redirected = _regular(stderr)
        self._settings = settings
        self._file: int | None = None
        self._handler: Lines | None = None
        self.apply(settings)

    @property
    def lost(self) -> int:
        """Lines that could not be written since the log was configured last."""
        return 0 if self._handler is None else self._handler.lost

    def apply(self, settings: Log) -> None:
        """Take other settings, at a reload. A file that cannot be opened leaves stderr, loudly."""
        self._settings = settings
        former, failure = self._file, None
        try:
            self._file = _open(settings.file) if settings.file else None
        except OSError as exc:
            self._file, failure = None, exc
        self._replace_handler(self._new_handler())
        self._moved(self._stderr if self._file is None else self._file)
        self._set_levels()
        if former is not None:
            os.close(former)
        if failure is not None:
            structlog.stdlib.get_logger("hostnfsd.logs").error(
                "log_file_failed",
                path=settings.file,
                error=failure.strerror,
                hint="make it and its folder writable for the daemon; SIGHUP tries again",
            )

    def reopen(self) -> None:
        """Open the file anew: newsyslog(8) or logrotate(8) has renamed it and sent SIGHUP."""
        if self._settings.file:
            self.apply(self._settings)

    def close(self) -> None:
        """Log to nowhere; what was configured in structlog and logging is undone."""
        self._replace_handler(None)
        self._moved(None)
        if self._file is not None:
            os.close(self._file)
            self._file = None
        structlog.reset_defaults()

    def _replace_handler(self, handler: Lines | None) -> None:
        root = logging.getLogger()
        if self._handler is not None:
            root.removeHandler(self._handler)
        if handler is not None:
            root.addHandler(handler)
        self._handler = handler

    def _new_handler(self) -> Lines:
        fd = self._stderr if self._file is None else self._file
        tty = journal = False
        path = self._redirected
        if self._file is not None:
            path = str(Path(self._settings.file).expanduser())
        self.destination = self._settings.file if self._file is not None else path or "stderr"
        status = _status_of(fd) if self._file is None else None
        if fd is not None and status is not None:
            tty = os.isatty(fd)
            journal = is_journal(self._environ, status.st_dev, status.st_ino)
            if journal:
                self.destination, path = "journal", None
        colour = not self._environ.get("NO_COLOR") and self._environ.get("TERM") != "dumb"
        style = choose_style(self._settings.format, tty=tty, colour=colour)
        handler = Lines(fd, journal=journal, path=path)
        handler.setFormatter(formatter(style, journal=journal))
        return handler

    def _set_levels(self) -> None:
        level = _LEVELS[self._settings.level]
        logging.getLogger("hostnfsd").setLevel(level)
        logging.getLogger().setLevel(max(level, logging.WARNING))
        # asyncssh at INFO writes several lines per forwarded connection. Its own debug level 3,
        # which prints secrets, is never switched on.
        talkative = logging.INFO if level == logging.DEBUG else max(level, logging.WARNING)
        logging.getLogger("asyncssh").setLevel(talkative)


def configure(
    settings: Log,
    *,
    environ: Mapping[str, str] = os.environ,
    stderr: int | None = None,
    moved: Callable[[int | None], None] = lambda _descriptor: None,
) -> Logs:
    """Send every log line of this process where the configuration wants it.

    Args:
        settings: the ``[log]`` table.
        environ: ``JOURNAL_STREAM``, ``NO_COLOR`` and ``TERM`` are read.
        stderr: the descriptor for logs without a file; default: the process's stderr.
        moved: told the descriptor that lines go to, whenever it may be another; None: nowhere.
    """
    structlog.configure(
        processors=[
            # The standard logger's level decides, so that a reload also reaches loggers that were
            # bound long ago.
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return Logs(settings, environ, _stderr() if stderr is None else stderr, moved)


@contextmanager
def silenced() -> Iterator[None]:
    """Log to nowhere: for a command that uses parts of the daemon and tells of them itself."""

    def drop(*_: object) -> NoReturn:
        raise structlog.DropEvent

    structlog.configure(processors=[drop], logger_factory=structlog.ReturnLoggerFactory())
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
        structlog.reset_defaults()
