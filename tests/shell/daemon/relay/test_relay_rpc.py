"""Calls on relayed connections: counted, waited for, and never in the way of the bytes."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from hostnfsd.rpc_view import ProcedureView
from hostnfsd.services import Service
from hostnfsd.sunrpc import rpc
from hostnfsd.sunrpc.record import RecordReader
from hostnfsd.sunrpc.record import encode as mark
from hostnfsd.sunrpc.tap import Tap
from hostnfsd.sunrpc.xdr import encode
from tests.support.conditions import eventually, never
from tests.support.gateway_stand_in import Client, GatewayStandIn
from tests.support.host_services import absorb, echo, serving
from tests.support.ports import LOOPBACK
from tests.support.relaying import GATEWAY, Rig

PORT = 20490
NFS, NLM = 100003, 100021
READ, WRITE = 6, 7


@pytest.fixture
def dial(gateway: GatewayStandIn, relays: Rig) -> Callable[..., Any]:
    """Opens a client's connection; ``relays.carry`` must have been called."""
    del relays

    async def open_(port: int = PORT) -> Client:
        return await gateway.connections[-1].client(LOOPBACK, port)

    return open_


def call(xid: int, procedure: int = READ, size: int = 36, program: int = NFS) -> bytes:
    return mark(encode(rpc.Call(xid, program, 3, procedure, bytes(size))))


def reply(xid: int, size: int = 88) -> bytes:
    return mark(encode(rpc.Accepted(xid, rpc.Success(bytes(size)))))


class Server:
    """Answers each call, the ones that are held when they may."""

    def __init__(self) -> None:
        self.held: set[int] = set()
        self.may_answer = asyncio.Event()
        self.heard: list[int] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        records = RecordReader(1 << 20)
        while data := await reader.read(65536):
            for record in records.feed(data):
                xid = int.from_bytes(record[:4], "big")
                self.heard.append(xid)
                if xid in self.held:
                    await self.may_answer.wait()
                writer.write(reply(xid))


def procedures(relays: Rig, service: Service = Service.NFS) -> dict[str, ProcedureView]:
    view = relays.ledger.books(GATEWAY, service).view(0)
    return {each.procedure: each for each in view.procedures}


async def test_calls_are_counted_in_any_chunks(relays: Rig, dial: Any) -> None:
    stream = b"".join(call(xid, WRITE if xid % 3 else READ, xid * 7) for xid in range(300))
    draw = random.Random(5)
    async with serving(Server()) as service:
        await relays.carry(service.port)
        client = await dial()
        at = 0
        while at < len(stream):
            size = draw.choice((1, 3, 40, 1447, 9000))
            await client.send(stream[at : at + size])
            at += size
        whole = b"".join(reply(xid) for xid in range(300))
        await eventually(lambda: len(client.received) == len(whole), "all replies")
        (shown,) = relays.ledger.clients()
        assert (shown.calls, shown.oldest_call_s) == (300, None)
        client.channel.close()
        await client.gone

        assert bytes(client.received) == whole
    await relays.settled()
    counted = procedures(relays)
    assert {name: each.calls for name, each in counted.items()} == {"read": 100, "write": 200}
    assert {sum(each.durations) for each in counted.values()} == {100, 200}
    assert sum(each.bytes_to_host for each in counted.values()) == len(stream) - 300 * 4
    assert sum(each.bytes_to_client for each in counted.values()) == len(whole) - 300 * 4
    assert not any(each.unanswered for each in counted.values())


async def test_the_oldest_call_is_told_while_it_waits(relays: Rig, dial: Any) -> None:
    server = Server()
    server.held = {1}
    async with serving(server) as service:
        await relays.carry(service.port)
        client = await dial()
        await client.send(call(1))
        await eventually(lambda: server.heard, "the call")
        await asyncio.sleep(0.05)
        (shown,) = relays.ledger.clients()
        assert shown.oldest_call_s is not None
        assert 0.05 <= shown.oldest_call_s < 5

        server.may_answer.set()
        await eventually(lambda: client.received, "the reply")
        (shown,) = relays.ledger.clients()
        assert shown.oldest_call_s is None
        client.channel.close()
    await relays.settled()
    assert 0.05 <= procedures(relays)["read"].seconds < 5


