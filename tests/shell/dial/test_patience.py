"""Limits that do not blame a peer for what this process slept through."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hostnfsd.dial.patience import Alarm, within
from tests.bed.waiting import wait_until
from tests.support.conditions import eventually

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


# -- alarms --------------------------------------------------------------------------------------


#: Prints what it had heard from a socket when a timer rang.
LISTENER = """
import asyncio, socket, sys, uvloop
from hostnfsd.dial.patience import Alarm

class Heard(asyncio.Protocol):
    said = b""
    def data_received(self, data):
        self.said += data

async def main():
    loop = asyncio.get_running_loop()
    sock = socket.socket(fileno=int(sys.argv[1]))
    transport, heard = await loop.create_connection(Heard, sock=sock)
    rung = loop.create_future()
    Alarm(float(sys.argv[2]), lambda: rung.set_result(heard.said))
    print("listening", flush=True)
    print((await rung).decode())
    transport.abort()

uvloop.run(main())
"""


@pytest.mark.patient
def test_an_alarm_listens_before_it_rings() -> None:
    """What a stopped process was told; a timer of uvloop alone would hear it every other time."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = (sys.executable, "-c", LISTENER, str(theirs.fileno()), str(LIMIT_S))
        with subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "listening\n"
            os.kill(process.pid, signal.SIGSTOP)
            wait_until(lambda: " T " in Path(f"/proc/{process.pid}/stat").read_text(), "the stop")
            ours.sendall(b"here I am")
            time.sleep(2 * STOP_S)  # its timer is to end meanwhile, and clearly late
            os.kill(process.pid, signal.SIGCONT)
            assert process.stdout.read() == "here I am\n"


async def test_an_alarm_rings_in_time_and_once() -> None:
    loop = asyncio.get_running_loop()
    rung: list[float] = []
    began = loop.time()
    Alarm(0.1, lambda: rung.append(loop.time() - began))
    await eventually(lambda: bool(rung), "it to ring")
    await asyncio.sleep(0.1)

    assert len(rung) == 1
    assert rung[0] >= 0.09


@pytest.mark.parametrize("late", [False, True], ids=["before", "in the last round"])
@pytest.mark.patient
async def test_one_that_is_called_off_does_not_ring(*, late: bool) -> None:
    rung: list[None] = []
    alarm = Alarm(0.05, lambda: rung.append(None))
    if late:
        time.sleep(STOP_S)  # noqa: ASYNC251  # as above
        await asyncio.sleep(0.01)
        assert not rung
    alarm.cancel()
    alarm.cancel()
    await asyncio.sleep(0.4)

    assert not rung
