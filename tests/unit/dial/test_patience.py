"""How time is counted: in rounds that count for their length at most, the last one in time."""

from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.dial.patience import Patience

SECONDS = st.floats(0.001, 20.0)
#: How much later than it should a round ends; most do so in time.
DELAYS = st.lists(st.one_of(st.just(0.0), st.floats(0.0, 1000.0)), max_size=20)


def rounds(seconds: float, delays: list[float]) -> tuple[int, float]:
    """How many rounds there are when they end late by so much, and how long they take in all."""
    now, count = 1000.0, 0
    patience = Patience(seconds, now)
    later = iter(delays)
    while True:
        count += 1
        now += patience.round_s + next(later, 0.0)
        if not patience.turn(now):
            return count, now - 1000.0


@given(SECONDS)
def test_a_loop_that_runs_counts_seconds(seconds: float) -> None:
    _, took = rounds(seconds, [])

    assert abs(took - seconds) < 1e-6


@given(SECONDS, DELAYS)
def test_a_loop_that_was_held_up_counts_what_it_ran(seconds: float, delays: list[float]) -> None:
    """However long it stood still, it runs for as many seconds as were allowed, or a round more."""
    count, took = rounds(seconds, delays)
    ran = took - sum(delays[:count])

    assert seconds - 1e-6 <= ran <= seconds * 1.1 + 1e-6


@given(SECONDS, st.floats(0.0, 1000.0), st.integers(0, 500))
def test_one_stop_leaves_all_rounds_but_the_one_that_it_fell_into(
    seconds: float, stop: float, when: int
) -> None:
    undisturbed, _ = rounds(seconds, [])
    count, _ = rounds(seconds, [0.0] * (when % undisturbed) + [stop])

    assert count in {undisturbed, undisturbed + 1}


def test_after_a_stop_in_the_last_round_there_is_another() -> None:
    count, took = rounds(1.0, [0.0] * 9 + [5.0])
    assert count == 11
    assert abs(took - 6.1) < 1e-6


def test_but_not_for_ever() -> None:
    assert rounds(1.0, [5.0] * 100)[0] == 11


def test_no_time_at_all_is_over_at_once() -> None:
    for seconds in (0.0, -1.0):
        patience = Patience(seconds, 5.0)
        assert patience.round_s == 0.0
        assert not patience.turn(5.0)


def test_what_is_left_goes_down_while_a_round_lasts_but_not_below_its_end() -> None:
    patience = Patience(2.0, 100.0)
    assert patience.left_s(100.0) == 2.0
    assert abs(patience.left_s(100.1) - 1.9) < 1e-9
    assert abs(patience.left_s(150.0) - 1.8) < 1e-9, "it stood still: one round"
    assert patience.turn(150.0)
    assert abs(patience.left_s(150.0) - 1.8) < 1e-9
