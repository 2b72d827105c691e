"""Who is let in, what a refused client sees, and that nothing is left of it."""

import asyncio
import socket
from typing import Any

import asyncssh
import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon.relay import intake
from hostnfsd.dial.reserved import RangeUsedUpError
from hostnfsd.services import Service
from hostnfsd.snapshot import Refusal
from tests.support.conditions import eventually
from tests.support.gateway_stand_in import GatewayStandIn
from tests.support.host_services import echo, serving
from tests.support.ports import LOOPBACK, free_port
from tests.support.relaying import Rig, rig

PORT = 20490


async def knock(gateway: GatewayStandIn, origin: str = "10.9.8.7") -> Any:
    return await gateway.connections[-1].client(LOOPBACK, PORT, (origin, 700))


async def refusal(gateway: GatewayStandIn) -> asyncssh.ChannelOpenError:
    with pytest.raises(asyncssh.ChannelOpenError) as caught:
        await knock(gateway)
    return caught.value


async def test_beyond_the_limit_a_client_is_refused_until_another_leaves(
    gateway: GatewayStandIn,
) -> None:
    async with rig(gateway, limit=2) as made, serving(echo) as service:
        await made.carry(service.port)
        first, _second = await knock(gateway), await knock(gateway)

        refused = await refusal(gateway)
        assert refused.code == asyncssh.OPEN_RESOURCE_SHORTAGE
        assert made.tally().refused[Refusal.LIMIT] == 1
        assert service.accepted == 2
        (told,) = made.ledger.turned_away()
        assert (told.host, told.reason, told.count) == ("10.9.8.7", Refusal.LIMIT, 1)

        first.channel.close()
        await eventually(lambda: not made.ledger.full, "room")
        (await knock(gateway)).channel.abort()
        assert made.tally().refused[Refusal.LIMIT] == 1


async def test_the_limit_counts_dials_that_are_under_way(
    gateway: GatewayStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "DIAL_TIMEOUT_S", 0.3)
    with full_backlog() as port:
        async with rig(gateway, limit=3) as made:
            await made.carry(port)
            outcomes = await asyncio.gather(
                *(refusal(gateway) for _ in range(10)), return_exceptions=True
            )
            codes = [o.code for o in outcomes if isinstance(o, asyncssh.ChannelOpenError)]
            assert codes.count(asyncssh.OPEN_RESOURCE_SHORTAGE) == 7
            assert codes.count(asyncssh.OPEN_CONNECT_FAILED) == 3
            await made.settled()


async def test_a_host_that_is_down_is_counted_and_looked_at(
    gateway: GatewayStandIn, relays: Rig
) -> None:
    await relays.carry(free_port())

    refused = await refusal(gateway)
    assert refused.code == asyncssh.OPEN_CONNECT_FAILED
    assert relays.tally().refused[Refusal.HOST_DOWN] == 1
    assert relays.watch.failed == [Service.NFS]
    assert relays.tally().connections_total == 0
    await relays.settled()


async def test_a_client_for_whom_no_source_port_is_left_is_no_fault_of_the_service(
    gateway: GatewayStandIn, relays: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def used_up(_service: Service) -> socket.socket:
        raise RangeUsedUpError(LOOPBACK, 2049)

    await relays.carry(free_port())
    monkeypatch.setattr(relays.intake, "_dial_host", used_up)

    refused = await refusal(gateway)
    assert refused.code == asyncssh.OPEN_CONNECT_FAILED
    assert relays.tally().refused[Refusal.SOURCE_PORT] == 1
    assert relays.tally().refused[Refusal.HOST_DOWN] == 0
    assert relays.watch.failed == []
    await relays.settled()


class full_backlog:  # noqa: N801  # reads as a phrase
    """A port that answers no connection attempt: its queue is full."""

    def __enter__(self) -> int:
        self._listener = socket.socket()
        self._listener.bind((LOOPBACK, 0))
        self._listener.listen(0)
        port: int = self._listener.getsockname()[1]
        self._fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((LOOPBACK, port))
            self._fillers.append(filler)
        return port

    def __exit__(self, *_: object) -> None:
        for each in (*self._fillers, self._listener):
            each.close()


async def test_a_service_that_takes_no_connection_is_given_up(
    gateway: GatewayStandIn, relays: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "DIAL_TIMEOUT_S", 0.2)
    with full_backlog() as port:
        await relays.carry(port)
        async with asyncio.timeout(2):
            await refusal(gateway)
    assert relays.tally().refused[Refusal.HOST_DOWN] == 1
    await relays.settled()


async def test_a_session_lost_while_dialling_leaves_no_socket(
    gateway: GatewayStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    connect = loop.create_connection
    dialled, may_go_on = asyncio.Event(), asyncio.Event()

    async def slow(*args: Any, **options: Any) -> Any:
        made = await connect(*args, **options)
        dialled.set()
        await may_go_on.wait()
        return made

    async with rig(gateway) as made, serving(echo) as service:
        await made.carry(service.port)
        monkeypatch.setattr(loop, "create_connection", slow)
        knocking = asyncio.create_task(knock(gateway))
        await dialled.wait()
        assert len(made.circle.relays) == 1
        gateway.connections[-1].ssh.abort()
        await made.session.lost()
        may_go_on.set()

        await eventually(lambda: service.open == 0, "the dialled socket to be closed")
        await made.settled()
        with pytest.raises(asyncssh.ChannelOpenError):
            await knocking


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyError("port"), RuntimeError()])
async def test_a_bug_while_letting_in_costs_one_client_only(
    gateway: GatewayStandIn, relays: Rig, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async with serving(echo) as service:
        await relays.carry(service.port)
        with monkeypatch.context() as patch, capture_logs() as logs:

            def broken(*_: object) -> None:
                raise error

            patch.setattr(relays.watch, "look", broken)
            await refusal(gateway)
        assert [line["event"] for line in logs] == ["intake_broke", "client_refused"]
        assert relays.tally().refused[Refusal.INTERNAL] == 1
        assert not relays.session.over
        client = await knock(gateway)
        client.channel.write(b"x")
        await eventually(lambda: client.received, "the echo")
        client.channel.close()
    await relays.settled()


async def test_twenty_refusals_leave_no_channel(gateway: GatewayStandIn, relays: Rig) -> None:
    await relays.carry(free_port())
    for _ in range(20):
        await refusal(gateway)

    await eventually(lambda: relays.channels == 0, "channels to go")
    await relays.settled()


async def test_nobody_is_let_in_while_stopping(gateway: GatewayStandIn, relays: Rig) -> None:
    async with serving(echo) as service:
        await relays.carry(service.port)
        relays.intake.stopping = True
        await refusal(gateway)
        assert service.accepted == 0
    assert relays.tally().refused[Refusal.STOPPING] == 1


async def test_a_probe_is_told_the_result_and_passes_the_limit(gateway: GatewayStandIn) -> None:
    async with rig(gateway, limit=1) as made, serving(echo) as service:
        await made.carry(service.port)
        expected = made.watch.recognition.expect(Service.NFS, LOOPBACK, 1)
        await knock(gateway)
        probe = await knock(gateway, LOOPBACK)
        assert expected.arrived
        assert expected.error is None
        await service.stop()
        with pytest.raises(asyncssh.ChannelOpenError):
            await knock(gateway, LOOPBACK)

        assert "refused" in str(expected.error)
        assert made.tally().refused == dict.fromkeys(Refusal, 0)
        assert made.watch.failed == []
        probe.channel.close()
