"""``hostnfsd init``: a first configuration out of what is found, checked at once."""

import argparse
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hostnfsd.errors import (
    CannotWriteError,
    ConfigError,
    Exit,
    FileMissingError,
    NotPermittedError,
    UsageError,
)
from hostnfsd.readable import printable

if TYPE_CHECKING:
    from hostnfsd.config.model import Config
    from hostnfsd.init.facts import Facts
    from hostnfsd.init.propose import Candidate, Proposal

_MODE: Final = 0o644
_YES: Final = frozenset({"", "y", "yes"})


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "init",
        help="write a first configuration from what is found",
        description="Looks at ssh_config, running containers, exports and the NFS server, writes a"
        " configuration from what it finds, and checks it. Asks only what it must. A file that is"
        " there is not replaced unasked, and kept as a backup.",
    )
    parser.add_argument(
        "--yes", action="store_true", help="write without asking; not over another file"
    )
    parser.add_argument(
        "--gateway", metavar="NAME", help="the gateway: a Host of ssh_config, or a container"
    )
    parser.add_argument("--output", metavar="FILE", help="write to FILE (default: as --config)")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the file, keeping a backup beside it"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look, propose, write, check.

    Raises:
        UsageError: which gateway is meant is not clear, and nobody can be asked.
        CannotWriteError: there is another file, or it cannot be written.
    """
    from hostnfsd.cli import check  # noqa: PLC0415  # commands import when they run
    from hostnfsd.cli.looking import look  # noqa: PLC0415
    from hostnfsd.config.reader import parse  # noqa: PLC0415
    from hostnfsd.init.propose import propose  # noqa: PLC0415
    from hostnfsd.init.text import text  # noqa: PLC0415

    target = _target(args)
    ask = None if args.yes or not sys.stdin.isatty() else _ask
    facts = look(os.environ)
    gateway = _gateway(facts, args.gateway, ask)
    proposal = propose(facts, gateway)
    content = text(proposal, time.strftime("%Y-%m-%d"))
    reading = parse(content, str(target))
    if reading.config is None:  # a defect, and better told than written
        raise ConfigError("what was found makes no valid configuration", reading.problems)
    _show(facts, proposal)
    if _says(target, reading.config):
        print(f"{target}: says this already, and was left as it is")
    else:
        _write(target, content, args, ask)
        print(f"{target}: written")
    status = check.run(argparse.Namespace(config=str(target), show=False, json=False))
    named = "" if _is_found(target) else f"--config {shlex.quote(str(target))} "
    if status == Exit.CONFIG_INVALID:
        return status
    if status == Exit.EXPORTS_INVALID:
        print(f"Next: mend the exports, then hostnfsd {named}check, and hostnfsd {named}run")
    else:
        print(f"Next: hostnfsd {named}run")
        print(f"Then: hostnfsd {named}mount --for pv (or linux, docker, …), and what it prints")
    return Exit.OK


def _target(args: argparse.Namespace) -> Path:
    """Where the configuration goes: where commands will look for it first."""
    from hostnfsd.cli.surroundings import home  # noqa: PLC0415  # as above
    from hostnfsd.config.search import candidates  # noqa: PLC0415

    if args.output is not None:
        return Path(args.output).absolute()
    first = candidates(args.config, os.environ, sys.platform, home(os.environ))[0]
    return Path(first.path).absolute()


def _is_found(target: Path) -> bool:
    """Whether commands find the file without being told."""
    from hostnfsd.cli.load import find  # noqa: PLC0415  # as above

    try:
        return find(None).samefile(target)
    except (FileMissingError, OSError):
        return False


def _says(target: Path, config: "Config") -> bool:
    """Whether the file that is there comes to the same."""
    from hostnfsd.cli.load import read  # noqa: PLC0415  # as above
    from hostnfsd.config.reader import parse  # noqa: PLC0415

    try:
        return parse(read(target), str(target)).config == config
    except (FileMissingError, NotPermittedError):
        return False


def _gateway(facts: "Facts", named: str | None, ask: "Callable[[str], str] | None") -> "Candidate":
    from hostnfsd.config.values import gateway_name  # noqa: PLC0415  # as above
    from hostnfsd.init.propose import candidates, chosen  # noqa: PLC0415

    if named is not None:
        try:
            gateway_name(named)
        except ValueError as exc:
            raise UsageError(f"--gateway: {exc}") from exc
    found = chosen(candidates(facts), named)
    if not isinstance(found, tuple):
        return found
    if not found:
        raise UsageError(
            "no gateway was found: ssh_config has no Host, and no container publishes an sshd",
            hint="write how to get there into ~/.ssh/config (Host dev-gw, HostName, Port, User),"
            " or name it: hostnfsd init --gateway NAME",
        )
    width = max(len(each.name) for each in found)
    rows = [f"{each.name:<{width}}  {printable(each.told)}" for each in found]
    if ask is None:
        listed = "\n    ".join(rows)
        raise UsageError(
            f"which of these is the gateway?\n    {listed}",
            hint=f"hostnfsd init --gateway {found[0].name}",
        )
    print("Which of these is the gateway?")
    for number, row in enumerate(rows, 1):
        print(f"  {number}  {row}")
    while True:
        answer = ask(f"Number or name [1-{len(found)}]: ").strip()
        for number, each in enumerate(found, 1):
            if answer in {str(number), each.name}:
                return each
        print(f"{answer!r} is none of them")


def _show(facts: "Facts", proposal: "Proposal") -> None:
    told = printable(proposal.gateway.told)
    print(f"Gateway: {proposal.gateway.name} ({told})")
    paths = facts.exported or (() if facts.in_file else facts.listed or ())
    if paths:
        print(f"Exported: {', '.join(map(printable, paths))}")
    for warning in proposal.warnings:
        print(f"hostnfsd: warning: {printable(warning)}", file=sys.stderr)


def _write(
    target: Path, content: str, args: argparse.Namespace, ask: "Callable[[str], str] | None"
) -> None:
    from hostnfsd.install import files  # noqa: PLC0415  # as above

    there = target.exists() or target.is_symlink()
    if there and not target.is_file():
        raise CannotWriteError(f"{target} is there, and is no file")
    if not args.yes:
        if ask is None:
            raise UsageError(
                f"nothing was written to {target}: there is no terminal to ask at",
                hint="hostnfsd init --yes writes without asking",
            )
        print(f"\n{content}")
        if ask(f"Write this to {target}? [Y/n] ").strip().lower() not in _YES:
            raise CannotWriteError("nothing was written, as you say")
    if there and not args.overwrite:
        if ask is None:
            raise CannotWriteError(
                f"{target} is there already, and was left as it is",
                hint="--overwrite replaces it and keeps a backup; --output FILE writes elsewhere",
            )
        answer = ask(f"{target} is there already. Replace it, keeping a backup? [y/N] ")
        if answer.strip().lower() not in _YES - {""}:
            raise CannotWriteError(f"{target} was left as it is")
    files.make_directory(target.parent, 0o755)
    if there:
        print(f"{_backup(target)}: what was there before")
    # Where people keep their files under version control, a link stands there.
    files.write(Path(os.path.realpath(target)), content.encode(), _MODE)


def _backup(target: Path) -> Path:
    """Copy a file beside itself, over no other backup."""
    from hostnfsd.install import files  # noqa: PLC0415  # as above

    number = 1
    while (kept := target.with_name(f"{target.name}.bak{number}")).exists():
        number += 1
    try:
        content = target.read_bytes()
        mode = target.stat().st_mode & 0o777
    except OSError as exc:
        raise CannotWriteError(f"{target} cannot be kept as a backup: {exc.strerror}") from exc
    files.write(kept, content, mode)
    return kept


def _ask(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        raise CannotWriteError("nothing was written: no answer came") from None
