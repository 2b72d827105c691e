"""Notices that this machine slept, by clocks that count sleep and clocks that do not.

No system's own notification is needed: the clocks work the same under launchd, under systemd and in
a container. A virtual machine that its host has paused is not noticed, nor is a stopped process:
nobody is blamed for such a time (:mod:`hostnfsd.dial.patience`).
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Final

import structlog

from hostnfsd.quiet import Quiet
from hostnfsd.tunnel import nap

#: Seconds between two looks: a wake is noticed within a second of running again.
STEP_S: Final = 0.8
#: Seconds between two lines of the log: a laptop that is shut wakes for moments all night.
_LINES_S: Final = 3600.0

_log: Final = structlog.stdlib.get_logger("hostnfsd.sleep")


def asleep_s() -> float:
    """Seconds this machine has slept since it was booted.

    Linux: clock_gettime(2), CLOCK_BOOTTIME and CLOCK_MONOTONIC. macOS: clock_gettime(3),
    CLOCK_MONOTONIC_RAW and CLOCK_UPTIME_RAW; not run on a Mac. 0 elsewhere.
    """
    if sys.platform == "linux":
        counting, pausing = time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC
    elif sys.platform == "darwin":
        counting, pausing = time.CLOCK_MONOTONIC_RAW, time.CLOCK_UPTIME_RAW
    else:
        return 0.0
    # The process may be stopped between two readings, at any length: take the tightest three.
    readings = []
    for _ in range(3):
        before = time.clock_gettime(pausing)
        now = time.clock_gettime(counting)
        readings.append((time.clock_gettime(pausing) - before, now - before))
    return min(readings)[1]


class Sleep:
    """Watches for it.

    Args:
        slept: told the seconds of each sleep, soon after it.
        asleep: gives the seconds of sleep since boot.
        step_s: seconds between two looks.

    Attributes:
        total_s: seconds slept since this was made.
    """

    def __init__(
        self,
        slept: Callable[[float], None],
        *,
        asleep: Callable[[], float] = asleep_s,
        step_s: float = STEP_S,
    ) -> None:
        self._slept = slept
        self._asleep = asleep
        self._step_s = step_s
        self._quiet = Quiet(_LINES_S)
        self.total_s = 0.0

    async def run(self) -> None:
        """Watch until cancelled."""
        before = self._asleep()
        while True:
            await asyncio.sleep(self._step_s)
            now = self._asleep()
            seconds = nap.slept_s(before, now)
            before = now
            if seconds:
                self._woke(seconds, time.monotonic() + now)

    def _woke(self, seconds: float, now: float) -> None:
        self.total_s += seconds
        if self._quiet.decide("woke", now) != "hush":
            _log.info("host_woke", asleep_s=round(seconds))
        self._slept(seconds)
