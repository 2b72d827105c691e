"""Fixtures on real components; see tests/bed/README.md for what can be asked of them.

``bed`` is shared by a whole session: use it for what leaves no trace. ``make_bed`` gives a bed of
one's own, with options, for tests that break something.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from tests.bed.bed import Bed, BedOptions

#: Folders whose tests share one booted machine, or what was built once.
_ONE_MACHINE: Final = ("packages", "systemd")
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


def pytest_itemcollected(item: pytest.Item) -> None:
    """Everything in this folder is an integration test, and several workers may share the work.

    Tests that share something costly (a booted machine, the packages, a bed of their module) stay
    with one worker (``--dist loadgroup``, which looks before anything is sorted); all others go to
    whoever is free.
    """
    if "integration" in item.path.parts:
        item.add_marker(pytest.mark.integration)
        if (group := _shared_by(item)) is not None:
            item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long ones begin first, so that nobody waits for the last of them alone."""
    if getattr(config.option, "loadgroup", False):  # what xdist's workers are told
        apart = [
            i.nodeid for i in items if i.get_closest_marker("xdist_group") and "@" not in i.nodeid
        ]
        assert not apart, f"xdist does not keep these together: {apart}"
    if all("integration" in item.path.parts for item in items):
        items.sort(key=lambda item: (-_allowed_s(item), _shared_by(item) is None))


def _shared_by(item: pytest.Item) -> str | None:
    """What a test shares with others: its folder, its module, or None: nothing but ``bed``."""
    if item.path.parent.name in _ONE_MACHINE:
        return item.path.parent.name
    assert isinstance(item, pytest.Function)
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    of_module = any(each[-1].scope == "module" for each in fixtures)
    return item.path.name if of_module else None


def _allowed_s(item: pytest.Item) -> float:
    """The seconds that a test allows itself, if they are its own."""
    own = item.get_closest_marker("timeout")
    return float(own.args[0]) if own is not None else 0
