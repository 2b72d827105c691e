"""Waiting for a condition with a deadline: the only way this test bed passes time."""

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

POLL_S = 0.02


class DeadlineError(AssertionError):
    """A condition did not come true in time; the text says what was seen instead."""


def wait_until(
    condition: Callable[[], _T],
    what: str,
    *,
    timeout_s: float = 10.0,
    poll_s: float = POLL_S,
    seen: Callable[[], str] | None = None,
) -> _T:
    """Ask ``condition`` again and again until it returns something true, and return that.

    Args:
        condition: asked at least once, also when ``timeout_s`` is 0. What it raises is passed on.
        what: completes the sentence "waited N s for ...".
        timeout_s: how long to go on.
        poll_s: the pause between two questions.
        seen: describes the state of things for the message of a failure.

    Raises:
        DeadlineError: it did not come true.
    """
    end = time.monotonic() + timeout_s
    while True:
        if value := condition():
            return value
        if time.monotonic() >= end:
            detail = f"\n{seen()}" if seen is not None else ""
            raise DeadlineError(f"waited {timeout_s:g} s for {what}{detail}")
        time.sleep(poll_s)
