"""A sleep is told once, soon, and with its length. No machine is put to sleep here: clocks are."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from structlog.testing import capture_logs

from hostnfsd.daemon.sleep import STEP_S, Sleep, asleep_s
from tests.support.conditions import eventually, never


class Machine:
    """Clocks that the test turns."""

    def __init__(self) -> None:
        self.asleep = 7200.0
        self.told: list[float] = []

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[Sleep]:
        sleep = Sleep(self.told.append, asleep=lambda: self.asleep, step_s=0.005)
        task = asyncio.create_task(sleep.run())
        await asyncio.sleep(0)  # it looks once before it waits
        yield sleep
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_sleep_is_told_once_with_its_length() -> None:
    machine = Machine()
    async with machine.watched() as sleep:
        machine.asleep += 3600
        await eventually(lambda: machine.told, "the first")
        machine.asleep += 2.5
        await eventually(lambda: len(machine.told) == 2, "the second")
        await never(lambda: len(machine.told) > 2, "told again", for_s=0.05)

        assert machine.told == [3600, 2.5]
        assert sleep.total_s == 3602.5


async def test_what_was_slept_before_it_began_is_not_told() -> None:
    machine = Machine()
    async with machine.watched() as sleep:
        await never(lambda: machine.told, "told", for_s=0.05)
        assert sleep.total_s == 0


async def test_a_night_of_short_wakes_has_few_lines() -> None:
    machine = Machine()
    with capture_logs() as logs:
        async with machine.watched():
            for number in range(1, 33):  # every quarter of an hour
                machine.asleep += 900
                await eventually(lambda: len(machine.told) == number, "a wake")  # noqa: B023  # asked in this round
    assert [line["asleep_s"] for line in logs] == [900] * 8


def test_a_wake_is_noticed_within_a_second() -> None:
    assert STEP_S < 1


def test_the_clocks_of_this_machine_agree_while_it_is_awake() -> None:
    first = asleep_s()
    assert first >= 0
    for _ in range(1000):
        assert abs(asleep_s() - first) < 0.1


def test_a_stopped_process_has_not_slept() -> None:
    program = (
        "import sys, time; from hostnfsd.daemon.sleep import asleep_s; before = asleep_s();"
        " print(flush=True); sys.stdin.readline(); print(asleep_s() - before)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGCONT)
        output, _ = process.communicate("\n", timeout=20)
    assert abs(float(output)) < 0.1
