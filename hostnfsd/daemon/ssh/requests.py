"""Requests to a gateway that outlive whoever waits for them.

asyncssh forgets a request whose caller has gone, and what the gateway then grants has no owner: a
port that is held by nobody, a connection that nobody ends.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class Requests:
    """Those of one session."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[Any]] = set()

    async def to_the_end(self, request: Coroutine[Any, Any, _T], undo: Callable[[_T], None]) -> _T:
        """Wait for a request; when cancelled, ``undo`` what the gateway grants later."""
        task = asyncio.get_running_loop().create_task(request)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            task.add_done_callback(lambda done: _undo(done, undo))
            raise
        return task.result()


def _undo(done: "asyncio.Task[_T]", undo: Callable[[_T], None]) -> None:
    if not done.cancelled() and done.exception() is None:
        undo(done.result())
