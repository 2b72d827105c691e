"""``hostnfsd check``: every problem of configuration and exports; touches no network."""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hostnfsd.cli import styled
from hostnfsd.cli.styled import Line
from hostnfsd.errors import Exit, FileMissingError, HostnfsdError, NotPermittedError
from hostnfsd.problem import Place, Problem, Severity, errors

if TYPE_CHECKING:
    from hostnfsd.config.explain import Row
    from hostnfsd.config.model import Host
    from hostnfsd.config.reader import Reading
    from hostnfsd.exports.access import Access
    from hostnfsd.machine.exports import Findings

_ORIGIN_STYLES: Final = {"file": "green", "ssh_config": "cyan"}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="validate configuration and exports file, show every problem with its place",
        description="Validates the configuration and the exports file that it names, without"
        " touching the network: names in the exports file are not looked up. Exits 78 when the"
        " configuration is invalid, 65 when only the exports are.",
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
    from hostnfsd.cli.ssh_alias import resolved  # noqa: PLC0415
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
    exports = _exports(reading.host)
    rows: tuple[Row, ...] = ()
    if args.show and reading.config is not None:
        rows = explain(reading.config, reading.places, surroundings(), resolved(reading.config))
    if args.json:
        _print_json(_report(str(path), reading, exports, rows if args.show else None))
    else:
        problems = (*reading.problems, *(exports.problems if exports else ()))
        styled.print_lines(
            [*_table(rows), *styled.told(problems), *_summary(str(path), reading, exports)],
        )
    if reading.config is None:
        return Exit.CONFIG_INVALID
    return Exit.OK if exports is None or exports.valid else Exit.EXPORTS_INVALID


@dataclass(frozen=True, slots=True)
class _Exports:
    """What is told of the exports file.

    Attributes:
        findings: what it says.
        access: the rules that it makes.
        problems: all of both.
    """

    findings: "Findings"
    access: "Access"
    problems: tuple[Problem, ...]

    @property
    def valid(self) -> bool:
        return not errors(self.problems)


def _exports(host: "Host | None") -> _Exports | None:
    """The exports file, without a look-up of names; None where there is none to check."""
    if host is None or host.exports == "none":
        return None
    from hostnfsd.exports.access import access  # noqa: PLC0415  # only where there is a file
    from hostnfsd.machine.exports import in_order, read_exports  # noqa: PLC0415  # as above

    findings = read_exports(host, None, low_ports=host.reserved_source_port != "never")
    rules = access(findings.reading.exports, findings.dialled_from)
    problems = in_order((*findings.problems, *rules.problems), findings.sources)
    return _Exports(findings, rules, problems)


def _no_file(exc: HostnfsdError, named: str | None) -> dict[str, Any]:
    code = "file-missing" if isinstance(exc, FileMissingError) else "no-permission"
    place = Place(named or "")
    problem = Problem(code, Severity.ERROR, place, "configuration", str(exc), exc.hint)
    return {"schema": 1, "ok": False, "path": named, "problems": [problem.to_json()]}


def _report(
    path: str, reading: "Reading", exports: _Exports | None, rows: "Iterable[Row] | None"
) -> dict[str, Any]:
    problems = (*reading.problems, *(exports.problems if exports else ()))
    report: dict[str, Any] = {
        "schema": 1,
        "ok": reading.config is not None and (exports is None or exports.valid),
        "path": path,
        "exports": None if exports is None else _files(exports),
        "problems": [problem.to_json() for problem in problems],
    }
    if rows is not None:
        report["effective"] = {row.key: row.to_json() for row in rows}
    return report


def _files(exports: _Exports) -> dict[str, Any]:
    reading = exports.findings.reading
    return {
        "ok": exports.valid,
        "files": list(exports.findings.sources),
        "dialect": reading.dialect.value,
        "exports": len(reading.exports),
        "mountable": len(exports.access.mountable),
    }


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


def _summary(path: str, reading: "Reading", exports: _Exports | None) -> list[Line]:
    parts = styled.tally(reading.problems)
    if reading.config is None:
        lines: list[Line] = [[(f"{path}: ", ""), (", ".join(parts), styled.STYLES[Severity.ERROR])]]
    else:
        config = reading.config
        services = {service for name in config.gateway for service in config.carried(name)}
        carries = [styled.count(len(config.gateway), "gateway")]
        carries.append(styled.count(len(services), "service"))
        text = ", ".join([*carries, *parts])
        lines = [[(f"{path}: ", ""), ("ok", "bold green"), (f", {text}", "")]]
    if exports is not None:
        from hostnfsd.cli.exports_text import summary  # noqa: PLC0415  # as the file itself

        findings = exports.findings
        name = findings.sources[0]
        lines.append(summary(name, findings.reading, exports.access, exports.problems))
    elif reading.host is None and reading.config is None:
        lines.append([("the exports file was not checked: [host] is not understood", "yellow")])
    return lines


def _print_json(report: dict[str, Any]) -> None:
    print(json.dumps(report, indent=2))
