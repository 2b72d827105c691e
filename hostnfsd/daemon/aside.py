"""Blocking work beside the event loop, in threads that nobody has to wait for.

A file in a home that is on a dead server, or a name that no resolver answers, can hold a thread for
minutes or for ever. asyncio's own threads would keep the daemon from ending until then.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from hostnfsd.dial.patience import within

R = TypeVar("R")


class Aside:
    """One piece of work at a time.

    Args:
        name: of the threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._under_way: asyncio.Future[Any] | None = None

    async def do(self, work: Callable[[], R], within_s: float) -> R:
        """The result of ``work``, or what it raises.

        Work that did not end in time goes on, for nobody; until it has ended no other begins.

        Raises:
            TimeoutError: it did not end in time, or what was begun before it did not.
        """
        async with within(within_s):
            if self._under_way is not None:
                # Waiting for the future itself would cancel it with us.
                await asyncio.wait((self._under_way,))
            self._under_way = future = self._begin(work)
            await asyncio.wait((future,))
        return future.result()

    def _begin(self, work: Callable[[], R]) -> "asyncio.Future[R]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        # What nobody waits for any more may fail without a word.
        future.add_done_callback(lambda done: done.exception())

        def run() -> None:
            try:
                tell = partial(future.set_result, work())
            except Exception as exc:  # noqa: BLE001  # whoever waits gets it
                tell = partial(future.set_exception, exc)
            with suppress(RuntimeError):  # the loop is closed: the daemon ended meanwhile
                loop.call_soon_threadsafe(tell)

        threading.Thread(target=run, name=self._name, daemon=True).start()
        return future
