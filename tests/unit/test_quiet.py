"""A failure that lasts: said once, then summed up once a minute, at any rate of occurrences."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.quiet import INTERVAL_S, MAX_KEYS, Quiet, Summary


def test_the_first_occurrence_is_said_and_the_next_are_hushed() -> None:
    quiet = Quiet()

    assert [quiet.decide("a", now) for now in (0.0, 0.2, 59.9)] == ["say", "hush", "hush"]


def test_after_a_minute_it_is_summed_up_and_the_count_starts_anew() -> None:
    quiet = Quiet()
    for now in (10.0, 11.0, 12.0):
        quiet.decide("a", now)

    assert quiet.decide("a", 70.0) == Summary(count=3, since=10.0)
    assert quiet.decide("a", 71.0) == "hush"
    assert quiet.decide("a", 130.0) == Summary(count=2, since=10.0)


def test_another_failure_is_a_transition() -> None:
    quiet = Quiet()

    assert [quiet.decide(key, 0.0) for key in ("a", "b", "a")] == ["say", "say", "hush"]


def test_a_failure_that_ended_is_said_again() -> None:
    quiet = Quiet()
    quiet.decide("a", 0.0)
    quiet.decide("a", 1.0)

    assert quiet.over("a") == Summary(count=1, since=0.0)
    assert quiet.decide("a", 2.0) == "say"


def test_nothing_is_left_to_tell_of_a_failure_that_was_said_wholly() -> None:
    quiet = Quiet()
    quiet.decide("a", 0.0)

    assert quiet.over("a") is None
    assert quiet.over("never") is None


def test_all_failures_of_one_gateway_end_together() -> None:
    quiet = Quiet()
    for key in (("gw", "auth"), ("gw", "busy"), ("other", "auth"), "gw"):
        quiet.decide(key, 0.0)

    quiet.over_where(("gw",))

    assert [quiet.decide(k, 1.0) for k in (("gw", "auth"), ("other", "auth"), "gw")] == [
        "say",
        "hush",
        "hush",
    ]


def test_the_key_spoken_of_longest_ago_is_forgotten_first() -> None:
    quiet = Quiet()
    for key in range(MAX_KEYS):
        quiet.decide(key, 0.0)
    quiet.decide(0, INTERVAL_S)

    quiet.decide("one more", INTERVAL_S)

    assert quiet.decide(0, INTERVAL_S) == "hush"
    assert quiet.decide(1, INTERVAL_S) == "say"


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.floats(0, 40, allow_nan=False)), min_size=1, max_size=200
    )
)
def test_each_failure_has_at_most_one_line_in_any_minute_and_none_is_lost(
    steps: list[tuple[int, float]],
) -> None:
    quiet, now = Quiet(), 0.0
    lines: dict[int, list[float]] = {}
    told: dict[int, int] = {}
    occurred: dict[int, int] = {}
    for key, pause in steps:
        now += pause
        occurred[key] = occurred.get(key, 0) + 1
        decision = quiet.decide(key, now)
        if decision == "hush":
            continue
        told[key] = told.get(key, 0) + (1 if decision == "say" else decision.count)
        lines.setdefault(key, []).append(now)

    for key, times in lines.items():
        assert all(b - a >= INTERVAL_S for a, b in itertools.pairwise(times))
        rest = quiet.over(key)
        assert told[key] + (rest.count if rest else 0) == occurred[key]
