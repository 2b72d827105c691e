"""Clocks, compared with what a question's way takes."""

import pytest

from hostnfsd.doctor.finding import Outcome
from hostnfsd.doctor.machine_checks import clock_verdict


@pytest.mark.parametrize(
    ("theirs", "outcome"),
    [
        (1000, Outcome.PASS),
        (998, Outcome.PASS),
        (1002, Outcome.PASS),
        (990, Outcome.WARN),
        (1010, Outcome.WARN),
    ],
)
def test_a_clock_that_told_whole_seconds(theirs: int, outcome: Outcome) -> None:
    assert clock_verdict("gw", theirs, 1000.5, 1000.9).outcome is outcome


def test_a_slow_way_is_allowed_for() -> None:
    assert clock_verdict("gw", 1000, 1000.0, 1004.0).outcome is Outcome.PASS
    assert clock_verdict("gw", 1004, 1000.0, 1004.0).outcome is Outcome.PASS


def test_which_way_it_is_off_is_told() -> None:
    assert "1 min 39 s behind ours" in clock_verdict("gw", 900, 1000.5, 1000.6).text
    assert "1 min 39 s ahead of ours" in clock_verdict("gw", 1100, 1000.5, 1000.6).text
