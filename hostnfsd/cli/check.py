"""``hostnfsd check``: every problem of the configuration, with its place; touches no network."""

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from hostnfsd.cli import styled
from hostnfsd.cli.styled import Line
from hostnfsd.errors import Exit, FileMissingError, HostnfsdError, NotPermittedError
from hostnfsd.problem import Place, Problem, Severity

if TYPE_CHECKING:
    from hostnfsd.config.explain import Row
    from hostnfsd.config.reader import Reading

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
        styled.print_lines(
            [*_table(rows), *styled.told(reading.problems), _summary(str(path), reading)],
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


def _summary(path: str, reading: "Reading") -> Line:
    parts = styled.tally(reading.problems)
    if reading.config is None:
        return [(f"{path}: ", ""), (", ".join(parts), styled.STYLES[Severity.ERROR])]
    config = reading.config
    services = {service for name in config.gateway for service in config.carried(name)}
    carries = [styled.count(len(config.gateway), "gateway"), styled.count(len(services), "service")]
    return [(f"{path}: ", ""), ("ok", "bold green"), (", " + ", ".join([*carries, *parts]), "")]


def _print_json(report: dict[str, Any]) -> None:
    print(json.dumps(report, indent=2))
