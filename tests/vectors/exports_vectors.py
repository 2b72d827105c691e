"""Vectors: exports files of both dialects and their meaning. exports/README.md tells the form."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from hostnfsd.exports import reader
from hostnfsd.exports.explain import Surroundings, explain
from hostnfsd.exports.model import Client, ClientKind, Dialect, Export, Reading, Terms
from hostnfsd.exports.source import Source
from tests.support.exports_system import LINUX, MAC

FOLDER: Final = Path(__file__).with_name("exports")
NAME: Final = "exports"
SYSTEMS: Final = {Dialect.DARWIN: MAC, Dialect.LINUX: LINUX}
LOOPBACK: Final = IPv4Address("127.0.0.1")
_FLAGS: Final = (
    ("subdirectories", "alldirs"),
    ("low_ports", "low-ports"),
    ("offline", "offline"),
)


def files(dialect: Dialect) -> list[Path]:
    """The vectors of a dialect."""
    return sorted((FOLDER / dialect.value).glob("*.exports"))


def content(vector: Path) -> str:
    """The text of a vector as the readers want it."""
    return vector.read_bytes().decode("utf-8", "surrogateescape")


def read(dialect: Dialect, text: str) -> Reading:
    """Read for the machine of the vectors."""
    return reader.read(dialect, [Source(NAME, text)], SYSTEMS[dialect])


def expected(vector: Path) -> str:
    """What is written down of a vector."""
    return vector.with_suffix(".expected").read_text(encoding="utf-8", errors="surrogateescape")


def described(reading: Reading) -> str:
    """A reading in the form of the ``.expected`` files."""
    around = Surroundings(SYSTEMS[reading.dialect], LOOPBACK, low_ports=False)
    lines = [line for export in reading.exports for line in _export(export)]
    lines.append(f"errors: {reading.error_count}")
    for problem in reading.problems:
        lines.extend(problem.render().splitlines())
    lines.append("beyond what the server says:")
    for problem in explain(reading, around):
        lines.extend(problem.render().splitlines())
    return "\n".join(lines) + "\n"


def _export(export: Export) -> Iterator[str]:
    also = f" also {' '.join(export.also)}" if export.also else ""
    yield f"export {export.path!r} {export.place.line}:{export.place.column}{also}"
    for grant in export.grants:
        at = grant.client.place
        yield f"    {at.line}:{at.column} {client(grant.client)}: {terms(grant.terms)}"


def client(one: Client) -> str:
    """A client: its kind, and whom it covers."""
    match one.kind:
        case ClientKind.WORLD:
            return "world"
        case ClientKind.NETWORK:
            return f"network {one.text} = {one.block}"
        case kind:
            return f"{kind} {one.text} = {', '.join(map(str, one.addresses)) or '?'}"


def terms(of: Terms) -> str:
    """Terms in one line."""
    words = ["ro" if of.read_only else "rw"]
    words += [f"squash-{of.squash}={':'.join(map(str, (of.uid, *of.gids)))}"]
    words += [f"sec={':'.join(of.security)}"]
    words += [name for attribute, name in _FLAGS if getattr(of, attribute)]
    return " ".join((*words, *of.options))


def write_expected() -> None:
    """Write down what the readers make of every vector: to be looked at before it is believed."""
    for dialect in Dialect:
        for vector in files(dialect):
            text = described(read(dialect, content(vector)))
            vector.with_suffix(".expected").write_text(
                text, encoding="utf-8", errors="surrogateescape"
            )


if __name__ == "__main__":
    write_expected()
