"""What ``hostnfsd exports`` prints: what is exported to whom, and who comes by the tunnel. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap
from typing import Any, Final

from hostnfsd.cli import styled
from hostnfsd.cli.styled import WIDTH, Line
from hostnfsd.exports import overview
from hostnfsd.exports.access import Access
from hostnfsd.exports.addresses import Address
from hostnfsd.exports.matching import serving
from hostnfsd.exports.model import Dialect, Reading
from hostnfsd.exports.overview import Row
from hostnfsd.problem import Problem, errors
from hostnfsd.readable import printable

_CALLED: Final = {Dialect.DARWIN: "macOS", Dialect.LINUX: "Linux"}
_HEADS: Final = ("CLIENT", "RIGHTS", "IDENTITY", "LINE", "TUNNEL")
#: Columns that a client may have beside others; one that needs more has a line of its own.
_CLIENT: Final = 27
_IDENTITY: Final = 21
_INDENT: Final = "  "

Allow = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Server:
    """What came of asking the server what it exports.

    Attributes:
        listed: its list; None where it could not be asked.
        text: why not; else how its list is to the file.
    """

    listed: Mapping[str, tuple[str, ...]] | None
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """All that is to be told.

    Attributes:
        files: what was read, in its order.
        reading: what it says.
        access: the rules that it makes at the gate.
        allow: ``access.allow`` in effect: the rules that count.
        dialled_from: the address that hostnfsd dials the server from.
        problems: all of them, in their order.
        server: what the server says; None where it was not asked.
    """

    files: tuple[str, ...]
    reading: Reading
    access: Access
    allow: Allow
    dialled_from: Address
    problems: tuple[Problem, ...]
    server: Server | None = None


def to_json(told: Told) -> dict[str, Any]:
    """The document of ``exports --json``."""
    document = overview.document(told.reading, told.access, told.dialled_from, told.problems)
    server = None if told.server is None else _server_json(told.server)
    return document | {"files": list(told.files), "allow": _plain(told.allow), "server": server}


def kept_elsewhere(allow: Allow, server: Server) -> list[Line]:
    """The text where the server keeps its exports elsewhere."""
    found = _wrapped(
        'host.exports = "none": the server keeps its exports elsewhere', "", "  ", "bold"
    )
    found += [[], *_let_through(allow, None), [], *_server(server)]
    for path, names in (server.listed or {}).items():
        text = f"{path}: {', '.join(names) or 'everybody'}"
        found += _wrapped(printable(text), _INDENT, "      ", "")
    return found


def kept_elsewhere_json(allow: Allow, server: Server) -> dict[str, Any]:
    """The document where the server keeps its exports elsewhere."""
    return {
        "schema": overview.SCHEMA,
        "ok": True,
        "dialect": None,
        "exports": None,
        "problems": [],
        "allow": _plain(allow),
        "server": _server_json(server),
    }


def _plain(allow: Allow) -> str | list[str]:
    return allow if isinstance(allow, str) else list(allow)


def _server_json(server: Server) -> dict[str, Any]:
    rows = None
    if server.listed is not None:
        rows = [{"path": path, "clients": list(names)} for path, names in server.listed.items()]
    return {"answered": rows is not None, "text": server.text, "exports": rows}


def lines(told: Told) -> list[Line]:
    """The text."""
    parts = [
        [*_heading(told), *_table(told)],
        _tunnel(told),
        _let_through(told.allow, told.access),
        _server(told.server),
        styled.told(told.problems),
    ]
    found: list[Line] = []
    for part in parts:
        if part:
            found += [*part, []]
    return [*found, summary(told.files[0], told.reading, told.access, told.problems)]


def summary(name: str, reading: Reading, access: Access, problems: tuple[Problem, ...]) -> Line:
    """The last line: how it is, and how many of what."""
    bad = bool(errors(problems))
    parts = [styled.count(len(reading.exports), "export")]
    parts += [f"{len(access.mountable)} through the tunnel"] if reading.exports else []
    parts += styled.tally(problems)
    verdict = ("invalid", "bold red") if bad else ("ok", "bold green")
    return [(f"{printable(name)}: ", ""), verdict, (", " + ", ".join(parts), "")]


def _heading(told: Told) -> list[Line]:
    names = ", ".join(map(printable, told.files))
    called = _CALLED[told.reading.dialect]
    return _wrapped(f"Exports of {names}, as {called} reads them", "", "  ", "bold")


def _table(told: Told) -> list[Line]:
    rows = overview.rows(told.reading, told.dialled_from)
    if not rows:
        return [[("  nothing is exported", "yellow")]]
    several = len(told.files) > 1
    cells = [_cells(row) for row in rows]
    widths = [max(len(cell[i]) for cell in (*_short(cells), _HEADS)) for i in range(len(_HEADS))]
    found: list[Line] = [[(_INDENT + _joined(_HEADS, widths), "dim")]]
    also = {export.path: export.also for export in told.reading.exports}
    for path, group in groupby(zip(rows, cells, strict=True), key=lambda pair: pair[0].path):
        found.append([(printable(path), "bold")])
        if also[path]:
            text = f"mountable of their own: {', '.join(map(printable, also[path]))}"
            found += _wrapped(text, _INDENT, "      ", "dim")
        for row, cell in group:
            found += _row(row, cell, widths, several=several)
    return found


def _cells(row: Row) -> tuple[str, ...]:
    line = "" if row.place.line is None else str(row.place.line)
    tunnel = "yes" if row.tunnel else "-"
    return printable(row.client), row.rights, printable(row.identity), line, tunnel


def _short(cells: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """The cells that a column's width is reckoned from."""
    for client, rights, identity, line, tunnel in cells:
        fitting = client if len(client) <= _CLIENT else ""
        yield fitting, rights, identity if len(identity) <= _IDENTITY else "", line, tunnel


