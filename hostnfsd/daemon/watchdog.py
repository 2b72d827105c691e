"""A watchdog of our own, where no service manager has one: launchd, or a terminal.

A thread counts its own rounds in which the event loop gave no sign of life. Rounds, not seconds:
after a sleep, or a stop by a debugger, thread and loop go on together, whatever the clocks say. A
loop that holds the interpreter in C code holds the thread, too, and is not found.
"""

import asyncio
import faulthandler
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

#: Seconds between two rounds of the thread, and between two signs of life.
ROUND_S: Final = 5.0
#: Rounds without a sign of life after which the loop is taken for hung: 30 s, as by systemd.
PATIENCE: Final = 6
#: Seconds in which the log may be told; it may be what the loop hangs on.
_TELLING_S: Final = 5.0

_log: Final = structlog.stdlib.get_logger("hostnfsd.watchdog")


class Watchdog:
    """One loop's. Started by :meth:`start`, for which :meth:`feed` is the sign of life."""

    def __init__(
        self,
        *,
        round_s: float = ROUND_S,
        patience: int = PATIENCE,
        end: Callable[[float], None] | None = None,
    ) -> None:
        """Make it.

        Args:
            round_s: seconds between two rounds.
            patience: rounds without a sign of life after which ``end`` is called.
            end: ends the process; is told for how many seconds the loop has been silent.
        """
        self._round_s = round_s
        self._patience = patience
        self._end = _end if end is None else end
        self._fed = True
        self._silent = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def feed(self) -> None:
        """The loop is alive."""
        self._fed = True

    def stop(self) -> None:
        """Watch no more. Returns when the thread has ended."""
        self._stopped.set()
        self._thread.join()

    def look(self) -> None:
        """One round of the thread; ends the process in the one that exhausts its patience."""
        self._silent = 0 if self._fed else self._silent + 1
        self._fed = False
        if self._silent == self._patience:
            self._end(self._silent * self._round_s)

    def _watch(self) -> None:
        while not self._stopped.wait(self._round_s):
            self.look()


@contextmanager
def watching(loop: asyncio.AbstractEventLoop, watchdog: Watchdog) -> Iterator[None]:
    """Let the watchdog watch this loop until the end of the block."""
    timer: asyncio.TimerHandle | None = None

    def feed() -> None:
        nonlocal timer
        watchdog.feed()
        timer = loop.call_later(ROUND_S / 2, feed)

    feed()
    watchdog.start()
    try:
        yield
    finally:
        watchdog.stop()
        if timer is not None:
            timer.cancel()


def tell_crashes(descriptor: int | None) -> None:
    """Let a crash leave the stacks of all threads in the log.

    So does the SIGABRT of a watchdog, systemd's as well as ours.

    Args:
        descriptor: where lines of the log go; None: nowhere.
    """
    if descriptor is None:
        faulthandler.disable()
    else:
        faulthandler.enable(descriptor, all_threads=True)


def _end(silent_s: float) -> None:
    # Whatever the telling waits for, the end comes.
    last = threading.Timer(_TELLING_S, os.abort)
    last.daemon = True
    last.start()
    _log.error(
        "loop_hung",
        silent_s=silent_s,
        hint="a bug of ours, or a file system that hangs: the stacks that follow tell where;"
        " the service manager starts the daemon anew",
    )
    os.abort()
