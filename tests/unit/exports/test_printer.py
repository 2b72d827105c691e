from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostnfsd.exports import printer
from hostnfsd.exports.model import Client, Dialect, Entry, Export, Reading
from hostnfsd.problem import Place
from tests.vectors import exports_vectors as vectors

NOWHERE = Place("")
VECTORS = [(dialect, path) for dialect in Dialect for path in vectors.files(dialect)]
#: What exports files are made of, and what breaks them.
PIECES = (
    " ", " ", "\n", "\n", "\t", "\\\n", "\r", "\f", "\0", '"', "'", "#", "\\", "(", ")", ",", "-",
    "=", ":", "/", "/Users/dev/src ", "/Users/dev/src/app ", "/Users/dev/a\\ b ",
    '"/Users/dev/a b" ', "/Volumes/Disk/data ", "/tmp ", "/srv/a ", "/srv/d ", "/srv/b\\040c ",
    "*", "*(rw)", "hostone(ro)", "hostone", "two(rw,insecure)", "10.0.0.0/8(rw)", "10.0.0.1",
    "localhost ", "team ", "-ro ", "-alldirs,ro ", "-mapall=501:20 ", "-maproot ", "dev ",
    "-network 10.0.0.0 ", "-mask 255.0.0.0 ", "-sec=krb5:sys ", "-fspath=/Volumes/Disk ", "-x,ro ",
    "rw", "ro", "sec=sys", "anonuid=7", "all_squash", "bogus", "\\101", "\\000", "\\134", "é",
    "\udcff", "x" * 300, "y" * 4200,
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=60)


def unplaced(reading: Reading) -> tuple[list[Entry], list[Export]]:
    """What a reading means, wherever it stands."""

    def client(one: Client) -> Client:
        return replace(one, place=NOWHERE)

    return (
        [replace(entry, place=NOWHERE) for entry in reading.entries],
        [
            replace(
                export,
                place=NOWHERE,
                grants=tuple(replace(g, client=client(g.client)) for g in export.grants),
            )
            for export in reading.exports
        ],
    )


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
