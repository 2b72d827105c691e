"""How long another may take to answer, counted while we could have heard him.

The end of a time limit says something of a peer only if our event loop ran meanwhile. A process
that was stopped, swapped out or starved, or whose machine was paused by its host, finds all its
limits passed at once when it goes on, and the answers beside them, unread. So time is counted in
short rounds, each of which counts for its length at most however late it ends; and where the last
one ended late there is another, in which what has come meanwhile is read. (A sleep of this machine
stops the clock of the loop anyway.)

Whoever waits for another uses :func:`within`. Whoever only rests uses :data:`pausing`.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

#: Rounds of a limit at least, and seconds that one of them lasts at most.
_ROUNDS: Final = 10
_ROUND_S: Final = 0.25
#: A round that took so many times its length has ended late.
_LATE: Final = 2.0

#: A rest of our own that something may cut short: its end blames nobody, and comes by the clock.
pausing: Final = asyncio.timeout


class Patience:
    """What is left of the seconds that somebody may take. Pure.

    Args:
        seconds: that he may take.
        now: seconds of any clock that does not go back.

    Attributes:
        round_s: seconds that a round is to last.
    """

    def __init__(self, seconds: float, now: float) -> None:
        self._rounds = max(_ROUNDS, math.ceil(seconds / _ROUND_S)) if seconds > 0 else 0
        self.round_s = seconds / self._rounds if self._rounds else 0.0
        self._began = now
        self._grace = True

    def left_s(self, now: float) -> float:
        """Seconds that are left now."""
        return max(0.0, self._rounds * self.round_s - min(now - self._began, self.round_s))

    def turn(self, now: float) -> bool:
        """The present round has ended; whether another one follows."""
        late = now - self._began > _LATE * self.round_s
        self._began = now
        self._rounds = max(0, self._rounds - 1)
        if self._rounds:
            return True
        # Only once: a machine that is always late must come to an end, too.
        grace, self._grace = self._grace and late, False
        return grace


class Limit:
    """A limit that is in force. Made by :func:`within`."""

    def __init__(self, seconds: float, end: asyncio.Timeout) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = end
        self._patience = Patience(seconds, self._loop.time())
        self._timer = self._loop.call_later(self._patience.round_s, self._turn)

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        return self._patience.left_s(self._loop.time())

    def lift(self) -> None:
        """It is in force no more."""
        self._timer.cancel()

    def _turn(self) -> None:
        now = self._loop.time()
        if self._patience.turn(now):
            self._timer = self._loop.call_later(self._patience.round_s, self._turn)
        else:
            # Not at once: whoever was woken in this very turn of the loop comes first.
            self._end.reschedule(now)


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[Limit]:
    """Limit the time in which somebody is to answer.

    Args:
        seconds: that he may take while the loop runs.

    Raises:
        TimeoutError: he took longer.
    """
    async with asyncio.timeout(None) as end:
        limit = Limit(seconds, end)
        try:
            yield limit
        finally:
            limit.lift()
