"""``hostnfsd status``: what the running daemon knows."""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from hostnfsd import __version__
from hostnfsd.cli import control_client
from hostnfsd.errors import DaemonDiffersError, DaemonMuteError, DaemonUnreachableError, Exit

if TYPE_CHECKING:
    from hostnfsd.snapshot import Snapshot

INTERVAL_S: Final = 1.0
_CLEAR: Final = "\x1b[2J\x1b[H"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of ``status``."""
    parser = commands.add_parser(
        "status",
        help="ask the daemon how it is",
        description="Ask the daemon how it is: each gateway and each service, its state and since"
        " when, connections, bytes and the last error. Exits 0 when every required service of"
        " every gateway that is not optional is ready, 1 when not, 69 when no daemon runs.",
    )
    parser.add_argument("--json", action="store_true", help="print the status document")
    parser.add_argument("--watch", action="store_true", help="again every second, until Ctrl-C")
    parser.add_argument(
        "--clients", action="store_true", help="also show who is connected and who was refused"
    )
    parser.set_defaults(run=run)


def fetch(
    candidates: Sequence[control_client.Candidate], timeout_s: float = control_client.TIMEOUT_S
) -> dict[str, Any]:
    """The status document of the daemon that answers.

    Raises:
        DaemonUnreachableError: none does.
        DaemonMuteError: it does not within ``timeout_s``, or cannot tell.
        NotPermittedError: it does not admit this user.
    """
    answer = control_client.ask(candidates, "GET", "/status", timeout_s)
    if answer.status != 200:  # noqa: PLR2004  # http.HTTPStatus would be imported for this alone
        raise DaemonMuteError(
            f"the daemon cannot tell its status (HTTP {answer.status})", "its log tells why"
        )
    return answer.document


def read(document: dict[str, Any]) -> "Snapshot":
    """The values in a status document.

    Raises:
        DaemonDiffersError: the daemon speaks of what this command does not know.
    """
    from hostnfsd import status_document  # noqa: PLC0415  # --json does without

    try:
        return status_document.from_json(document)
    except status_document.DocumentError as exc:
        raise DaemonDiffersError(
            f"the daemon, hostnfsd {document.get('version', '(unknown)')}, speaks of things that"
            f" this command, hostnfsd {__version__}, does not know: {exc}",
            "let both be of the same version; `hostnfsd status --json` shows what it said",
        ) from exc


def _frame(document: dict[str, Any], args: argparse.Namespace) -> tuple[str, Exit]:
    if args.json:
        text = json.dumps(document, indent=None if args.watch else 2) + "\n"
        return text, Exit.OK if document.get("ready") is True else Exit.UNHEALTHY
    from hostnfsd import health  # noqa: PLC0415  # --json does without
    from hostnfsd.cli import status_text  # noqa: PLC0415  # as above

    snapshot = read(document)
    text = status_text.render(
        snapshot, command_version=__version__, colour=colour(), clients=args.clients
    )
    return text, Exit.OK if health.verdict(snapshot).ready else Exit.UNHEALTHY


def colour() -> bool:
    """Whether standard output takes colours."""
    admitted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return admitted and sys.stdout.isatty()


def columns() -> int | None:
    """How wide the terminal is that standard output is; None if it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def run(args: argparse.Namespace) -> int:
    """Print the status once, or again and again.

    Raises:
        DaemonUnreachableError: no daemon answers (not with ``--watch``, which waits for one).
        NotPermittedError: the daemon does not admit this user.
    """
    candidates = control_client.sockets(args.config)
    if args.watch:
        return _watch(candidates, args, time.sleep)
    text, code = _frame(fetch(candidates), args)
    sys.stdout.write(text)
    return code


def _watch(
    candidates: Sequence[control_client.Candidate],
    args: argparse.Namespace,
    pause: Callable[[float], None],
) -> int:
    """Redraw until Ctrl-C; a daemon that is restarted is found again.

    Returns:
        What the last status said: 69 if no daemon answered last.
    """
    code = Exit.DAEMON_NOT_RUNNING
    try:
        while True:
            try:
                text, code = _frame(fetch(candidates), args)
            except DaemonUnreachableError as exc:
                code = Exit.DAEMON_NOT_RUNNING
                text = "" if args.json else f"{exc}\n"
                print(f"hostnfsd: {exc}", file=sys.stderr) if args.json else None
            _draw(text, redraw=not args.json and sys.stdout.isatty())
            pause(INTERVAL_S)
    except KeyboardInterrupt:
        return code


def _draw(text: str, *, redraw: bool) -> None:
    if not redraw:
        sys.stdout.write(text)
    else:
        # The last lines hold the verdict: what does not fit is cut above them.
        lines, height = text.splitlines(), shutil.get_terminal_size().lines - 1
        if len(lines) > height:
            lines = [*lines[: height - 2], "…", lines[-1]]
        sys.stdout.write(_CLEAR + "\n".join(lines) + "\n")
    sys.stdout.flush()
