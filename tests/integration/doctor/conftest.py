"""One bed for the tests of a module: each gives back what it took."""

from collections.abc import Generator, Iterator

import pytest

from tests.bed.bed import Bed
from tests.integration.doctor.faults import NAMED
from tests.integration.doctor.registry import MARK


@pytest.fixture(scope="module")
def shared() -> Iterator[Bed]:
    with Bed() as bed:
        yield bed


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Of each failure that a test says it produces, the doctor must have said the name in it."""
    NAMED.clear()
    result = yield
    said = {code for mark in pyfuncitem.iter_markers(MARK) for code in mark.args}
    assert said <= NAMED, f"the doctor did not name {', '.join(sorted(said - NAMED))}"
    return result
