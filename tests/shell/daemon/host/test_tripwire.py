"""A service that ends is noticed at once, and so is its return; one that closes early is not."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from hostnfsd.daemon.host import tripwire
from hostnfsd.daemon.host.tripwire import Tripwire
from tests.support.conditions import eventually, never
from tests.support.host_services import HostService, absorb
from tests.support.ports import connected
from tests.support.rpc_services import hang_up


class Alarm:
    """A tripwire at work, and what it said."""

    def __init__(self, port: int) -> None:
        self.said: list[str] = []
        self.dials = 0
        self.port = port
        self.wire = Tripwire(
            dial=self._dial,
            where=lambda: self.port,
            answers=self._answers,
            lost=lambda: self.said.append("lost"),
            back=lambda: self.said.append("back"),
        )

    async def _answers(self) -> bool:
        try:
            (await connected(self.port)).close()
        except OSError:
            return False
        return True

    async def _dial(self) -> socket.socket:
        self.dials += 1
        return await connected(self.port)


@pytest.fixture
async def service() -> AsyncIterator[HostService]:
    made = HostService(absorb)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def alarm(service: HostService, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Alarm]:
    monkeypatch.setattr(tripwire, "_STOOD_S", 0.05)
    monkeypatch.setattr(tripwire, "_PAUSE_MIN_S", 0.01)
    monkeypatch.setattr(tripwire, "_PAUSE_MAX_S", 0.05)
    made = Alarm(service.port)
    task = asyncio.create_task(made.wire.run())
    yield made
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()


async def test_an_end_and_a_return_are_told_once(service: HostService, alarm: Alarm) -> None:
    await eventually(lambda: service.open, "the connection")
    await never(lambda: alarm.said, "an alarm", for_s=0.1)
    await service.stop()
    await eventually(lambda: alarm.said == ["lost"], "the loss")
    await never(lambda: alarm.said != ["lost"], "another alarm", for_s=0.1)
    await service.start(service.port)

    await eventually(lambda: alarm.said == ["lost", "back"], "the return")
    assert service.accepted == 1 + 1


async def test_who_closes_at_once_gives_no_alarm_and_is_asked_less_and_less(
    alarm: Alarm, service: HostService
) -> None:
    await eventually(lambda: service.open, "the connection")
    shy = HostService(hang_up)
    await shy.start()
    alarm.port = shy.port
    await asyncio.sleep(0.06)  # the first connection has stood long enough
    await service.stop()
    await eventually(lambda: shy.accepted >= 4, "several attempts")

    assert alarm.said == ["lost", "back"]
    await shy.stop()


async def test_what_was_idle_for_long_is_dialled_again_without_an_alarm(
    service: HostService, alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tripwire, "_IDLE_S", 0.1)
    await eventually(lambda: service.open, "the connection")
    await asyncio.sleep(0.15)  # it has stood for long
    service.hang_up()

    await eventually(lambda: alarm.dials == 2 and service.open, "the next connection")
    assert alarm.said == []
    await asyncio.sleep(0.15)  # so has this one, but this time the service ends
    await service.stop()
    await eventually(lambda: alarm.said == ["lost"], "the loss")


async def test_what_stood_for_a_moment_only_was_not_closed_for_being_idle(
    service: HostService, alarm: Alarm
) -> None:
    await eventually(lambda: service.open, "the connection")
    await asyncio.sleep(0.06)  # long enough to mean something
    service.hang_up()

    await eventually(lambda: alarm.said == ["lost", "back"], "the restart")


async def test_a_connection_to_the_old_place_is_given_up(
    service: HostService, alarm: Alarm
) -> None:
    await eventually(lambda: service.open, "the connection")
    other = HostService(absorb)
    await other.start()
    alarm.port = other.port
    alarm.wire.check()

    await eventually(lambda: other.open and not service.open, "the connection to the new place")
    assert alarm.said == []
    await other.stop()
