"""The log: structlog over the standard library's logging, so that asyncssh's records join ours.

Events are constant ``subject_pastverb`` names, variables are keys. Writing a line never raises and
never keeps what could not be written: a full disk or a closed stderr costs the line, not the
daemon. What comes from the network is stripped of control characters before it reaches a terminal.
"""

import fcntl
import json
import logging
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Final, Literal, assert_never

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from hostnfsd.config.model import Log
from hostnfsd.readable import printable

Style = Literal["colour", "console", "json"]

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
# syslog(3) priorities, as sd-daemon(3) reads them off the start of a line.
_PRIORITIES: Final = (
    (logging.ERROR, "<3>"),
    (logging.WARNING, "<4>"),
    (logging.INFO, "<6>"),
    (logging.NOTSET, "<7>"),
)
_FIRST: Final = ("timestamp", "level", "event")


def choose_style(wanted: Literal["auto", "console", "json"], *, tty: bool, colour: bool) -> Style:
    """How lines look: for a person at a terminal, for a person without colours, or for a program.

    Args:
        wanted: the configuration's ``[log] format``.
        tty: whether the log goes to a terminal.
        colour: whether the user admits colours there (``NO_COLOR``, ``TERM``).
    """
    if wanted == "json" or (wanted == "auto" and not tty):
        return "json"
    return "colour" if tty and colour else "console"


def priority_prefix(level: int) -> str:
    """The ``<N>`` that tells the journal how important a line is."""
    return next(prefix for least, prefix in _PRIORITIES if level >= least)


def is_journal(environ: Mapping[str, str], device: int, inode: int) -> bool:
    """Whether a descriptor is the journal's stream, as systemd.exec(5) has it found out.

    The variable alone does not tell: a child inherits it although its stderr was redirected.
    """
    return environ.get("JOURNAL_STREAM") == f"{device}:{inode}"


def _printable(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, PurePath | BaseException):
            event[key] = printable(str(value))
        elif isinstance(value, str):
            event[key] = printable(value, lines=key in {"exception", "stack"})
    return event


def _ordered(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    first = {key: event.pop(key) for key in _FIRST if key in event}
    return {**first, **event}


def _formatter(style: Style, *, journal: bool) -> structlog.stdlib.ProcessorFormatter:
    before: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not journal:
        # The journal has its own clock.
        before.append(
            structlog.processors.TimeStamper(fmt="iso", utc=True)
            if style == "json"
            else structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False)
        )
    renderer: Processor
    match style:
        case "json":
            # Text stays readable; what is no valid text (a path's lone surrogate) is escaped when
            # the line is encoded.
            renderer = structlog.processors.JSONRenderer(serializer=json.dumps, ensure_ascii=False)
        case "console" | "colour":
            renderer = structlog.dev.ConsoleRenderer(
                colors=style == "colour",
                sort_keys=False,
                # The default prints local variables, secrets included.
                exception_formatter=structlog.dev.plain_traceback,
            )
        case _:
            assert_never(style)
    shared: list[Processor] = [structlog.processors.format_exc_info, _printable, _ordered]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.add_log_level],
        processors=[*before, *shared, renderer],
    )


class _Lines(logging.Handler):
    """Writes whole lines to a descriptor, unbuffered; counts those it had to drop."""

    def __init__(self, fd: int | None, *, journal: bool) -> None:
        super().__init__()
        self.fd = fd
        self.lost = 0
        self._journal = journal
        self._torn = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            if self._journal:
                prefix = priority_prefix(record.levelno)
                text = "\n".join(prefix + line for line in text.splitlines())
            self._write(text.encode("utf-8", "backslashreplace") + b"\n")
        except Exception:  # noqa: BLE001  # a log line is never worth the daemon
            self.lost += 1

    def _write(self, line: bytes) -> None:
        if self.fd is None:
            self.lost += 1
            return
        data = b"\n" + line if self._torn else line
        written = os.write(self.fd, data)
        # A disk that was full in the middle of a line: the next line starts on its own.
        self._torn = written < len(data)
        self.lost += self._torn


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


def _status_of(fd: int | None) -> os.stat_result | None:
    try:
        return None if fd is None else os.fstat(fd)
    except OSError:
        return None


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    return os.open(Path(path).expanduser(), flags, 0o640)


class Logs:
    """The configured log. One at a time in a process; :meth:`close` undoes it.

    Attributes:
        destination: where the log is, in words for ``hostnfsd status``.
    """

    def __init__(self, settings: Log, environ: Mapping[str, str], stderr: int | None) -> None:
        self.destination = ""
        self._environ = environ
        self._stderr = stderr
        self._settings = settings
        self._file: int | None = None
        self._handler: _Lines | None = None
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
        if self._file is not None:
            os.close(self._file)
            self._file = None
        structlog.reset_defaults()

    def _replace_handler(self, handler: _Lines | None) -> None:
        root = logging.getLogger()
        if self._handler is not None:
            root.removeHandler(self._handler)
        if handler is not None:
            root.addHandler(handler)
        self._handler = handler

    def _new_handler(self) -> _Lines:
        fd = self._stderr if self._file is None else self._file
        tty = journal = False
        self.destination = self._settings.file if self._file is not None else "stderr"
        status = _status_of(fd) if self._file is None else None
        if fd is not None and status is not None:
            tty = os.isatty(fd)
            journal = is_journal(self._environ, status.st_dev, status.st_ino)
            if journal:
                self.destination = "journal"
            elif stat.S_ISREG(status.st_mode):
                self.destination = _path_of(fd) or "stderr"
        colour = not self._environ.get("NO_COLOR") and self._environ.get("TERM") != "dumb"
        style = choose_style(self._settings.format, tty=tty, colour=colour)
        handler = _Lines(fd, journal=journal)
        handler.setFormatter(_formatter(style, journal=journal))
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
    settings: Log, *, environ: Mapping[str, str] = os.environ, stderr: int | None = None
) -> Logs:
    """Send every log line of this process where the configuration wants it.

    Args:
        settings: the ``[log]`` table.
        environ: ``JOURNAL_STREAM``, ``NO_COLOR`` and ``TERM`` are read.
        stderr: the descriptor for logs without a file; default: the process's stderr.
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
    return Logs(settings, environ, _stderr() if stderr is None else stderr)
