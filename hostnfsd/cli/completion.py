"""``hostnfsd completion SHELL``, and what a shell is answered when somebody presses TAB.

The script that a shell loads is short and the same for every version: it asks this program with
``_ARGCOMPLETE`` in the environment, and argcomplete answers from the parser itself. What a word may
be is told by what the help calls it.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from hostnfsd.errors import Exit, HostnfsdError

SHELLS: Final = ("bash", "zsh", "fish")
#: What a shell sets when it asks.
ASKED: Final = "_ARGCOMPLETE"
#: A word with what is told of it; argcomplete's completers may give either.
Words = Mapping[str, str]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "completion",
        help="print what lets a shell complete hostnfsd's words",
        description="Prints a script that lets a shell complete commands, options, files and names"
        ' of gateways. For this session: eval "$(hostnfsd completion bash)", the same with zsh,'
        " or hostnfsd completion fish | source.",
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    from argcomplete.shell_integration import shellcode  # noqa: PLC0415  # commands import when they run

    # Where we know of nothing, files would be a lie.
    print(shellcode(["hostnfsd"], use_defaults=False, shell=args.shell).strip())
    return Exit.OK


def answer(make: Callable[[], argparse.ArgumentParser]) -> None:
    """Answer a shell that asks, and end the process; return at once where none does.

    Args:
        make: makes the parser of the whole command line.
    """
    if ASKED not in os.environ:
        return
    from argcomplete.completers import SuppressCompleter  # noqa: PLC0415  # commands do without
    from argcomplete.finders import CompletionFinder  # noqa: PLC0415  # likewise

    parser = make()
    _tell_words(parser)
    finder = CompletionFinder()
    finder(parser, always_complete_options="long", default_completer=SuppressCompleter())


def _tell_words(parser: argparse.ArgumentParser) -> None:
    """Give each argument of the parser and its commands the completer of its name."""
    for action in parser._actions:  # noqa: SLF001  # argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # likewise
            for command in action.choices.values():
                _tell_words(command)
        elif isinstance(action.metavar, str) and action.metavar in COMPLETERS:
            # The attribute that argcomplete looks for.
            action.completer = COMPLETERS[action.metavar]  # type: ignore[attr-defined]


def gateways(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Words:
    """The gateways of the configuration that the command line, or the search, names."""
    import tomllib  # noqa: PLC0415  # as above

    from hostnfsd.cli.load import find, read  # noqa: PLC0415  # as above

    try:
        document = tomllib.loads(read(find(getattr(parsed_args, "config", None))).decode())
    except (HostnfsdError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}  # `hostnfsd check` tells why; a line that is being typed is no place for it
    tables = document.get("gateway")
    names = tables if isinstance(tables, dict) else {}
    return {name: "gateway" for name in names if name.startswith(prefix)}


def kinds(prefix: str, **_: object) -> Words:
    """What ``mount --for`` takes."""
    from hostnfsd.mount.kinds import KINDS  # noqa: PLC0415  # as above

    return {kind: "" for kind in KINDS if kind.startswith(prefix)}


def files(prefix: str, **_: object) -> Words:
    """Files and directories, the latter with a slash at the end."""
    return dict.fromkeys(_entries(prefix, only_directories=False), "")


def directories(prefix: str, **_: object) -> Words:
    """Directories, with a slash at the end."""
    return dict.fromkeys(_entries(prefix, only_directories=True), "")


def _entries(prefix: str, *, only_directories: bool) -> Iterator[str]:
    folder, name = os.path.split(prefix)
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:  # noqa: PTH111  # text, as typed
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in found:
        # A name that begins with a dot wants to be asked for.
        if not entry.name.startswith(name) or (entry.name.startswith(".") and not name):
            continue
        path = os.path.join(folder, entry.name)  # noqa: PTH118  # as typed: ~ and ./ stay
        if entry.is_dir():
            yield f"{path}/"
        elif not only_directories:
            yield path


Completer = Callable[..., Words]
#: By what the help calls an argument.
COMPLETERS: Final[Mapping[str, Completer]] = {
    "FILE": files,
    "GATEWAY": gateways,
    "KIND": kinds,
    "NAME": gateways,
    "PATH": directories,
}
