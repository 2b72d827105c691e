"""What is a sleep, and how long a session has to show that it has survived one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.tunnel.nap import patience_s, slept_s

spans = st.floats(0, 1e7)


@pytest.mark.parametrize(("before", "now", "slept"), [(0, 0.5, 0.5), (7200, 7203, 3)])
def test_a_sleep_is_what_was_added(before: float, now: float, slept: float) -> None:
    assert slept_s(before, now) == slept


@pytest.mark.parametrize("now", [100.0, 100.01, 99.99, 0.0])
def test_clocks_that_are_read_one_after_the_other_make_no_sleep(now: float) -> None:
    assert slept_s(100.0, now) == 0


@given(spans, spans)
def test_no_session_gets_more_time_than_without_a_sleep(asleep: float, silence: float) -> None:
    assert 0 <= patience_s(asleep, silence) <= silence


def test_after_a_short_nap_it_has_all_of_it_and_after_a_long_one_little() -> None:
    assert patience_s(20.0, 9.0) == 9.0
    assert patience_s(8 * 3600.0, 9.0) == 3.0
