"""Limits that do not blame a peer for what this process slept through."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hostnfsd.dial.patience import within

Talk = tuple[asyncio.StreamReader, asyncio.StreamWriter]
#: Long enough for a loop that runs to hear an answer, short enough to be slept through.
LIMIT_S = 0.2
#: How long this process stands still: any clock says that the limit has passed.
STOP_S = 0.3


@asynccontextmanager
async def peer() -> AsyncIterator[Talk]:
    """A stream whose other end answers each byte with the next one, in a thread of its own."""
    ours, theirs = socket.socketpair()

    def answer() -> None:
        while data := theirs.recv(1):
            theirs.sendall(bytes((data[0] + 1,)))

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        reader, writer = await asyncio.open_connection(sock=ours)
        yield reader, writer
        writer.close()
        await writer.wait_closed()
    finally:
        ours.close()
        thread.join()
        theirs.close()


async def talk(talk: Talk, *, stop_in: int, turns: int = 10) -> bytes:
    """Several questions, each made of the last answer; in one of them the loop stands still."""
    reader, writer = talk
    said = b"\0"
    for turn in range(turns):
        writer.write(said)
        if turn == stop_in:
            time.sleep(STOP_S)  # noqa: ASYNC251  # it is the loop that is to stand still
        said = await reader.readexactly(1)
    return said


@pytest.mark.parametrize("stop_in", [0, 5, 9])
async def test_a_loop_that_stood_still_still_hears_what_was_answered(stop_in: int) -> None:
    async with peer() as there, within(LIMIT_S):
        assert await talk(there, stop_in=stop_in) == b"\x0a"


async def test_the_loops_own_clock_would_have_blamed_the_peer() -> None:
    async with peer() as there:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(LIMIT_S):
                await talk(there, stop_in=5)


async def test_what_is_answered_in_the_last_round_of_a_loop_that_stood_still_counts() -> None:
    loop = asyncio.get_running_loop()
    answer = loop.create_future()
    loop.call_later(LIMIT_S * 0.95, time.sleep, STOP_S)
    loop.call_later(LIMIT_S * 0.96, loop.call_later, 0.0, answer.set_result, None)
    async with within(LIMIT_S):
        await answer


async def test_a_peer_that_does_not_answer_is_given_up() -> None:
    async def ask() -> None:
        async with within(0.1) as limit:
            assert 0 < limit.left_s <= 0.1
            await asyncio.get_running_loop().create_future()

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await ask()
    assert time.monotonic() - began >= 0.09


async def test_also_by_a_loop_that_stood_still() -> None:
    async def ask() -> None:
        async with within(0.1):
            time.sleep(STOP_S)  # noqa: ASYNC251  # as above
            await asyncio.get_running_loop().create_future()

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await ask()
    assert time.monotonic() - began >= STOP_S + 0.09, "it had the time that it was allowed"


async def test_no_time_at_all_is_time_enough_for_what_is_there_already() -> None:
    async with within(0.0):
        pass
    with pytest.raises(TimeoutError):
        async with within(0.0):
            await asyncio.get_running_loop().create_future()


async def test_who_is_cancelled_meanwhile_is_not_late() -> None:
    async def wait() -> None:
        async with within(60):
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
