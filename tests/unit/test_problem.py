"""A problem has one text form and one JSON form."""

import pytest

from hostnfsd.problem import Place, Problem, Severity, errors

PROBLEM = Problem(
    code="unknown-key",
    severity=Severity.ERROR,
    place=Place("/etc/hostnfsd.toml", 3, 1),
    subject="gateway.gw.hots",
    text='unknown key (did you mean "host"?)',
)


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (Place("f"), "f"),
        (Place("f", 3), "f:3"),
        (Place("f", 3, 7), "f:3:7"),
    ],
)
def test_a_place_is_shown_as_compilers_do(place: Place, shown: str) -> None:
    assert str(place) == shown


def test_the_text_form_is_the_specified_one() -> None:
    assert PROBLEM.render() == (
        '/etc/hostnfsd.toml:3:1: error: gateway.gw.hots: unknown key (did you mean "host"?)'
        " [unknown-key]"
    )


def test_a_hint_stands_on_a_line_of_its_own() -> None:
    problem = Problem("c", Severity.NOTE, Place("f"), "s", "t", "do that")

    assert problem.render() == "f: note: s: t [c]\n    hint: do that"


def test_the_json_form_is_the_specified_one() -> None:
    assert PROBLEM.to_json() == {
        "code": "unknown-key",
        "severity": "error",
        "path": "/etc/hostnfsd.toml",
        "line": 3,
        "column": 1,
        "text": 'gateway.gw.hots: unknown key (did you mean "host"?)',
        "hint": None,
    }
    assert type(PROBLEM.to_json()["severity"]) is str


def test_errors_are_those_that_refuse() -> None:
    all_kinds = tuple(Problem("c", severity, Place("f"), "s", "t") for severity in Severity)

    assert errors(all_kinds) == (all_kinds[0],)
