"""Blocking work that hangs holds up neither the loop nor the end of the program."""

import asyncio
import subprocess
import sys
import threading

import pytest

from hostnfsd.daemon.aside import Aside


async def test_work_gives_its_result() -> None:
    aside = Aside("test")

    assert await aside.do(lambda: threading.current_thread().name, 5) == "test"


async def test_what_it_raises_is_raised() -> None:
    def fail() -> None:
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError, match="gone"):
        await Aside("test").do(fail, 5)


async def test_the_loop_goes_on_while_work_hangs() -> None:
    aside, over, turns = Aside("test"), threading.Event(), 0

    async def turn() -> None:
        nonlocal turns
        while turns < 100:
            turns += 1
            await asyncio.sleep(0)
        over.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(turn())
        assert await aside.do(lambda: over.wait(10), 10)
    assert turns == 100


async def test_nothing_begins_before_work_that_hangs_has_ended() -> None:
    aside, over, begun = Aside("test"), threading.Event(), threading.Event()
    with pytest.raises(TimeoutError):
        await aside.do(over.wait, 0.02)
    with pytest.raises(TimeoutError):
        await aside.do(begun.set, 0.02)
    assert not begun.is_set()

    over.set()
    await aside.do(begun.set, 5)

    assert begun.is_set()


async def test_late_results_are_nobody_s() -> None:
    aside, over = Aside("test"), threading.Event()

    def fail_late() -> str:
        over.wait()
        raise OSError("too late")

    with pytest.raises(TimeoutError):
        await aside.do(fail_late, 0.02)
    over.set()

    assert await aside.do(lambda: "new", 5) == "new"


def test_the_program_ends_while_work_hangs() -> None:
    program = """
import asyncio, threading
from hostnfsd.daemon.aside import Aside

async def main():
    try:
        await Aside("hangs").do(threading.Event().wait, 0.05)
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )

    assert done.stdout == "given up\n"
    assert done.stderr == ""
