"""Both readers against exports files with known meaning."""

from pathlib import Path

import pytest

from hostnfsd.exports.model import Dialect
from tests.vectors import exports_vectors as vectors

DARWIN = vectors.files(Dialect.DARWIN)
LINUX = vectors.files(Dialect.LINUX)


def test_the_vectors_are_seen() -> None:
    assert len(DARWIN) > 30
    assert len(LINUX) > 20


@pytest.mark.parametrize("vector", DARWIN, ids=lambda path: path.stem)
def test_macos(vector: Path) -> None:
    reading = vectors.read(Dialect.DARWIN, vectors.content(vector))

    assert vectors.expected(vector) == vectors.described(reading)


@pytest.mark.parametrize("vector", LINUX, ids=lambda path: path.stem)
def test_linux(vector: Path) -> None:
    reading = vectors.read(Dialect.LINUX, vectors.content(vector))

    assert vectors.expected(vector) == vectors.described(reading)
