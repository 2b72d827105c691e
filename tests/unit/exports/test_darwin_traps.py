import pytest

from hostnfsd.exports.darwin_traps import explain
from hostnfsd.exports.model import Dialect
from tests.support.exports_system import MAC
from tests.vectors.exports_vectors import read


@pytest.mark.parametrize(
    ("options", "dropped", "read_only"),
    [
        ("-foo,ro", True, False),
        ("-foo,o", True, False),
        ("-maproot,ro", True, False),
        ("-alldirs,sec,ro", True, False),
        ("-foo,alldirs", False, False),
        ("-ro,foo", False, True),
        ("-foo -ro", False, True),
        ("-alldirs,maproot 501:20 -ro", False, True),
        ("-mapall=501:20,ro", False, True),
    ],
)
def test_a_dropped_ro_is_told(options: str, dropped: bool, read_only: bool) -> None:
    reading = read(Dialect.DARWIN, f"/Users/dev/src {options} localhost\n")
    codes = [problem.code for problem in explain(reading, MAC)]

    assert codes == (["ro-dropped"] if dropped else [])
    assert reading.exports[0].grants[0].terms.read_only is read_only
