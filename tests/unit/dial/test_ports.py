import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.dial.ports import HIGHEST, KEPT_FREE, Meaning, Step, candidates, lowest, meaning


@given(low=st.integers(600, HIGHEST), unit=st.floats(0, 1, exclude_max=True))
def test_every_usable_port_comes_once_wherever_the_search_starts(low: int, unit: float) -> None:
    found = list(candidates(low, unit))

    assert sorted(found) == [p for p in range(low, HIGHEST + 1) if p not in KEPT_FREE]


def test_the_search_goes_down_and_round() -> None:
    assert list(candidates(1018, 0.0)) == [1023, 1022, 1021, 1020, 1019, 1018]
    assert list(candidates(1018, 0.5)) == [1020, 1019, 1018, 1023, 1022, 1021]
    assert list(candidates(1018, 0.999)) == [1018, 1023, 1022, 1021, 1020, 1019]


def test_the_start_is_spread_over_the_range() -> None:
    starts = {next(candidates(665, step / 1000)) for step in range(1000)}

    assert starts == set(candidates(665, 0.0))


def test_ports_of_well_known_listeners_are_left_to_them() -> None:
    assert {631, 636, 749, 873, 989, 995} <= KEPT_FREE
    assert not KEPT_FREE & set(candidates(600, 0.3))


def test_a_range_that_is_kept_free_has_no_candidates() -> None:
    assert list(candidates(1024, 0.7)) == []


def test_the_range_of_each_platform() -> None:
    assert (lowest("linux"), lowest("darwin")) == (665, 600)
    assert len(list(candidates(lowest("linux"), 0.0))) == 347


@pytest.mark.parametrize(
    ("step", "number", "means"),
    [
        (Step.BIND, errno.EADDRINUSE, Meaning.NEXT),
        (Step.BIND, errno.EACCES, Meaning.NO_RIGHT),
        (Step.BIND, errno.EPERM, Meaning.NO_RIGHT),
        (Step.BIND, errno.EADDRNOTAVAIL, Meaning.FINAL),
        (Step.BIND, errno.ENOBUFS, Meaning.FINAL),
        (Step.CONNECT, errno.EADDRNOTAVAIL, Meaning.NEXT),
        (Step.CONNECT, errno.EADDRINUSE, Meaning.NEXT),
        (Step.CONNECT, errno.ECONNREFUSED, Meaning.FINAL),
        (Step.CONNECT, errno.EACCES, Meaning.FINAL),
        (Step.CONNECT, errno.EHOSTUNREACH, Meaning.FINAL),
        (Step.CONNECT, None, Meaning.FINAL),
    ],
)
def test_what_an_error_says(step: Step, number: int | None, means: Meaning) -> None:
    assert meaning(step, number) is means
