"""Checks are run at once, in order, in time, and none of them can spoil the others."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Sequence

import pytest

from hostnfsd.doctor import engine
from hostnfsd.doctor.check import Check, Id, Row, Work
from hostnfsd.doctor.engine import Once, in_thread
from hostnfsd.doctor.finding import Finding, Outcome, failed, passed

FINE: Sequence[Finding] = (passed("fine"),)


async def fine() -> Sequence[Finding]:
    return FINE


async def wrong() -> Sequence[Finding]:
    return (failed("server-down", "gone"),)


def check(name: str, work: Work = fine, *needs: str) -> Check:
    return Check(Id(name), name, "section", work, tuple(Id(need) for need in needs))


async def rows(*checks: Check, deadline_s: float = 5.0) -> list[Row]:
    return [row async for row in engine.run(checks, deadline_s)]


async def test_rows_come_in_the_order_of_the_checks_whoever_ends_first() -> None:
    turn = asyncio.Event()

    async def slow() -> Sequence[Finding]:
        await turn.wait()
        return FINE

    async def quick() -> Sequence[Finding]:
        turn.set()
        return FINE

    found = await rows(check("slow", slow), check("quick", quick))

    assert [row.check.id.name for row in found] == ["slow", "quick"]


async def test_independent_ones_run_at_once() -> None:
    barrier = asyncio.Barrier(20)

    async def meet() -> Sequence[Finding]:
        await barrier.wait()
        return FINE

    found = await rows(*(check(f"c{number}", meet) for number in range(20)))

    assert {row.outcome for row in found} == {Outcome.PASS}


async def test_who_needs_another_comes_after_it_or_not_at_all() -> None:
    begun = []

    async def note() -> Sequence[Finding]:
        begun.append("note")
        return FINE

    found = await rows(
        check("wrong", wrong), check("a", note, "wrong"), check("b", note, "a"), check("c", note)
    )

    assert [row.outcome.value for row in found] == ["FAIL", "SKIP", "SKIP", "PASS"]
    assert [row.blocked_by for row in found] == [None, Id("wrong"), Id("wrong"), None]
    assert begun == ["note"]


async def test_one_that_hangs_and_takes_no_cancel_is_left_behind() -> None:
    let_go = asyncio.Event()

    async def stubborn() -> Sequence[Finding]:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return FINE

    began = time.perf_counter()
    found = await rows(check("stubborn", stubborn), check("next"), deadline_s=0.05)
    let_go.set()

    assert time.perf_counter() - began < 2
    assert [row.findings[0].code for row in found] == ["doctor-timeout", None]
    assert "0.05 s" in found[0].findings[0].text


async def test_one_that_blocks_its_thread_is_left_behind() -> None:
    let_go = threading.Event()

    def block() -> Sequence[Finding]:
        let_go.wait(20)
        return FINE

    blocking = Check(Id("blocking"), "blocking", "section", blocking=block)
    found = await rows(blocking, check("next"), deadline_s=0.05)
    let_go.set()

    assert [row.findings[0].code for row in found] == ["doctor-timeout", None]


async def test_a_bug_is_told_as_such() -> None:
    async def broken() -> Sequence[Finding]:
        raise KeyError("oops")

    def broken_too() -> Sequence[Finding]:
        raise OSError("disk")

    async def silent() -> Sequence[Finding]:
        return ()

    async def gives_up() -> Sequence[Finding]:
        raise asyncio.CancelledError

    found = await rows(
        check("a", broken),
        Check(Id("b"), "b", "section", blocking=broken_too),
        check("c", silent),
        check("d", gives_up),
        check("e"),
    )

    assert [row.findings[0].code for row in found] == ["doctor-bug"] * 4 + [None]
    assert "KeyError: 'oops'" in found[0].findings[0].text


async def test_who_listens_no_more_ends_the_rest() -> None:
    ended = asyncio.Event()

    async def long() -> Sequence[Finding]:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return FINE

    walk = engine.run([check("first"), check("long", long)])
    assert (await anext(walk)).check.id.name == "first"
    await walk.aclose()
    async with asyncio.timeout(5):
        await ended.wait()


async def test_what_is_found_out_once_is_shared_and_outlives_who_gave_up() -> None:
    once, calls, ready = Once(), [], asyncio.Event()

    async def find() -> str:
        calls.append(1)
        await ready.wait()
        return "found"

    impatient = asyncio.create_task(once.get("key", find))
    patient = asyncio.create_task(once.get("key", find))
    await asyncio.sleep(0)
    impatient.cancel()
    ready.set()

    assert await patient == "found"
    assert await once.get("key", find) == "found"
    assert calls == [1]


async def test_what_is_still_being_found_out_can_be_ended() -> None:
    once, stopped = Once(), asyncio.Event()

    async def find() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    waiting = asyncio.create_task(once.get("key", find))
    await asyncio.sleep(0.01)
    once.end()
    async with asyncio.timeout(5):
        await stopped.wait()
    await asyncio.wait((waiting,))


async def test_a_thread_gives_its_result_or_its_error() -> None:
    assert await in_thread(lambda: 42) == 42
    try:
        await in_thread(lambda: 1 // 0)
    except ZeroDivisionError:
        pass
    else:
        raise AssertionError("it was lost")


async def two_rows() -> AsyncGenerator[Row]:
    for name in ("a", "b"):
        yield Row(check(name), tuple(FINE))


def test_a_walk_in_a_thread_gives_its_rows() -> None:
    assert [row.check.id.name for row in engine.rows(two_rows)] == ["a", "b"]


def test_a_walk_that_blocks_its_event_loop_is_left_behind() -> None:
    let_go = threading.Event()

    async def blocks() -> AsyncGenerator[Row]:
        yield Row(check("a"), tuple(FINE))
        let_go.wait(20)

    found = engine.rows(blocks, patience_s=0.05)
    assert next(found).check.id.name == "a"
    with pytest.raises(engine.StuckError, match=r"0\.05 s"):
        next(found)
    let_go.set()


def test_a_walk_that_breaks_says_how() -> None:
    async def breaks() -> AsyncGenerator[Row]:
        yield Row(check("a"), tuple(FINE))
        raise KeyError("oops")

    with pytest.raises(KeyError):
        list(engine.rows(breaks))
