"""The machine is kept awake while clients work; the lock is a stand-in, and so is the clock."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon.awake import Awake
from hostnfsd.daemon.wakelock import WakeLock
from hostnfsd.tunnel.awake import LINGER_S, RETRY_S, Mode
from hostnfsd.tunnel.wakelock import Cannot
from hostnfsd.tunnel.work import Passed, Traffic
from tests.support.conditions import eventually, never

DENIED = Cannot("systemd-inhibit: Failed to inhibit: Access denied", "install polkit")
NEEDLESS = Cannot("no systemd-logind is here")


class Lock(WakeLock):
    def __init__(self) -> None:
        super().__init__("linux")
        self.holds = False
        self.cannot: Cannot | None = None
        self.breaks = False
        self.attempts = 0

    @property
    def held(self) -> bool:
        return self.holds

    async def hold(self) -> Cannot | None:
        self.attempts += 1
        if self.breaks:
            raise RuntimeError("a bug of ours")
        self.holds = self.cannot is None
        return self.cannot

    async def let_go(self) -> None:
        self.holds = False


class Machine:
    def __init__(self, mode: Mode = "while-connected") -> None:
        self.mode: Mode = mode
        self.lock = Lock()
        self.now = 1000.0
        self.reads = 0
        self.looks = 0

    def passed(self) -> Passed:
        self.looks += 1
        return Passed(0, {"read": Traffic(calls=self.reads)})

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[Awake]:
        awake = Awake(
            mode=lambda: self.mode,
            passed=self.passed,
            lock=self.lock,
            look_s=0.005,
            clock=lambda: self.now,
        )
        task = asyncio.create_task(awake.run())
        try:
            yield awake
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def looked(self) -> None:
        """Wait until it has looked twice more: the first of them may have begun before."""
        looks = self.looks
        await eventually(lambda: self.looks > looks + 1, "a look")

    async def until(self, *, held: bool) -> None:
        await eventually(lambda: self.lock.holds is held, f"held to be {held}")
        await self.looked()


def events(logs: list[Any], level: str = "") -> list[Mapping[str, Any]]:
    return [line for line in logs if level in {"", line["log_level"]}]


async def test_it_is_held_while_clients_work_and_let_go_after() -> None:
    machine = Machine()
    with capture_logs() as logs:
        async with machine.watched() as awake:
            await never(lambda: machine.lock.holds, "held", for_s=0.03)
            assert awake.view().worked is None
            machine.reads += 1
            await machine.until(held=True)
            view = awake.view()
            assert (view.mode, view.held, view.error) == ("while-connected", True, None)
            assert view.worked is not None
            machine.now += LINGER_S - 1
            await machine.looked()
            assert machine.lock.holds
            machine.now += 1
            await machine.until(held=False)
            assert not awake.view().held
    assert [line["event"] for line in events(logs, "info")] == ["awake_held", "awake_let_go"]
    assert logs[1]["reason"] == "no client has worked for 300 s"


async def test_a_stop_lets_go() -> None:
    machine = Machine("always")
    with capture_logs() as logs:
        async with machine.watched():
            await machine.until(held=True)
    assert not machine.lock.holds
    assert logs[-1]["reason"] == "stopping"


async def test_a_reload_is_taken_over_at_once() -> None:
    machine = Machine("never")
    machine.reads = 1
    async with machine.watched() as awake:
        machine.reads += 1
        await machine.looked()
        assert machine.lock.attempts == 0
        machine.mode = "always"
        awake.apply()
        await machine.until(held=True)
        machine.mode = "never"
        awake.apply()
        await machine.until(held=False)


@pytest.mark.patient
async def test_a_busy_day_has_few_lines() -> None:
    machine = Machine()
    with capture_logs() as logs:
        async with machine.watched():
            for _ in range(40):  # every quarter of an hour
                machine.reads += 1
                await machine.until(held=True)
                machine.now += LINGER_S
                await machine.until(held=False)
                machine.now += 600
    told = [line["event"] for line in events(logs, "info")]
    assert told == ["awake_held", "awake_let_go"] * 3
    assert len(events(logs, "debug")) == 2 * 40 - len(told)


async def test_one_that_cannot_be_held_is_told_once_and_tried_now_and_then() -> None:
    machine = Machine("always")
    machine.lock.cannot = DENIED
    with capture_logs() as logs:
        async with machine.watched() as awake:
            for count in (1, 2, 3):
                await eventually(lambda n=count: machine.lock.attempts == n, "an attempt")  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                await never(lambda n=count: machine.lock.attempts > n, "another", for_s=0.03)  # type: ignore[misc]  # as above
                machine.now += RETRY_S
            view, (advice,) = awake.view(), awake.advice()
            assert (view.held, view.error, view.hint) == (False, DENIED.text, DENIED.hint)
            assert "cannot be kept awake" in advice.text
            assert advice.hint == DENIED.hint
            machine.lock.cannot = None
            machine.now += RETRY_S
            await machine.until(held=True)
            assert (awake.view().error, list(awake.advice())) == (None, [])
    (warning,) = events(logs, "warning")
    assert (warning["event"], warning["hint"]) == ("awake_failed", DENIED.hint)


async def test_switched_off_there_is_nothing_to_complain_of() -> None:
    machine = Machine("always")
    machine.lock.cannot = DENIED
    async with machine.watched() as awake:
        await eventually(lambda: awake.view().error, "the failure")
        machine.mode = "never"
        awake.apply()
        await eventually(lambda: awake.view().error is None, "it to be forgotten")


async def test_where_nothing_is_to_be_held_that_is_told_once_and_no_worry() -> None:
    machine = Machine()
    machine.lock.cannot = NEEDLESS
    with capture_logs() as logs:
        async with machine.watched() as awake:
            for count in (1, 2):
                machine.reads += 1
                await eventually(lambda n=count: machine.lock.attempts == n, "an attempt")  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                machine.now += LINGER_S
                await machine.looked()
            view = awake.view()
            assert (view.needless, view.error, list(awake.advice())) == (NEEDLESS.text, None, [])
    assert [line["event"] for line in events(logs, "info")] == ["awake_needless"]
    assert not events(logs, "warning")


async def test_a_holder_that_somebody_ended_is_replaced() -> None:
    machine = Machine("always")
    with capture_logs() as logs:
        async with machine.watched() as awake:
            await machine.until(held=True)
            machine.lock.holds = False
            await eventually(lambda: not awake.view().held, "the loss")
            machine.now += RETRY_S
            await machine.until(held=True)
            assert awake.view().error is None
    (warning,) = events(logs, "warning")
    assert warning["error"] == "what held it was ended"


async def test_a_bug_of_ours_ends_nothing() -> None:
    machine = Machine("always")
    machine.lock.breaks = True
    with capture_logs() as logs:
        async with machine.watched():
            await eventually(lambda: machine.lock.attempts, "the bug")
            machine.lock.breaks = False
            await machine.until(held=True)
    assert any(line["event"] == "awake_broke" for line in logs)
