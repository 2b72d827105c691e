"""How soon is probed again while something fails."""

import pytest

from hostnfsd.services import Service
from hostnfsd.snapshot import ServiceState
from hostnfsd.tunnel.unrest import Unrest

DOWN, STALLED = ServiceState.HOST_DOWN, ServiceState.STALLED


def rounds(unrest: Unrest, begin_s: float, until_s: float, *, required: bool) -> list[float]:
    """The pauses while one service is down."""
    now, pauses = begin_s, []
    while now < until_s:
        unrest.failed(Service.STATUS, DOWN, required=required)
        pauses.append(unrest.pause_s(now, 10.0))
        now += pauses[-1]
    return pauses


def test_nothing_that_fails_waits_for_the_interval() -> None:
    assert Unrest().pause_s(5.0, 10.0) == 10.0


def test_what_is_required_is_looked_for_every_second_for_a_minute() -> None:
    pauses = rounds(Unrest(), 1000.0, 1060.0, required=True)

    assert pauses == [1.0] * 60


@pytest.mark.parametrize(("required", "most"), [(True, 480), (False, 390)])
def test_what_stays_away_costs_hardly_more_than_the_interval(required: bool, most: int) -> None:
    pauses = rounds(Unrest(), 0.0, 3600.0, required=required)

    assert pauses == sorted(pauses)
    assert set(pauses) == {1.0, 2.0, 5.0, 10.0}
    assert 360 < len(pauses) < most


def test_a_failure_of_another_kind_is_a_new_one() -> None:
    unrest = Unrest()
    rounds(unrest, 0.0, 1000.0, required=True)
    unrest.failed(Service.STATUS, STALLED, required=True)

    assert unrest.pause_s(1000.0, 10.0) == 1.0


def test_what_served_meanwhile_fails_anew() -> None:
    unrest = Unrest()
    rounds(unrest, 0.0, 1000.0, required=True)
    unrest.pause_s(1000.0, 10.0)
    unrest.failed(Service.STATUS, DOWN, required=True)

    assert unrest.pause_s(1010.0, 10.0) == 1.0


def test_the_most_urgent_decides() -> None:
    unrest = Unrest()
    rounds(unrest, 0.0, 1000.0, required=False)
    unrest.failed(Service.STATUS, DOWN, required=False)
    unrest.failed(Service.NFS, DOWN, required=True)

    assert unrest.pause_s(1000.0, 10.0) == 1.0


def test_a_short_interval_is_not_prolonged() -> None:
    unrest = Unrest()
    unrest.failed(Service.NFS, DOWN, required=True)

    assert unrest.pause_s(0.0, 0.5) == 0.5
