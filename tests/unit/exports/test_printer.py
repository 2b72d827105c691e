from pathlib import Path

import pytest
from hypothesis import given, settings

from hostnfsd.exports import printer
from hostnfsd.exports.model import Dialect, Entry
from tests.support.exports_text import NOWHERE, TEXTS, unplaced
from tests.vectors import exports_vectors as vectors

VECTORS = [(dialect, path) for dialect in Dialect for path in vectors.files(dialect)]


def survives(dialect: Dialect, text: str) -> None:
    reading = vectors.read(dialect, text)
    printed = printer.render(dialect, reading.entries)
    again = vectors.read(dialect, printed)

    assert unplaced(reading) == unplaced(again), printed
    assert printed == printer.render(dialect, again.entries)


@pytest.mark.parametrize(("dialect", "vector"), VECTORS, ids=lambda x: getattr(x, "stem", x))
def test_a_vector_printed_means_the_same(dialect: Dialect, vector: Path) -> None:
    survives(dialect, vectors.content(vector))


@pytest.mark.parametrize("dialect", Dialect)
@settings(deadline=None, max_examples=300)
@given(text=TEXTS)
def test_whatever_is_printed_means_the_same(dialect: Dialect, text: str) -> None:
    survives(dialect, text)


@pytest.mark.parametrize(
    ("dialect", "entry", "line"),
    [
        (Dialect.DARWIN, Entry(NOWHERE, ("/a b", "/c"), ("-ro", "h")), '"/a b" /c -ro h'),
        (Dialect.DARWIN, Entry(NOWHERE, ('/q"\\',), ()), '"/q\\"\\\\"'),
        (Dialect.LINUX, Entry(NOWHERE, ("/a b#",), ("h(rw)", "")), "/a\\040b\\043 h(rw) \\000"),
    ],
)
def test_what_is_printed(dialect: Dialect, entry: Entry, line: str) -> None:
    assert line == printer.line(dialect, entry)


@pytest.mark.patient
@pytest.mark.parametrize(
    ("dialect", "path", "options"),
    [(Dialect.DARWIN, "/Users/dev/src", ""), (Dialect.LINUX, "/srv/a", "(rw)")],
)
def test_a_long_file_takes_time_in_proportion(dialect: Dialect, path: str, options: str) -> None:
    clients = [f"10.{i >> 8}.{i & 255}.1{options}" for i in range(10_000)]
    one_line = f"{path} {' '.join(clients)}\n"
    lines = "".join(f"{path} {client}\n" for client in clients)

    # To compare each with each would take longer than the suite's time limit.
    for text in (one_line, lines):
        assert len(vectors.read(dialect, text).exports[0].grants) == len(clients)
