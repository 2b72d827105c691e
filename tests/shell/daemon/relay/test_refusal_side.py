"""Clients that are not admitted, at a gateway whose every byte the test decides."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncssh
import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon.relay import gate, intake, refusal_side
from hostnfsd.daemon.relay.recognition import Recognition
from hostnfsd.services import Service
from hostnfsd.snapshot import Refusal
from hostnfsd.sunrpc import record, rpc
from hostnfsd.sunrpc.rpc import AuthError, AuthStat, Denied
from hostnfsd.sunrpc.xdr import encode
from tests.support.conditions import eventually, never
from tests.support.gates import AccessRules
from tests.support.gateway_stand_in import Client, GatewayStandIn
from tests.support.host_services import echo, serving
from tests.support.ports import LOOPBACK, free_port
from tests.support.relaying import GATEWAY, Rig, rig
from tests.support.rpc_services import null_or_echo, null_reply

pytestmark = pytest.mark.patient

PORT: Final = 20490
STRANGER: Final = "10.9.8.7"
NULL: Final = record.encode(encode(rpc.Call(7, 100003, 3, 0)))
DENIED: Final = record.encode(encode(Denied(7, AuthError(AuthStat.AUTH_BADCRED))))

Dial = Callable[..., Awaitable[Client]]


@pytest.fixture
async def closed(relays: Rig) -> Rig:
    """A session that lets in 172.22.0.0/16; nothing listens at the host."""
    relays.access = rules(relays, allow=("172.22.0.0/16",))
    await relays.carry(free_port(), PORT)
    return relays


def rules(relays: Rig, **access: Any) -> AccessRules:
    relays.access.change(**access)
    return relays.access


@pytest.fixture
def dial(gateway: GatewayStandIn) -> Dial:
    async def open_(originator: str = STRANGER, port: int = 700, **options: Any) -> Client:
        connection = gateway.connections[-1]
        return await connection.client(LOOPBACK, PORT, (originator, port), **options)

    return open_


async def test_a_call_is_denied_then_the_connection_closes_and_nothing_is_dialled(
    closed: Rig, dial: Dial
) -> None:
    client = await dial()
    await client.send(NULL)
    await client.gone

    assert bytes(client.received) == DENIED
    tally = closed.tally()
    assert tally.refused[Refusal.NOT_ADMITTED] == 1
    assert tally.refused[Refusal.HOST_DOWN] == 0
    assert (tally.connections, tally.connections_total) == (0, 0)
    assert (tally.bytes_to_host, tally.bytes_to_client) == (0, 0)
    assert closed.watch.failed == []
    await closed.settled()


@pytest.mark.parametrize("size", [1, 3, 17, 43])
async def test_calls_in_any_pieces_are_denied(closed: Rig, dial: Dial, size: int) -> None:
    client = await dial()
    stream = NULL * 3
    for at in range(0, len(stream), size):
        await client.send(stream[at : at + size])
        await asyncio.sleep(0)
    await client.gone

    assert bytes(client.received) == DENIED * 3
    await closed.settled()


async def test_a_client_that_has_said_all_is_closed_at_once(closed: Rig, dial: Dial) -> None:
    client = await dial()
    await client.send(NULL)
    client.channel.write_eof()
    async with asyncio.timeout(refusal_side.QUIET_S / 2):
        await client.gone
    assert bytes(client.received) == DENIED
    await closed.settled()


async def test_what_is_no_call_is_closed_without_a_word(closed: Rig, dial: Dial) -> None:
    client = await dial()
    await client.send(b"GET / HTTP/1.1\r\nHost: dev-gw\r\n\r\n")
    await client.gone
    assert bytes(client.received) == b""
    await closed.settled()


async def test_who_says_nothing_is_not_waited_for(
    closed: Rig, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal_side, "MOST_S", 0.2)
    silent, slow = await dial(), await dial()
    await slow.send(NULL[:20])
    await silent.gone
    await slow.gone
    assert closed.tally().refused[Refusal.NOT_ADMITTED] == 2
    await closed.settled()


async def test_a_large_call_costs_no_memory(closed: Rig, dial: Dial) -> None:
    client = await dial()
    whole = record.encode(encode(rpc.Call(7, 100003, 3, 7, bytes(8 << 20))))
    for at in range(0, len(whole), 1 << 20):
        await client.send(whole[at : at + (1 << 20)])
    await eventually(lambda: client.received, "the refusal")
    (side,) = closed.circle.relays
    assert isinstance(side, refusal_side.RefusalSide)
    held = side._denier._scanner
    assert len(held._head) + len(held._mark) <= 64
    await client.gone
    assert bytes(client.received) == DENIED
    await closed.settled()


async def test_who_is_admitted_is_not_told_so(closed: Rig, dial: Dial) -> None:
    async with serving(echo) as service:
        closed.where[Service.NFS] = service.port
        client = await dial("172.22.0.14")
        await client.send(NULL)
        await eventually(lambda: bytes(client.received) == NULL, "the echo")
        mapped = await dial("::ffff:172.22.0.14")
        mapped.channel.abort()
        client.channel.abort()
    await closed.settled()
    assert closed.tally().refused[Refusal.NOT_ADMITTED] == 0


@pytest.mark.parametrize(
    "originator", [("127.0.0.1", 65535), ("UNKNOWN", 1), ("pod-7.lab", 1), ("fe80::1%eth0", 1)]
)
async def test_originators_without_a_plain_address_are_told_as_well(
    closed: Rig, dial: Dial, originator: tuple[str, int]
) -> None:
    client = await dial(*originator)
    await client.send(NULL)
    await client.gone
    assert bytes(client.received) == DENIED
    await closed.settled()


async def test_sshds_word_for_nobody_knows_who_is_not_shown_as_an_address(
    closed: Rig, dial: Dial
) -> None:
    await dial(*("127.0.0.1", 65535))
    (told,) = closed.access.gate.explained(closed.ledger.turned_away())
    assert (told.host, told.reason) == ("unknown", Refusal.NOT_ADMITTED)
    assert told.text is not None
    assert told.remedy is not None
    assert told.remedy.allow is None


async def test_the_portmapper_answers_everybody(relays: Rig, dial: Dial) -> None:
    relays.access.change(allow=("172.22.0.0/16",))
    relays.tell = lambda: pytest.fail("nothing was asked")
    await relays.carry(free_port(), PORT, Service.RPCBIND)
    client = await dial()
    assert relays.tally(Service.RPCBIND).connections == 1
    assert relays.tally(Service.RPCBIND).refused[Refusal.NOT_ADMITTED] == 0
    client.channel.abort()
    await relays.settled()


async def test_the_hosts_own_portmapper_is_not_reached(relays: Rig, dial: Dial) -> None:
    relays.access.change(allow=("172.22.0.0/16",))
    async with serving(echo) as service:
        await relays.carry(service.port, PORT, Service.RPCBIND)
        client = await dial()
        await client.send(NULL)
        await client.gone
        assert service.accepted == 0
    assert bytes(client.received) == DENIED
    assert relays.tally(Service.RPCBIND).refused[Refusal.NOT_ADMITTED] == 1


async def test_he_is_told_once_a_minute_and_counted_each_time(closed: Rig, dial: Dial) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            (await dial()).channel.abort()
        (await dial("fd00::1")).channel.abort()
    told = [line for line in logs if line["event"] == "client_not_admitted"]
    assert [line["originator"] for line in told] == [STRANGER, "fd00::1"]
    assert told[0]["hint"] == 'to let him in: [access] allow = ["172.22.0.0/16", "10.9.8.7"]'
    assert closed.tally().refused[Refusal.NOT_ADMITTED] == 4
    first, _ = closed.access.gate.explained(closed.ledger.turned_away())
    assert (first.count, first.text) == (3, "access.allow names 172.22.0.0/16, not 10.9.8.7")
    assert first.remedy is not None
    assert first.remedy.allow == 'allow = ["172.22.0.0/16", "10.9.8.7"]'
    await closed.settled()


async def test_beyond_a_number_they_are_closed_without_a_word(
    closed: Rig, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_TOLD", 2)
    first, second = await dial(), await dial()
    with pytest.raises(asyncssh.ChannelOpenError):
        await dial()
    assert closed.tally().refused[Refusal.NOT_ADMITTED] == 3
    for client in (first, second):
        client.channel.abort()
    await closed.settled()


async def test_they_take_no_place_of_those_who_are_admitted(gateway: GatewayStandIn) -> None:
    async with rig(gateway, limit=1) as made, serving(echo) as service:
        made.access.change(allow=("172.22.0.0/16",))
        await made.carry(service.port, PORT)
        connection = gateway.connections[-1]
        refused = await connection.client(LOOPBACK, PORT, (STRANGER, 700))
        welcome = await connection.client(LOOPBACK, PORT, ("172.22.0.14", 700))
        # With no place left he is still told why he will have none.
        another = await connection.client(LOOPBACK, PORT, (STRANGER, 701))
        for client in (refused, welcome, another):
            client.channel.abort()
        await made.settled()
        assert made.tally().refused[Refusal.LIMIT] == 0


async def test_draining_ends_them_unless_a_call_has_begun(closed: Rig, dial: Dial) -> None:
    idle, amid = await dial(), await dial()
    await amid.send(NULL[:20])
    await eventually(
        lambda: any(side._denier.amid for side in closed.circle.relays),  # type: ignore[attr-defined]
        "half a call",
    )
    for member in tuple(closed.circle.relays):
        member.finish_when_quiet()
    await idle.gone
    await never(amid.gone.done, "ended in the middle of a call", for_s=0.1)
    await amid.send(NULL[20:])
    await amid.gone
    assert bytes(amid.received) == DENIED
    await closed.settled()


# -- while nobody knows yet ----------------------------------------------------------------------


async def test_a_client_waits_until_it_is_known_who_may_come_in(relays: Rig, dial: Dial) -> None:
    relays.access.change(allow="exports")
    async with serving(echo) as service:
        await relays.carry(service.port, PORT)
        dialling = asyncio.create_task(_coroutine(dial("172.22.0.14")))
        await never(dialling.done, "let in too early", for_s=0.1)
        relays.access.export("/srv/src 127.0.0.1(rw)\n")
        await never(dialling.done, "let in too early", for_s=0.1)
        relays.access.gate.attached(GATEWAY, ("172.22.0.0/16",))
        client = await dialling
        await client.send(b"hello")
        await eventually(lambda: bytes(client.received) == b"hello", "the echo")
        client.channel.abort()
    await relays.settled()


async def test_but_not_for_ever_and_may_try_again(
    relays: Rig, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "UNDECIDED_S", 0.1)
    relays.access.change(allow="exports")
    await relays.carry(free_port(), PORT)
    with pytest.raises(asyncssh.ChannelOpenError):
        await dial()
    assert relays.tally().refused[Refusal.UNDECIDED] == 1
    await relays.settled()


async def _coroutine(awaitable: Awaitable[Client]) -> Client:
    return await awaitable


# -- our own probes ------------------------------------------------------------------------------


async def test_a_probe_passes_the_gate(closed: Rig, dial: Dial) -> None:
    closed.watch.recognition = Recognition(lambda a: a == "10.0.0.5", lambda: 0.0)
    closed.watch.recognition.expect(Service.NFS, "172.22.0.12", 7)
    async with serving(null_or_echo) as service:
        closed.where[Service.NFS] = service.port
        probe = await dial("10.0.0.5")
        await probe.send(NULL)
        await eventually(lambda: bytes(probe.received) == null_reply(NULL), "the reply")
        probe.channel.abort()
    await closed.settled()
    assert sum(closed.tally().refused.values()) == 0


async def test_who_passes_for_a_probe_and_is_none_goes_no_further(closed: Rig, dial: Dial) -> None:
    closed.watch.recognition = Recognition(lambda a: a == "10.0.0.5", lambda: 0.0)
    closed.watch.recognition.expect(Service.NFS, "172.22.0.12", 99)
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(100))
        writer.close()

    async with serving(listen) as service:
        closed.where[Service.NFS] = service.port
        client = await dial("10.0.0.5")
        await client.send(NULL)
        await client.gone
        assert bytes(client.received) == b""
        assert bytes(heard) == b""
    await closed.settled()
    assert closed.tally().refused[Refusal.NOT_ADMITTED] == 1
    assert closed.tally().connections_total == 0


async def test_a_probe_from_an_address_that_nobody_knew_is_known_from_then_on(
    closed: Rig, dial: Dial
) -> None:
    recognition = Recognition(lambda _address: None, lambda: 0.0)
    closed.watch.recognition = recognition
    expected = recognition.expect(Service.NFS, "172.22.0.12", 7)
    probe = await dial("10.0.0.5")
    await probe.send(NULL)
    await probe.gone
    assert expected.turned_away
    assert sum(closed.tally().refused.values()) == 0

    recognition.expect(Service.NFS, "172.22.0.12", 7)
    async with serving(null_or_echo) as service:
        closed.where[Service.NFS] = service.port
        again = await dial("10.0.0.5")
        await again.send(NULL)
        await eventually(lambda: bytes(again.received) == null_reply(NULL), "the reply")
        again.channel.abort()
    await closed.settled()


async def test_a_stranger_who_may_be_a_probe_counts_once_it_is_certain(
    closed: Rig, dial: Dial
) -> None:
    closed.watch.recognition = Recognition(lambda _address: None, lambda: 0.0)
    closed.watch.recognition.expect(Service.NFS, "172.22.0.12", 99)
    client = await dial()
    assert sum(closed.tally().refused.values()) == 0
    await client.send(NULL)
    await client.gone
    assert bytes(client.received) == DENIED
    assert closed.tally().refused[Refusal.NOT_ADMITTED] == 1
    await closed.settled()
