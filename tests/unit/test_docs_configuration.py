"""The page about the configuration says what the program does."""

import re

import pytest

from docs.configuration_tables import PAGE, page
from hostnfsd.config.reader import parse
from hostnfsd.config.search import candidates
from hostnfsd.problem import errors

TEXT = PAGE.read_text()
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def test_the_tables_are_fresh() -> None:
    assert page(TEXT) == TEXT, "run: python docs/configuration_tables.py"


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_configuration(example: str) -> None:
    problems = errors(parse(example, "example").problems)

    assert [problem.render() for problem in problems] == []


def test_the_problem_shown_is_told_so() -> None:
    path = "/home/me/.config/hostnfsd/hostnfsd.toml"
    (problem,) = parse("[gateway.dev-gw]\n\nhots = 1", path).problems

    assert "".join(f"    {line}\n" for line in problem.render().split("\n")) in TEXT


def test_every_place_searched_is_named() -> None:
    for candidate in candidates(None, {}, "darwin", PAGE.parent):
        assert str(candidate.path).replace(str(PAGE.parent), "~") in TEXT
