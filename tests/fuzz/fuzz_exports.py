"""Coverage-guided fuzzing of the readers of exports files.

    python -m tests.fuzz.fuzz_exports SECONDS [libFuzzer options] [corpus folder]

The first byte of an input chooses the dialect, the rest is the file. What must hold:

- reading, explaining and the rules for the gate end without an exception;
- every problem has a place in the file and one line of text;
- what is printed means the same, and is printed the same again.

The vectors are the first corpus. A finding ends the run with a traceback and leaves the input in a
file ``crash-*``; run the target with that file as the only argument after SECONDS to see it again.
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

# The optional group "fuzz" installs it; it has no types.
import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

with atheris.instrument_imports(include=["hostnfsd.exports"]):
    from hostnfsd.exports import printer
    from hostnfsd.exports.access import access
    from hostnfsd.exports.explain import Surroundings, explain
    from hostnfsd.exports.model import Dialect

from tests.support.exports_system import LINUX, MAC
from tests.support.exports_text import unplaced
from tests.vectors import exports_vectors as vectors

_DIALECTS: Final = tuple(Dialect)
_AROUND: Final = {
    Dialect.DARWIN: Surroundings(MAC, vectors.LOOPBACK, low_ports=False),
    Dialect.LINUX: Surroundings(LINUX, vectors.LOOPBACK, low_ports=False),
}


def one(raw: bytes) -> None:
    """Try one input."""
    dialect = _DIALECTS[raw[0] % len(_DIALECTS)] if raw else Dialect.DARWIN
    text = raw[1:].decode("utf-8", "surrogateescape")
    reading = vectors.read(dialect, text)
    lines = text.count("\n") + 1
    for problem in (*reading.problems, *explain(reading, _AROUND[dialect])):
        check(problem.place.line is None or 1 <= problem.place.line <= lines, "no such line")
        check("\n" not in problem.text and "\n" not in (problem.hint or ""), "several lines")
    access(reading.exports, vectors.LOOPBACK)
    printed = printer.render(dialect, reading.entries)
    again = vectors.read(dialect, printed)
    check(unplaced(reading) == unplaced(again), "what is printed means something else")
    check(printed == printer.render(dialect, again.entries), "printed in another way")


def check(holds: bool, what: str) -> None:
    """Fail in a way that python -O keeps."""
    if not holds:
        raise AssertionError(what)


def seed(folder: Path) -> None:
    """Write the vectors as a first corpus."""
    for number, dialect in enumerate(_DIALECTS):
        for vector in vectors.files(dialect):
            name = f"{dialect.value}-{vector.stem}"
            (folder / name).write_bytes(bytes([number]) + vector.read_bytes())


def main() -> None:
    """Run for the seconds given."""
    seconds, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as corpus:
        seed(Path(corpus))
        arguments = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=6000", *options]
        if not any(Path(option).is_file() for option in options):
            arguments.append(corpus)
        atheris.Setup(arguments, one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
