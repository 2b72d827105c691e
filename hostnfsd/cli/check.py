"""``hostnfsd check``: every problem of the configuration, with its place; touches no network."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from hostnfsd.errors import Exit, FileMissingError, HostnfsdError, NotPermittedError
from hostnfsd.problem import Place, Problem, Severity

if TYPE_CHECKING:
    from hostnfsd.config.explain import Row
    from hostnfsd.config.reader import Reading

#: A line in pieces, each with its rich style.
Line = list[tuple[str, str]]

_STYLES: Final = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_ORIGIN_STYLES: Final = {"file": "green", "not-built": "yellow", "ssh_config": "cyan"}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="validate the configuration and show every problem with its place",
        description="Validates the configuration file without touching the network.",
    )
    parser.add_argument(
        "--show", action="store_true", help="print every effective value and where it came from"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check; the result goes to stdout, whatever it is.

    Raises:
        FileMissingError: there is no such file (without ``--json``, which tells it as a problem).
        NotPermittedError: it may not be read (likewise).
    """
    # The reader brings pydantic along: not for commands that do without.
    from hostnfsd.cli.load import find, read  # noqa: PLC0415
    from hostnfsd.cli.surroundings import surroundings  # noqa: PLC0415
    from hostnfsd.config.explain import explain  # noqa: PLC0415
    from hostnfsd.config.reader import parse  # noqa: PLC0415

    try:
        path = find(args.config)
        reading = parse(read(path), str(path))
    except (FileMissingError, NotPermittedError) as exc:
        if not args.json:
            raise
        _print_json(_no_file(exc, args.config))
        return exc.exit_code
    rows: tuple[Row, ...] = ()
    if args.show and reading.config is not None:
        rows = explain(reading.config, reading.places, surroundings())
    if args.json:
        _print_json(_report(str(path), reading, rows if args.show else None))
    else:
        _print_lines(
            [*_table(rows), *_told(reading.problems), _summary(str(path), reading)],
        )
    return Exit.OK if reading.config is not None else Exit.CONFIG_INVALID


def _no_file(exc: HostnfsdError, named: str | None) -> dict[str, Any]:
    code = "file-missing" if isinstance(exc, FileMissingError) else "no-permission"
    place = Place(named or "")
    problem = Problem(code, Severity.ERROR, place, "configuration", str(exc), exc.hint)
    return {"schema": 1, "ok": False, "path": named, "problems": [problem.to_json()]}


def _report(path: str, reading: "Reading", rows: "Iterable[Row] | None") -> dict[str, Any]:
    report: dict[str, Any] = {
        "schema": 1,
        "ok": reading.config is not None,
        "path": path,
        "problems": [problem.to_json() for problem in reading.problems],
    }
    if rows is not None:
        report["effective"] = {row.key: row.to_json() for row in rows}
    return report


def _table(rows: "tuple[Row, ...]") -> list[Line]:
    """The effective values, one block a table, columns aligned over all of them."""
    from hostnfsd.config.keys import dotted  # noqa: PLC0415  # pydantic again

    names = max((len(row.name) for row in rows), default=0)
    values = max((len(row.shown) for row in rows if len(row.shown) <= 40), default=0)  # noqa: PLR2004  # a long one may stick out
    lines: list[Line] = []
    table = None
    for row in rows:
        if row.table != table:
            if table is not None:
                lines.append([])
            table = row.table
            lines.append([(f"[{dotted(table)}]", "bold")])
        dim = "" if row.place else "dim"
        lines.append(
            [
                (f"  {row.name:<{names}}  ", ""),
                (f"{row.shown:<{values}}  ", dim),
                (row.source(), _ORIGIN_STYLES.get(row.origin, "dim")),
            ]
        )
    return [*lines, []] if lines else []


def _told(problems: Iterable[Problem]) -> list[Line]:
    lines: list[Line] = []
    for problem in problems:
        first, *rest = problem.render().split("\n")
        before, _, after = first.partition(f" {problem.severity}: ")
        lines.append(
            [
                (f"{before} ", "dim"),
                (f"{problem.severity}: ", _STYLES[problem.severity]),
                (after, ""),
            ]
        )
        lines.extend([(line, "dim")] for line in rest)
    return lines


def _summary(path: str, reading: "Reading") -> Line:
    counts = Counter(problem.severity for problem in reading.problems)
    parts = [_count(counts[s], str(s)) for s in Severity if counts[s]]
    if reading.config is None:
        return [(f"{path}: ", ""), (", ".join(parts), _STYLES[Severity.ERROR])]
    config = reading.config
    services = {service for name in config.gateway for service in config.carried(name)}
    carries = [_count(len(config.gateway), "gateway"), _count(len(services), "service")]
    return [(f"{path}: ", ""), ("ok", "bold green"), (", " + ", ".join([*carries, *parts]), "")]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _print_json(report: dict[str, Any]) -> None:
    print(json.dumps(report, indent=2))


def _print_lines(lines: list[Line]) -> None:
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        # Only for a terminal: importing it takes longer than reading the file.
        from rich.console import Console  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        console = Console(soft_wrap=True, highlight=False)
        for line in lines:
            console.print(Text.assemble(*line))
        return
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        text = "".join(piece for piece, _ in line).rstrip()
        # A file name need not be text, and a terminal need not know every character.
        print(text.encode(encoding, "backslashreplace").decode(encoding))
