"""Connections of originators that a change no longer admits."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from hostnfsd.daemon.relay.recognition import Recognition
from hostnfsd.daemon.relay.revocation import Revocation
from hostnfsd.services import Service
from hostnfsd.sunrpc import record, rpc
from hostnfsd.sunrpc.xdr import encode
from tests.support.conditions import eventually, never
from tests.support.gateway_stand_in import Client, GatewayStandIn
from tests.support.host_services import echo, serving
from tests.support.ports import LOOPBACK
from tests.support.relaying import GATEWAY, Rig
from tests.support.rpc_services import null_reply

PORT: Final = 20490
POD: Final = "172.22.0.14"
OTHER: Final = "172.22.0.15"
NULL: Final = record.encode(encode(rpc.Call(7, 100003, 3, 0)))


class Answers:
    """Answers a NULL call when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.may.set()
        self.heard = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while call := await reader.read(len(NULL)):
            self.heard += 1
            await self.may.wait()
            writer.write(null_reply(call))


class Stage:
    """A session with clients of two pods, both admitted, and its revocation at work."""

    def __init__(self, relays: Rig, gateway: GatewayStandIn) -> None:
        self.relays = relays
        self.grace_s = 0.0
        self.patience_s = 5.0
        self._gateway = gateway
        self.revocation = Revocation(
            gateway=GATEWAY,
            connections=relays.circle,
            gate=relays.access.gate,
            ledger=relays.ledger,
            timing=lambda: (self.grace_s, self.patience_s),
        )

    async def dial(self, originator: str) -> Client:
        connection = self._gateway.connections[-1]
        return await connection.client(LOOPBACK, PORT, (originator, 700))

    def exclude(self, *left: str) -> None:
        self.relays.access.change(allow=left or ("10.0.0.0/8",))

    @property
    def revoked(self) -> int:
        return self.relays.tally().revoked


@pytest.fixture
async def stage(relays: Rig, gateway: GatewayStandIn) -> AsyncIterator[Stage]:
    """Both pods may come in."""
    made = Stage(relays, gateway)
    relays.access.change(allow=(POD, OTHER))
    task = asyncio.create_task(made.revocation.run())
    yield made
    assert not task.done()
    task.cancel()


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    """What is logged."""
    with capture_logs() as captured:
        yield captured


@asynccontextmanager
async def answering(stage: Stage, server: Any) -> AsyncIterator[None]:
    async with serving(server) as service:
        await stage.relays.carry(service.port, PORT)
        yield
    await stage.relays.settled()


def told(logs: list[EventDict], *events: str) -> list[tuple[Any, ...]]:
    return [
        (line["event"], line["originator"], line.get("connections"))
        for line in logs
        if line["event"] in events
    ]


EVENTS = ("client_excluded", "client_revoked", "client_spared")


async def test_who_is_excluded_is_ended_and_nobody_else(
    stage: Stage, logs: list[EventDict]
) -> None:
    async with answering(stage, echo):
        excluded, also, other = [await stage.dial(host) for host in (POD, POD, OTHER)]
        stage.exclude(OTHER)
        await excluded.gone
        await also.gone
        await other.send(b"still here")
        await eventually(lambda: bytes(other.received) == b"still here", "the echo")
        other.channel.abort()
    assert stage.revoked == 2
    await eventually(lambda: told(logs, "client_revoked"), "the end to be told")
    assert told(logs, *EVENTS) == [("client_excluded", POD, 2), ("client_revoked", POD, 2)]
    (line,) = [line for line in logs if line["event"] == "client_excluded"]
    assert line["log_level"] == "warning"
    assert line["hint"] == f'to let him in: [access] allow = ["{OTHER}", "{POD}"]'


async def test_an_unanswered_call_is_waited_for(stage: Stage) -> None:
    server = Answers()
    async with answering(stage, server):
        client = await stage.dial(POD)
        server.may.clear()
        await client.send(NULL)
        await eventually(lambda: server.heard == 1, "the call")
        stage.exclude()
        await never(client.gone.done, "ended with a call unanswered", for_s=0.3)
        server.may.set()
        await client.gone
        assert bytes(client.received) == null_reply(NULL)
    assert stage.revoked == 1


async def test_but_not_for_ever(stage: Stage, logs: list[EventDict]) -> None:
    stage.patience_s = 0.2
    server = Answers()
    async with answering(stage, server):
        client = await stage.dial(POD)
        server.may.clear()
        await client.send(NULL)
        await eventually(lambda: server.heard == 1, "the call")
        stage.exclude()
        await client.gone
        server.may.set()
    await eventually(lambda: told(logs, "client_revoked"), "the end to be told")
    (line,) = [line for line in logs if line["event"] == "client_revoked"]
    assert line["cut"] is True


@pytest.mark.patient
async def test_he_has_a_while_and_keeps_all_if_he_is_let_in_again(
    stage: Stage, logs: list[EventDict]
) -> None:
    stage.grace_s = 0.3
    async with answering(stage, echo):
        client = await stage.dial(POD)
        stage.exclude()
        await never(client.gone.done, "ended at once", for_s=0.1)
        stage.exclude(POD)
        await never(client.gone.done, "ended although let in again", for_s=0.5)
        client.channel.abort()
    assert stage.revoked == 0
    assert told(logs, *EVENTS) == [("client_excluded", POD, 1), ("client_spared", POD, None)]


async def test_a_reload_may_shorten_the_while(stage: Stage) -> None:
    stage.grace_s = 60
    async with answering(stage, echo):
        client = await stage.dial(POD)
        stage.exclude()
        await never(client.gone.done, "ended at once", for_s=0.1)
        stage.grace_s = 0.05  # a reload
        stage.relays.access.gate.apply()
        await client.gone


async def test_who_leaves_by_himself_is_forgotten(stage: Stage, logs: list[EventDict]) -> None:
    stage.grace_s = 60
    async with answering(stage, echo):
        client = await stage.dial(POD)
        stage.exclude()
        client.channel.abort()
        await stage.relays.settled()
        stage.exclude(OTHER)
        await eventually(lambda: not stage.revocation._excluded, "him to be forgotten")
    assert told(logs, *EVENTS) == [("client_excluded", POD, 1)]
    assert stage.revoked == 0


async def test_who_may_come_in_is_not_known_ends_nobody(stage: Stage) -> None:
    async with answering(stage, echo):
        client = await stage.dial(POD)
        stage.relays.access.change(allow="exports")
        await never(client.gone.done, "ended without a verdict", for_s=0.2)
        client.channel.abort()
    assert stage.revoked == 0


async def test_a_probe_of_ours_is_nobodys(stage: Stage) -> None:
    stage.relays.watch.recognition = Recognition(lambda a: a == "10.0.0.5", lambda: 0.0)
    stage.relays.watch.recognition.expect(Service.NFS, "172.22.0.12", 7)
    async with answering(stage, Answers()):
        probe = await stage.dial("10.0.0.5")
        await probe.send(NULL)
        stage.exclude(POD)
        await never(probe.gone.done, "a probe was revoked", for_s=0.2)
        probe.channel.abort()
    assert stage.revoked == 0


async def test_a_portmapper_answers_who_is_excluded(stage: Stage) -> None:
    relays = stage.relays
    relays.tell = lambda: pytest.fail("nothing was asked")
    await relays.carry(1, PORT, Service.RPCBIND)
    client = await stage.dial(POD)
    stage.exclude()
    await never(client.gone.done, "the portmapper hung up", for_s=0.2)
    client.channel.abort()
    await relays.settled()
