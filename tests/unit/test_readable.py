"""Durations, sizes and foreign text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.readable import duration, printable, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (123, "2 min 3 s"),
        (3600, "1 h"),
        (3659, "1 h"),
        (7500, "2 h 5 min"),
        (86400, "1 d"),
        (90000, "1 d 1 h"),
        (100 * 86400 + 3599, "100 d"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (10 * 1024, "10 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (268_435_456, "256 MiB"),
        (5 * 1024**5, "5.0 PiB"),
        (5000 * 1024**5, "5000 PiB"),
    ],
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text


@given(st.integers(0, 2**60))
def test_a_size_never_shows_four_digits_below_the_largest_unit(count: int) -> None:
    number, unit = size(count).split(" ")

    assert unit in {"B", "PiB"} or float(number) < 1024


def test_control_characters_are_written_out() -> None:
    assert printable("a\x1b[31m\r\nb\x9bc\tä€") == "a\\x1b[31m\\r\\nb\\x9bc\\tä€"
    assert printable("a\n\tb\x1bc", lines=True) == "a\n\tb\\x1bc"


@given(st.text())
def test_what_is_printable_has_no_control_character(text: str) -> None:
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in printable(text))
