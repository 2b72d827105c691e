"""How a log line looks, and how it is written: for a terminal, a program, or the journal.

Writing a line never raises and never keeps what could not be written: a full disk or a closed
stderr costs the line, not the daemon. What comes from the network is stripped of control characters
before it reaches a terminal.
"""

import json
import logging
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import PurePath
from typing import Final, Literal, assert_never

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from hostnfsd.readable import printable

Style = Literal["colour", "console", "json"]

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


def formatter(style: Style, *, journal: bool) -> structlog.stdlib.ProcessorFormatter:
    """What makes a line of a record, ours or another library's.

    Args:
        style: how it looks.
        journal: leave the time out: the journal has its own clock.
    """
    before: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not journal:
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


class Lines(logging.Handler):
    """Writes whole lines to a descriptor, unbuffered; counts those it had to drop."""

    def __init__(self, fd: int | None, *, journal: bool, path: str | None = None) -> None:
        """Make it.

        Args:
            fd: where lines go; None: nowhere.
            journal: whether that is the journal.
            path: the file that it is. One that has been renamed or removed, as newsyslog(8) and
                logrotate(8) do, is opened anew at the next line: without a signal, and also where
                launchd or a shell opened it as our stderr.
        """
        super().__init__()
        self.fd = fd
        self.path = path
        self.lost = 0
        self._journal = journal
        self._torn = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or count it as lost."""
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
        if self.path is not None:
            with suppress(OSError):  # then the old file has to do
                self._follow(self.fd, self.path)
        data = b"\n" + line if self._torn else line
        written = os.write(self.fd, data)
        # A disk that was full in the middle of a line: the next line starts on its own.
        self._torn = written < len(data)
        self.lost += self._torn

    def _follow(self, fd: int, path: str) -> None:
        ours = os.fstat(fd)
        try:
            there = os.stat(path)  # noqa: PTH116  # twice a line: no more than the call
        except FileNotFoundError:
            pass
        else:
            if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
                return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        new = os.open(path, flags, stat.S_IMODE(ours.st_mode))
        # The number stays: whoever else writes there, the interpreter's own tracebacks for one,
        # goes on with us.
        os.dup2(new, fd, inheritable=os.get_inheritable(fd))
        os.close(new)
        self._torn = False
