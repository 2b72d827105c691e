import pytest

from hostnfsd.exports.model import Dialect
from hostnfsd.exports.reader import read
from hostnfsd.exports.source import Source
from tests.vectors.exports_vectors import SYSTEMS


@pytest.mark.parametrize(
    ("dialect", "text"),
    [(Dialect.DARWIN, "/Users/dev/src -ro\n"), (Dialect.LINUX, "/srv/a *(ro)\n")],
)
def test_each_dialect_has_its_reader(dialect: Dialect, text: str) -> None:
    other = next(one for one in Dialect if one is not dialect)
    own, foreign = (read(d, [Source("e", text)], SYSTEMS[d]) for d in (dialect, other))

    assert (own.dialect, own.error_count, len(own.exports)) == (dialect, 0, 1)
    assert foreign.error_count > 0


@pytest.mark.parametrize("dialect", Dialect)
def test_a_missing_file_is_one_error(dialect: Dialect) -> None:
    reading = read(dialect, [Source("/etc/exports", "", missing=True)], SYSTEMS[dialect])

    (problem,) = reading.problems
    assert (reading.error_count, reading.exports) == (1, ())
    assert problem.code == "cannot-open"
    assert problem.render().startswith("/etc/exports: error: exports: ")
