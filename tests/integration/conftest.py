"""Fixtures on real components; see tests/bed/README.md for what can be asked of them.

``bed`` is shared by a whole session: use it for what leaves no trace. ``make_bed`` gives a bed of
one's own, with options, for tests that break something.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

import pytest

from tests.bed.bed import Bed, BedOptions

_BEDS = pytest.StashKey[list[Bed]]()


@pytest.fixture(scope="session")
def shared_bed() -> Iterator[Bed]:
    """The one bed of the session; tests ask for ``bed``."""
    with Bed() as bed:
        yield bed


@pytest.fixture
def bed(shared_bed: Bed, request: pytest.FixtureRequest) -> Iterator[Bed]:
    """The shared bed: main case of the specification, everything up, no daemon yet."""
    request.node.stash.setdefault(_BEDS, []).append(shared_bed)
    yield shared_bed
    for daemon in shared_bed.daemons:  # one that a failed test left would hold the next one's ports
        daemon.close()


@pytest.fixture
def make_bed(request: pytest.FixtureRequest) -> Iterator[Callable[[BedOptions], Bed]]:
    """Makes beds of this test's own: ``make_bed(BedOptions(user="root"))``."""
    with ExitStack() as stack:

        def make(options: BedOptions) -> Bed:
            bed = stack.enter_context(Bed(options))
            request.node.stash.setdefault(_BEDS, []).append(bed)
            return bed

        yield make


@pytest.fixture
def own_bed(make_bed: Callable[[BedOptions], Bed]) -> Bed:
    """A bed of this test's own with the defaults, to be broken at will."""
    return make_bed(BedOptions())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the ends of the logs of a bed into the report of a test that failed on it."""
    report = yield
    if report.failed:
        for bed in item.stash.get(_BEDS, []):
            report.sections.extend((f"bed: {name}", text) for name, text in bed.logs().items())
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an integration test."""
    for item in items:
        if "integration" in item.path.parts:
            item.add_marker(pytest.mark.integration)
