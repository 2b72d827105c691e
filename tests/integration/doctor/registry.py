"""Which failures of the catalogue are produced, read off the tests of this folder themselves.

A test says what it produces in one of two ways: it is parametrized by ``fault``, over a table of
faults; or it is marked ``@pytest.mark.produces("code", …)``. That the doctor does name these codes
there, the tests of a table assert each, and for the mark conftest.py does.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.integration.doctor.not_produced import NOT_PRODUCED

FOLDER = Path(__file__).parent
MARK = "produces"


def modules() -> Iterator[ModuleType]:
    """The modules of tests here."""
    for path in sorted(FOLDER.glob("test_*.py")):
        yield importlib.import_module(f"tests.integration.doctor.{path.stem}")


def produced(tests: Iterator[ModuleType] | None = None) -> dict[str, list[str]]:
    """Code -> the tests that produce it, such as ``test_host.py::test_it[the server is down]``.

    Raises:
        ValueError: something is marked that pytest does not run.
    """
    found: dict[str, list[str]] = {}
    for module in modules() if tests is None else tests:
        for name, function in vars(module).items():
            for code, test in _of(name, getattr(function, "pytestmark", ())):
                found.setdefault(code, []).append(
                    f"{module.__name__.rpartition('.')[2]}.py::{test}"
                )
    return found


def _of(name: str, marks: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """(code, test) of one function."""
    for mark in marks if isinstance(marks, list) else ():
        if mark.name == MARK:
            if not name.startswith("test_"):
                raise ValueError(f"{name} is said to produce {mark.args}, and is no test")
            yield from ((code, name) for code in mark.args)
        elif mark.name == "parametrize" and mark.args[0] == "fault":
            yield from ((each.code, f"{name}[{each.name}]") for each in mark.args[1])


def disagreements(
    codes: Sequence[str], by_tests: Mapping[str, Sequence[str]], excused: Mapping[str, str]
) -> list[str]:
    """What is wrong with the claim that each failure is produced, or cannot be, in sentences."""
    wrong = []
    for code in codes:
        if code in by_tests and code in excused:
            wrong.append(f"{code} is said not to be produced here, and {by_tests[code][0]} does")
        elif code not in by_tests and not excused.get(code):
            wrong.append(f"{code}: no test produces it, and nothing says why none can")
    for claim, table in (("produced", by_tests), ("excused", excused)):
        wrong += [f"{code} is {claim}, and is no code" for code in table if code not in codes]
    return wrong


def notes(codes: Sequence[str]) -> dict[str, str]:
    """Code -> what docs/failures.md says of its being produced, a sentence."""
    by_tests = produced()
    return {code: _note(code in by_tests, NOT_PRODUCED.get(code)) for code in codes}


def _note(is_produced: bool, reason: str | None) -> str:
    if is_produced:
        return "Produced, named and cured on the test bed."
    return f"Not produced here: {reason}." if reason else "Not produced here yet."