def _joined(cells: tuple[str, ...], widths: list[int]) -> str:
    client, rights, identity, line, tunnel = cells
    return "  ".join(
        (
            client.ljust(widths[0]),
            rights.ljust(widths[1]),
            identity.ljust(widths[2]),
            line.rjust(widths[3]),
            tunnel,
        )
    )


def _row(row: Row, cell: tuple[str, ...], widths: list[int], *, several: bool) -> list[Line]:
    client, rights, identity, line, tunnel = cell
    found: list[Line] = []
    details = list(map(printable, row.details))
    if len(client) > widths[0]:
        found += _wrapped(client, _INDENT, "      ", "")
        client = ""
    if len(identity) > widths[2]:
        details.insert(0, identity)
        identity = "see below"
    if several:
        details.append(f"in {printable(row.place.path)}")
    style = "green" if row.tunnel else ""
    found.append([(_INDENT + _joined((client, rights, identity, line, tunnel), widths), style)])
    if details:
        found += _wrapped("; ".join(details), "      ", "      ", "dim")
    return found


def _tunnel(told: Told) -> list[Line]:
    if not told.reading.exports:
        return []
    head = f"A client of the tunnel (the server sees {told.dialled_from}) gets"
    found: list[Line] = [[(head, "bold")]]
    for export in told.reading.exports:
        used = serving(export, told.dialled_from)
        path = printable(export.path)
        if used is None:
            text = f"{path}: nothing, for it does not admit {told.dialled_from}"
            found += _wrapped(text, _INDENT, "      ", "yellow")
            continue
        rights = overview.rights_text(used.terms)
        text = f"{path}: {rights}, {printable(overview.identity_text(used.terms))}"
        found += _wrapped(text, _INDENT, "      ", "green")
    return found


def _let_through(allow: Allow, access: Access | None) -> list[Line]:
    found: list[Line] = [[("Let through at the gateway", "bold")]]
    texts: tuple[str, ...]
    if not isinstance(allow, str):
        texts = tuple(f"{network}, by access.allow" for network in allow)
    elif allow == "any" or access is None:
        texts = ('everybody, by access.allow = "any": the exports are not asked',)
    else:
        texts = overview.admitted(access)
    for text in texts:
        found += _wrapped(printable(text), _INDENT, "      ", "")
    return found


def _server(server: Server | None) -> list[Line]:
    if server is None:
        return []
    return [[("The server itself", "bold")], *_wrapped(printable(server.text), "  ", "  ", "")]


def _wrapped(text: str, first: str, later: str, style: str) -> list[Line]:
    """A text in lines of 80 columns; a word that is longer is not divided."""
    pieces = wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [[(piece, style)] for piece in pieces]
