"""The parser, the dispatch, and the one place where an error becomes an exit status."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from hostnfsd import __version__
from hostnfsd.cli import (
    check,
    completion,
    doctor,
    exports,
    init,
    install,
    mount,
    output,
    ports,
    reconnect,
    reload,
    run,
    status,
)
from hostnfsd.errors import MEANINGS, Exit, HostnfsdError

_CODES = ", ".join(f"{code:d} {meaning}" for code, meaning in MEANINGS.items())
_EPILOG = f"Exit codes: {_CODES}."


class _Parser(argparse.ArgumentParser):
    """argparse, with the exit code of sysexits(3) for a wrong command line, and no short cuts."""

    def __init__(self, **options: Any) -> None:
        # An abbreviation that a script uses breaks when an option is added.
        super().__init__(**{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(
        prog="hostnfsd",
        description="Keeps this host's NFS exports mountable behind an SSH gateway.",
        epilog=_EPILOG,
    )
    top.add_argument("--version", action="version", version=f"hostnfsd {__version__}")
    top.add_argument("--config", metavar="FILE", help="configuration file to use")
    commands = top.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for command in (
        init, run, check, doctor, exports, status, reload, reconnect, ports, mount, install,
        completion,
    ):  # fmt: skip
        command.add(commands)
    return top


def main(argv: Sequence[str]) -> int:
    """Run one command line; its exit status."""
    args = parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = args.run
    try:
        return command(args)
    except HostnfsdError as exc:
        output.report(exc)
        return exc.exit_code
    except KeyboardInterrupt:
        return 130  # as a shell reports a program that SIGINT ended
    except BrokenPipeError:
        # The reader of our output has left, as head(1) does. Nothing may be flushed to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except Exception:  # noqa: BLE001  # whatever it is: 1 would mean "unhealthy"
        import traceback  # noqa: PLC0415  # seldom needed

        traceback.print_exc()
        print("hostnfsd: this is a bug in hostnfsd: please report it", file=sys.stderr)
        return Exit.INTERNAL


def entry() -> NoReturn:
    """The console script."""
    # pydantic would look through all that is installed for plugins: a twentieth of a short command.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    completion.answer(parser)
    for stream in (sys.stdout, sys.stderr):
        # A file name need not be text, and a terminal need not know every character.
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    status = main(sys.argv[1:])
    with suppress(OSError):  # nobody reads any more
        sys.stdout.flush()
        sys.stderr.flush()
    # Taking the interpreter apart would cost a short command an eighth of its time, and there is
    # nothing left to end: what has to be closed is closed where it was opened.
    os._exit(status)