async def test_a_client_that_goes_away_leaves_its_call_unanswered(relays: Rig, dial: Any) -> None:
    async with serving(absorb) as service:
        await relays.carry(service.port)
        client = await dial()
        await client.send(call(1) + call(2, WRITE, 500)[:300])
        await eventually(lambda: relays.tally().bytes_to_host >= 300, "the calls")
        client.channel.abort()
    await relays.settled()

    assert {name: each.unanswered for name, each in procedures(relays).items()} == {"read": 1}
    assert relays.ledger.books(GATEWAY, Service.NFS).untracked == 0


async def test_what_is_no_rpc_passes_and_is_counted_as_such(relays: Rig, dial: Any) -> None:
    async with serving(echo) as service:
        await relays.carry(service.port)
        client = await dial()
        await client.send(b"GET / HTTP/1.1\r\n\r\n")
        await eventually(lambda: client.received == b"GET / HTTP/1.1\r\n\r\n", "the echo")
        (shown,) = relays.ledger.clients()
        assert shown.calls is None
        client.channel.close()
    await relays.settled()

    assert relays.ledger.books(GATEWAY, Service.NFS).untracked == 1


async def test_a_bug_in_the_tap_costs_the_counts_only(
    relays: Rig, dial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async with serving(Server()) as service:
        await relays.carry(service.port)
        client = await dial()
        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.setattr(Tap, "to_host", broken)
            await client.send(call(1))
            await eventually(lambda: bytes(client.received) == reply(1), "the reply")
        await client.send(call(2))
        await eventually(lambda: bytes(client.received) == reply(1) + reply(2), "the other")
        client.channel.close()
    await relays.settled()

    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["rpc_tap_broke"]
    assert relays.ledger.books(GATEWAY, Service.NFS).untracked == 1


async def test_calls_are_not_counted_where_that_is_switched_off(relays: Rig, dial: Any) -> None:
    relays.ledger.count_rpc = False
    async with serving(Server()) as service:
        await relays.carry(service.port)
        client = await dial()
        await client.send(call(1))
        await eventually(lambda: client.received, "the reply")
        client.channel.close()
    await relays.settled()

    assert not procedures(relays)


async def test_a_call_for_a_lock_is_told_once_even_then(relays: Rig, dial: Any) -> None:
    relays.ledger.count_rpc = False
    async with serving(Server()) as service:
        await relays.carry(service.port, service=Service.NLOCKMGR)
        with capture_logs() as logs:
            client = await dial()
            await client.send(call(1, 0, program=NLM))
            await eventually(lambda: client.received, "the reply to NULL")
            assert not logs
            await client.send(call(2, 2, program=NLM) + call(3, 2, program=NLM))
            await eventually(lambda: len(client.received) == 3 * len(reply(1)), "the others")
            client.channel.close()
            await relays.settled()

    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["nlm_calls"]


async def test_an_idle_connection_can_be_ended_at_once(relays: Rig, dial: Any) -> None:
    async with serving(Server()) as service:
        await relays.carry(service.port)
        fresh, used = await dial(), await dial()
        await used.send(call(1))
        await eventually(lambda: used.received, "the reply")
        for one in tuple(relays.circle.relays):
            one.finish_when_quiet()
        await fresh.gone
        await used.gone

        assert bytes(used.received) == reply(1)
    await relays.settled()


async def test_a_connection_is_ended_with_the_answer_to_its_last_call(
    relays: Rig, dial: Any
) -> None:
    server = Server()
    server.held = {2}
    async with serving(server) as service:
        await relays.carry(service.port)
        client = await dial()
        await client.send(call(1) + call(2) + call(3))
        await eventually(lambda: client.received, "the first reply")
        (one,) = relays.circle.relays
        one.finish_when_quiet()
        await never(client.gone.done, "ended with calls unanswered", for_s=0.3)

        server.may_answer.set()  # nobody asks the relay again
        await client.gone
        assert bytes(client.received) == reply(1) + reply(2) + reply(3)
    await relays.settled()
    assert procedures(relays)["read"].unanswered == 0


async def test_half_a_call_is_waited_for_as_well(relays: Rig, dial: Any) -> None:
    async with serving(Server()) as service:
        await relays.carry(service.port)
        client = await dial()
        whole = call(1, WRITE, 500)
        await client.send(whole[:100])
        await eventually(lambda: relays.tally().bytes_to_host == 100, "the half")
        (one,) = relays.circle.relays
        one.finish_when_quiet()
        await never(client.gone.done, "ended in the middle of a call", for_s=0.3)

        await client.send(whole[100:])
        await client.gone
        assert bytes(client.received) == reply(1)
    await relays.settled()
