"""Asking a running daemon over its control socket, wherever that is."""

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from hostnfsd.errors import (
    DaemonMuteError,
    DaemonUnreachableError,
    FileMissingError,
    NotPermittedError,
)

if TYPE_CHECKING:
    from hostnfsd.cli.unix_http import Answer

TIMEOUT_S: Final = 10.0
# From the table's header to the next, and in it the one line that counts.
_CONTROL: Final = re.compile(
    r"^[ \t]*\[[ \t]*control[ \t]*\].*?(?=^[ \t]*\[|\Z)", re.MULTILINE | re.DOTALL
)
_SOCKET: Final = re.compile(r"^[ \t]*socket[ \t]*=.*$", re.MULTILINE)


class Candidate(NamedTuple):
    """A socket at which a daemon may answer.

    Attributes:
        path: the socket.
        config: the configuration that a daemon must have read to be meant there; None for any.
    """

    path: PurePath
    config: Path | None = None


def _configured(explicit: str | None) -> tuple[str, Path | None]:
    """``control.socket`` of the configuration that a daemon started like this would read; its file.

    Only this one key is read, and a file that is wrong elsewhere is no reason not to find the
    daemon that goes on with what it read before.
    """
    from hostnfsd.cli.load import find, read  # noqa: PLC0415  # commands import when they run

    try:
        file = find(explicit)
        text = read(file).decode("utf-8", "replace")
    except (FileMissingError, NotPermittedError):
        if explicit is not None:
            raise
        return "", None
    return socket_in(text), file


def socket_in(text: str) -> str:
    """``control.socket`` in a configuration's text; empty if it is not there.

    A text that is no TOML, as one being edited, is searched for the one line that counts.
    """
    import tomli  # noqa: PLC0415  # as above

    table = _CONTROL.search(text)
    line = _SOCKET.search(table.group()) if table else None
    for part in (text, f"[control]\n{line.group()}" if line else ""):
        try:
            control = cast("object", tomli.loads(part).get("control", {}))
        except tomli.TOMLDecodeError:
            continue
        path = control.get("socket", "") if isinstance(control, dict) else ""
        return path if isinstance(path, str) else ""
    return ""


def sockets(explicit: str | None) -> tuple[Candidate, ...]:
    """The sockets at which a daemon may answer, in the order to try.

    Where ``control.socket`` is configured, a daemon at one of the usual places is meant only if it
    has read this very file: it was started before the key was written.

    Args:
        explicit: the path given with ``--config``, or None.

    Raises:
        FileMissingError, NotPermittedError: the named file cannot be read.
    """
    from hostnfsd.cli.surroundings import surroundings  # noqa: PLC0415  # as above
    from hostnfsd.config.paths import control_sockets  # noqa: PLC0415  # as above

    configured, file = _configured(explicit)
    first, *others = control_sockets(configured, surroundings())
    config = file if configured else None
    return (Candidate(first), *(Candidate(path, config) for path in others))


def ask(
    candidates: Sequence[Candidate], method: str, target: str, timeout_s: float = TIMEOUT_S
) -> "Answer":
    """Ask the first daemon that lives.

    Args:
        candidates: the sockets to try, in order.
        method: ``GET`` or ``POST``.
        target: path and query.
        timeout_s: how long an answer may take.

    Raises:
        DaemonUnreachableError: there is none.
        DaemonMuteError: one is there and does not answer, or what answers is no hostnfsd.
        NotPermittedError: one is there, and does not admit this user.
    """
    from hostnfsd.cli import unix_http  # noqa: PLC0415  # http.client takes 30 ms to import

    forbidden: PurePath | None = None
    for path, config in candidates:
        if config is not None and not _has_read(path, config, timeout_s):
            continue
        try:
            return unix_http.ask(path, method, target, timeout_s)
        except PermissionError:
            forbidden = forbidden or path
        except unix_http.SilentError as exc:
            raise DaemonMuteError(
                f"the daemon at {path} does not answer within {timeout_s:g} s",
                _silent_hint("PID" if exc.pid is None else str(exc.pid)),
                pid=exc.pid,
                silent=True,
            ) from exc
        except unix_http.NotOursError as exc:
            raise DaemonMuteError(
                f"what answers at {path} is no hostnfsd: {exc}",
                "set [control] socket to a path of its own",
            ) from exc
        except OSError:
            # No such file, nobody listens, or it stopped while it was asked.
            continue
    if forbidden is not None:
        raise NotPermittedError(
            f"{forbidden}: this user may not speak to the daemon",
            f"run it as the daemon's user, or with sudo (owner: ls -ld {Path(forbidden).parent})",
        )
    own = " nor at ".join(str(each.path) for each in candidates if each.config is None)
    usual = " nor at ".join(str(each.path) for each in candidates if each.config is not None)
    raise DaemonUnreachableError(
        f"no daemon answers at {own}"
        + (f", and none of this configuration at {usual}" if usual else ""),
        "start it with `hostnfsd run`, or as a service with `hostnfsd install`"
        + (_MOVED if usual else ""),
    )


def _silent_hint(pid: str) -> str:
    return (
        f"its log tells what it does; `kill -CONT {pid}` lets one go on that was stopped (Ctrl-Z),"
        f" `kill -ABRT {pid}` ends one that hangs"
    )


#: Where a socket is configured, the daemon may have been started with another.
_MOVED: Final = (
    "; one that was started before control.socket was changed is reached by a signal:"
    " kill -HUP PID, or systemctl reload hostnfsd"
)


def _has_read(path: PurePath, config: Path, timeout_s: float) -> bool:
    """Whether a daemon answers at ``path`` whose configuration is ``config``."""
    from hostnfsd.cli import unix_http  # noqa: PLC0415  # as above

    try:
        document = unix_http.ask(path, "GET", "/status", timeout_s).document
    except (OSError, unix_http.NotOursError):
        return False
    file = document.get("config_path")
    return isinstance(file, str) and os.path.realpath(file) == os.path.realpath(config)
