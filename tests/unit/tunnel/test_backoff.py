"""Waits stay within what the specification gives each class of failure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.backoff import BRISK_S, Limits, after_failure, after_loss

NEARLY_ONE = 1 - 2**-53
LIMITS = Limits(min_s=0.2, max_s=30.0)

kinds = st.sampled_from(FailureKind)
counts = st.integers(min_value=1, max_value=10_000)
chances = st.floats(min_value=0, max_value=1, exclude_max=True)
bounds = st.tuples(st.floats(0.01, 86400), st.floats(0.01, 86400)).map(sorted)
limits = bounds.map(lambda pair: Limits(*pair))

#: kind: shortest and longest wait with the default limits, after many failures.
CLASSES = {
    FailureKind.UNREACHABLE: (0.0, 5.0),
    FailureKind.TIMEOUT: (0.0, 10.0),
    FailureKind.BUSY: (20.0, 60.0),
    FailureKind.PROTOCOL: (0.0, 30.0),
    FailureKind.CLOSED: (0.0, 30.0),
    FailureKind.KEEPALIVE: (0.0, 30.0),
    FailureKind.INTERNAL: (0.0, 30.0),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_a_class_has_its_bounds(kind: FailureKind) -> None:
    shortest, longest = CLASSES[kind]

    assert after_failure(kind, 10_000, 0.0, LIMITS) == shortest
    assert after_failure(kind, 10_000, NEARLY_ONE, LIMITS) == pytest.approx(longest)


@pytest.mark.parametrize(
    ("kind", "first"),
    [(FailureKind.UNREACHABLE, 0.2), (FailureKind.TIMEOUT, 1.0), (FailureKind.BUSY, 25.0)],
)
def test_the_first_wait_is_short(kind: FailureKind, first: float) -> None:
    assert after_failure(kind, 1, NEARLY_ONE, LIMITS) == pytest.approx(first)


def test_each_failure_doubles_the_bound() -> None:
    waits = [after_failure(FailureKind.CLOSED, n, 0.5, LIMITS) for n in range(1, 10)]

    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0])


@given(kinds, counts, chances, limits)
def test_no_wait_is_negative_or_beyond_the_configured(
    kind: FailureKind, failures: int, chance: float, within: Limits
) -> None:
    wait = after_failure(kind, failures, chance, within)

    if kind is FailureKind.BUSY:
        assert 20.0 <= wait <= 60.0  # sshd's penalties do not follow our configuration
    else:
        assert 0.0 <= wait <= within.max_s


@given(kinds, counts, chances, limits)
def test_more_failures_never_mean_a_shorter_wait(
    kind: FailureKind, failures: int, chance: float, within: Limits
) -> None:
    assert after_failure(kind, failures, chance, within) <= after_failure(
        kind, failures + 1, chance, within
    )


def test_a_single_loss_is_retried_at_once() -> None:
    assert after_loss(1, 0.0, NEARLY_ONE, LIMITS) == 0.0


@given(counts, st.floats(min_value=0, max_value=BRISK_S, exclude_max=True), chances, limits)
def test_a_series_stays_under_a_second_for_two_minutes(
    losses: int, series_s: float, chance: float, within: Limits
) -> None:
    assert 0.0 <= after_loss(losses, series_s, chance, within) < 1.0


@given(counts, st.floats(min_value=0, max_value=1e6), chances, limits)
def test_a_series_never_waits_longer_than_configured(
    losses: int, series_s: float, chance: float, within: Limits
) -> None:
    assert 0.0 <= after_loss(losses, series_s, chance, within) <= within.max_s


@given(limits)
def test_a_long_series_grows_to_the_longest_wait(within: Limits) -> None:
    assert after_loss(10_000, 86400.0, NEARLY_ONE, within) == pytest.approx(within.max_s)


def test_a_series_grows_step_by_step() -> None:
    waits = [after_loss(10_000, 120.0 * n, NEARLY_ONE, LIMITS) for n in range(9)]

    assert waits == pytest.approx([0.2, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0])


def test_hours_of_outage_between_two_losses_make_no_long_series() -> None:
    assert after_loss(2, 6 * 3600.0, NEARLY_ONE, LIMITS) == pytest.approx(0.4)
