"""Runs checks: independent ones at once, each with a deadline that it cannot overrun."""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, Final, TypeVar

from hostnfsd.doctor.check import Check, Id, Row, blocked, blocker
from hostnfsd.doctor.finding import Finding, failed
from hostnfsd.errors import HostnfsdError

#: Seconds a check has.
DEADLINE_S: Final = 5.0

T = TypeVar("T")


class StuckError(HostnfsdError):
    """A check blocks the event loop, so that none of them can go on."""


def rows(
    walk: Callable[[], AsyncGenerator[Row]], patience_s: float = 2 * DEADLINE_S
) -> Iterator[Row]:
    """The rows of a walk that goes on in a thread of its own.

    The thread is left behind if it blocks, and at the end of the program; a deadline within its
    event loop would not help there.

    Args:
        walk: makes it.
        patience_s: seconds from one row to the next, which is within :data:`DEADLINE_S` at work.

    Raises:
        StuckError: no row came in time.
    """
    found: queue.SimpleQueue[Row | BaseException | None] = queue.SimpleQueue()

    async def feed() -> None:
        async with aclosing(walk()) as told:
            async for row in told:
                found.put(row)

    def go() -> None:
        loop = asyncio.new_event_loop()
        try:
            # Its tasks are not waited for, as asyncio.run() would: a check may hang.
            loop.run_until_complete(feed())
        except BaseException as exc:  # noqa: BLE001  # whatever it is goes to who waits
            end: BaseException | None = exc
        else:
            end = None
        loop.close()
        found.put(end)

    threading.Thread(target=go, name="doctor's walk", daemon=True).start()
    while True:
        try:
            item = found.get(timeout=patience_s)
        except queue.Empty:
            raise StuckError(
                f"the doctor hangs: no check has ended for {patience_s:g} s",
                "this is a bug in hostnfsd: please report it with the rows above",
            ) from None
        if item is None:
            return
        if isinstance(item, BaseException):
            raise item
        yield item


async def run(checks: Iterable[Check], deadline_s: float = DEADLINE_S) -> AsyncGenerator[Row]:
    """Run all; the rows come in the order of the checks, each as soon as it can be told.

    A check that hangs is left behind: nobody waits for it, and nobody hears of it any more.
    """
    todo = tuple(checks)
    rows: dict[Id, Row] = {}
    done = {check.id: asyncio.Event() for check in todo}
    loop = asyncio.get_running_loop()

    async def one(check: Check) -> None:
        try:
            for need in check.needs:
                if need in done:
                    await done[need].wait()
            by = blocker(check, rows)
            rows[check.id] = blocked(check, by) if by else await _row(check, deadline_s)
        finally:
            done[check.id].set()

    tasks = [loop.create_task(one(check), name=f"check {check.id}") for check in todo]
    try:
        for check in todo:
            await done[check.id].wait()
            yield rows[check.id]
    finally:
        for task in tasks:
            task.cancel()


async def _row(check: Check, deadline_s: float) -> Row:
    began = time.perf_counter()
    task = asyncio.get_running_loop().create_task(_work(check), name=f"work {check.id}")
    try:
        await asyncio.wait((task,), timeout=deadline_s)
    finally:
        if not task.done():
            task.cancel()  # it may not care, and is not waited for
            task.add_done_callback(_forget)
    seconds = time.perf_counter() - began
    if not task.done():
        text = f"unknown: it did not end within {deadline_s:g} s"
        return Row(check, (failed("doctor-timeout", text),), seconds)
    return Row(check, _findings(task), seconds)


def _findings(task: "asyncio.Task[Sequence[Finding]]") -> tuple[Finding, ...]:
    if task.cancelled():
        return (failed("doctor-bug", "this check gave itself up"),)
    exc = task.exception()
    if exc is not None:
        said = f"{type(exc).__name__}: {exc}".rstrip(": ")
        return (failed("doctor-bug", f"this check broke: {said}"),)
    return tuple(task.result()) or (failed("doctor-bug", "this check found nothing to say"),)


def _forget(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()


async def _work(check: Check) -> Sequence[Finding]:
    if check.blocking is not None:
        return await in_thread(check.blocking)
    assert check.work is not None  # noqa: S101  # a check has one of both
    return await check.work()


async def in_thread(work: Callable[[], T]) -> T:
    """Do blocking work in a thread that nobody waits for when the program ends.

    asyncio's own threads are joined at the end: one that hangs on a dead disk would hang us.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(setter: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            setter(value)

    def go() -> None:
        try:
            result = work()
        except BaseException as exc:  # noqa: BLE001  # whatever it is goes to who waits
            outcome: tuple[Callable[[Any], None], Any] = (future.set_exception, exc)
        else:
            outcome = (future.set_result, result)
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, *outcome)

    threading.Thread(target=go, name="doctor", daemon=True).start()
    return await future


class Once:
    """Something that several checks want to know and that is found out once.

    Whoever waits for it may give up; it goes on for the others.
    """

    def __init__(self) -> None:
        self._tasks: dict[Any, asyncio.Task[Any]] = {}

    async def get(self, key: Any, find: Callable[[], Awaitable[T]]) -> T:
        """What ``find`` gives, for the first who asks under this key, or raises."""
        if key not in self._tasks:
            self._tasks[key] = asyncio.get_running_loop().create_task(_as_task(find))
        task: asyncio.Task[T] = self._tasks[key]
        await asyncio.wait((task,))
        return task.result()

    def end(self) -> None:
        """Stop what is still being found out."""
        for task in self._tasks.values():
            task.cancel()
            task.add_done_callback(_forget)


async def _as_task(find: Callable[[], Awaitable[T]]) -> T:
    return await find()
