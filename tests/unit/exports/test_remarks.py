from hostnfsd.exports.remarks import CODES, remark
from hostnfsd.problem import Place, Severity


def test_a_remark_is_harmless_to_a_terminal() -> None:
    found = remark("ro-dropped", Place("exports", 1, 2), "a\x1b", "b\n", "c\r")

    assert found.render() == "exports:1:2: warning: a\\x1b: b\\n [ro-dropped]\n    hint: c\\r"


def test_no_remark_refuses_a_file() -> None:
    assert Severity.ERROR not in CODES.values()
