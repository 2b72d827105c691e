"""A problem survives the way to JSON and back, its subject apart from its text."""

import json

import pytest

from hostnfsd.problem import Place, Problem, Severity
from hostnfsd.problem_document import problem_from_json, problem_to_json


@pytest.mark.parametrize(
    "problem",
    [
        Problem("a", Severity.ERROR, Place("/f", 1, 2), "key", "key: is wrong", "mend it"),
        Problem("b", Severity.NOTE, Place("/f"), "", "all of it"),
    ],
)
def test_a_problem_survives(problem: Problem) -> None:
    assert problem_from_json(json.loads(json.dumps(problem_to_json(problem)))) == problem
