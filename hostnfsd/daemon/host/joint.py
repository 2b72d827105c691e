"""One piece of work at a time for each key: who asks for it meanwhile shares the result."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

R = TypeVar("R")


class Joint(Generic[R]):
    """Work that several want at once, and that is done once.

    The first to ask does it. Should he be cancelled, or fail, another of those who wait does it
    himself: nobody suffers from what happens to another.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[R]] = {}

    async def do(self, key: Hashable, work: Callable[[], Awaitable[R]]) -> R:
        """The result of ``work``, or of the same work that is under way for ``key``."""
        while (shared := self._under_way.get(key)) is not None:
            # Waiting for a future itself would cancel it with us.
            await asyncio.wait((shared,))
            if not shared.cancelled():
                return shared.result()
        promise = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            result = await work()
            promise.set_result(result)
            return result
        finally:
            promise.cancel()  # without effect once there is a result
            del self._under_way[key]
