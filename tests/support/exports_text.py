"""Exports files as Hypothesis makes them up, and what they mean wherever it stands."""

from dataclasses import replace
from typing import Final

from hypothesis import strategies as st

from hostnfsd.exports.model import Client, Entry, Export, Reading
from hostnfsd.problem import Place

NOWHERE: Final = Place("")

#: What exports files are made of, and what breaks them.
PIECES: Final = (
    " ", " ", "\n", "\n", "\t", "\\\n", "\r", "\f", "\0", '"', "'", "#", "\\", "(", ")", ",", "-",
    "=", ":", "/", "/Users/dev/src ", "/Users/dev/src/app ", "/Users/dev/a\\ b ",
    '"/Users/dev/a b" ', "/Volumes/Disk/data ", "/tmp ", "/srv/a ", "/srv/d ", "/srv/b\\040c ",
    "*", "*(rw)", "hostone(ro)", "hostone", "two(rw,insecure)", "10.0.0.0/8(rw)", "10.0.0.1",
    "localhost ", "team ", "-ro ", "-alldirs,ro ", "-mapall=501:20 ", "-maproot ", "dev ",
    "-network 10.0.0.0 ", "-mask 255.0.0.0 ", "-sec=krb5:sys ", "-fspath=/Volumes/Disk ", "-x,ro ",
    "rw", "ro", "sec=sys", "anonuid=7", "all_squash", "bogus", "\\101", "\\000", "\\134", "é",
    "\udcff", "x" * 300, "y" * 4200,
)  # fmt: skip
TEXTS: Final = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=60)


def unplaced(reading: Reading) -> tuple[list[Entry], list[Export]]:
    """What a reading means, wherever it stands."""

    def client(one: Client) -> Client:
        return replace(one, place=NOWHERE)

    return (
        [Entry(NOWHERE, entry.paths, entry.fields) for entry in reading.entries],
        [
            replace(
                export,
                place=NOWHERE,
                grants=tuple(replace(g, client=client(g.client)) for g in export.grants),
            )
            for export in reading.exports
        ],
    )
