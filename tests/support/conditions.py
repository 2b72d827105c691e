"""Waiting for a condition inside an event loop, with a deadline: how tests pass time."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

_POLL_S = 0.005


async def eventually(
    condition: Callable[[], _T],
    what: str,
    *,
    timeout_s: float = 10.0,
    seen: Callable[[], object] | None = None,
) -> _T:
    """Ask ``condition`` again and again until it returns something true, and return that.

    Args:
        condition: asked at least once.
        what: completes the sentence "waited N s for ...".
        timeout_s: how long to go on.
        seen: describes the state of things for the message of a failure.
    """
    end = time.monotonic() + timeout_s
    while True:
        if value := condition():
            return value
        if time.monotonic() >= end:
            detail = f": {seen()}" if seen is not None else ""
            raise AssertionError(f"waited {timeout_s:g} s for {what}{detail}")
        await asyncio.sleep(_POLL_S)


async def never(condition: Callable[[], object], what: str, *, for_s: float) -> None:
    """Watch for ``for_s`` seconds that ``condition`` stays false."""
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        assert not condition(), what
        await asyncio.sleep(_POLL_S)
