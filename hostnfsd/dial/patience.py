"""How long another may take to answer, counted while we could have heard him.

The end of a time limit says something of a peer only if our event loop ran meanwhile. A process
that was stopped, swapped out or starved, or whose machine was paused by its host, finds all its
limits passed at once when it goes on, and the answers beside them, unread. So time is counted in
short rounds, each of which counts for its length at most however late it ends; and where the last
one ended late there is another, in which what has come meanwhile is read. (A sleep of this machine
stops the clock of the loop anyway.)

Whoever waits for another uses :func:`within`, or :class:`Alarm` where he has no task that waits.
Whoever only rests uses :data:`pausing`.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

#: Rounds of a limit at least, and seconds that one of them lasts at most.
_ROUNDS: Final = 10
_ROUND_S: Final = 0.25
#: A round that took so many times its length has ended late.
_LATE: Final = 2.0
#: Seconds by which an alarm is late if the loop did not run.
_LATE_S: Final = 0.1

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


class Alarm:
    """Calls once when somebody has been silent for too long; what came while we stood still counts.

    uvloop runs timers before it reads: one that rings late would find him silent for the time in
    which nobody listened. Here it waits for one round more, in which he is heard and may call it
    off. ``silent`` itself asks whether he still is.

    Args:
        seconds: that he may be silent.
        silent: what to do then.
    """

    def __init__(self, seconds: float, silent: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        due = self._loop.time() + seconds
        # Nothing but the timer refers to him: one that is called off keeps nobody.
        self._timer = self._loop.call_later(seconds, self._ring, due, silent)

    def cancel(self) -> None:
        """Call it off. May be called again."""
        self._timer.cancel()

    def _ring(self, due: float, silent: Callable[[], None]) -> None:
        if self._loop.time() - due > _LATE_S:
            self._timer = self._loop.call_later(_ROUND_S, silent)
        else:
            silent()
