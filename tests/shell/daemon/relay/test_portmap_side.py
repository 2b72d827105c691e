"""The virtual portmapper at a gateway whose every byte the test decides."""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncssh
import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon.gateway import session as ssh
from hostnfsd.daemon.relay import portmap_side
from hostnfsd.daemon.relay.circle import end
from hostnfsd.services import Service
from hostnfsd.snapshot import Family, Refusal
from hostnfsd.sunrpc import portmap, record, rpc
from hostnfsd.sunrpc.portmap import Mapping, Port
from hostnfsd.sunrpc.portmapper import Carried, PortmapView, answer
from hostnfsd.sunrpc.rpcbind import Binding, Uaddr
from hostnfsd.sunrpc.xdr import Encodable, decode, encode
from hostnfsd.tunnel.forward import Spec
from tests.support.conditions import eventually, never
from tests.support.gateway_stand_in import Client, GatewayStandIn
from tests.support.host_services import echo, serving
from tests.support.ports import LOOPBACK, free_port
from tests.support.relaying import Rig, rig

PORT: Final = 11100
CLIENT: Final = "10.9.8.7"
VIEW: Final = PortmapView(
    (Carried(Service.RPCBIND, 111), Carried(Service.NFS, 2049, (3,))),
    (ipaddress.ip_address("172.22.0.12"), ipaddress.ip_address("fd22::12")),
)
NFS: Final = 100003

Dial = Callable[..., Awaitable[Client]]


@pytest.fixture
async def rpcbind(relays: Rig) -> Rig:
    """A session whose rpcbind is answered here; nothing listens at the host."""
    relays.tell = lambda: VIEW
    await relays.carry(free_port(), PORT, Service.RPCBIND)
    return relays


@pytest.fixture
def dial(gateway: GatewayStandIn) -> Dial:
    async def open_(originator: str = CLIENT, **options: Any) -> Client:
        return await gateway.connections[-1].client(LOOPBACK, PORT, (originator, 700), **options)

    return open_


def call(version: int, procedure: int, arguments: Encodable | None = None, xid: int = 1) -> bytes:
    """A call to the portmapper, marked."""
    raw = b"" if arguments is None else encode(arguments)
    return record.encode(encode(rpc.Call(xid, portmap.PROGRAM, version, procedure, raw)))


GETPORT: Final = call(2, 3, Mapping(NFS, 3, portmap.Protocol.TCP))
DUMP: Final = call(4, 4)


def replies(client: Client) -> list[rpc.Accepted]:
    """What came back whole."""
    reader = record.RecordReader(100_000)
    messages = [rpc.decode_message(raw) for raw in reader.feed(bytes(client.received))]
    accepted = [message for message in messages if isinstance(message, rpc.Accepted)]
    assert len(accepted) == len(messages)
    return accepted


async def reply(client: Client, count: int = 1) -> bytes:
    """The results of the reply that comes as the ``count``-th."""
    await eventually(lambda: len(replies(client)) >= count, "the reply")
    outcome = replies(client)[count - 1].outcome
    assert isinstance(outcome, rpc.Success)
    return outcome.results


async def test_calls_are_answered_and_nothing_is_dialled(rpcbind: Rig, dial: Dial) -> None:
    client = await dial()
    client.channel.write(GETPORT)
    assert decode(Port, await reply(client)).number == 2049
    client.channel.write(call(4, 3, Binding(NFS, 3, "tcp", "10.1.2.3.0.111", "libtirpc")))
    assert decode(Uaddr, await reply(client, 2)).text == "10.1.2.3.8.1"

    tally = rpcbind.tally(Service.RPCBIND)
    assert (tally.connections, tally.connections_total) == (1, 1)
    assert tally.refused[Refusal.HOST_DOWN] == 0
    client.channel.close()
    await rpcbind.settled()
    assert (tally.connections, tally.connections_total) == (0, 1)


@pytest.mark.parametrize(
    ("originator", "told"), [("10.9.8.7", "172.22.0.12.8.1"), ("fd22::7", "fd22::12.8.1")]
)
async def test_the_clients_family_decides_where_it_says_nothing(
    rpcbind: Rig, dial: Dial, originator: str, told: str
) -> None:
    client = await dial(originator)
    client.channel.write(call(4, 3, Binding(NFS, 3)))
    assert decode(Uaddr, await reply(client)).text == told
    client.channel.close()
    await rpcbind.settled()


async def test_an_originator_that_the_gateway_cannot_name_is_answered(
    rpcbind: Rig, dial: Dial
) -> None:
    client = await dial("UNKNOWN")
    client.channel.write(GETPORT)
    await reply(client)
    client.channel.close()
    await rpcbind.settled()


async def test_any_chunking_gives_the_same_answers(rpcbind: Rig, dial: Dial) -> None:
    calls = b"".join(call(2, 3, Mapping(NFS, 3, 6), xid) for xid in range(5))
    client = await dial()
    for byte in calls:
        client.channel.write(bytes((byte,)))
    await reply(client, 5)
    assert [each.xid for each in replies(client)] == [0, 1, 2, 3, 4]

    client.received.clear()
    client.channel.write(calls)
    await reply(client, 5)
    client.channel.close()
    await rpcbind.settled()


async def test_what_is_told_is_what_is_known_at_that_moment(rpcbind: Rig, dial: Dial) -> None:
    client = await dial()
    client.channel.write(GETPORT)
    assert decode(Port, await reply(client)).number == 2049
    rpcbind.tell = lambda: PortmapView((Carried(Service.NFS, 12049, (3,)),))
    another = await dial()
    another.channel.write(GETPORT)
    assert decode(Port, await reply(another)).number == 12049
    client.channel.close()
    another.channel.close()
    await rpcbind.settled()


async def test_a_change_of_mode_acts_on_new_connections(rpcbind: Rig, dial: Dial) -> None:
    async with serving(echo) as service:
        rpcbind.where[Service.RPCBIND] = service.port
        answered = await dial()
        rpcbind.tell = None
        relayed = await dial()
        relayed.channel.write(b"hello")
        await eventually(lambda: bytes(relayed.received) == b"hello", "the echo")
        answered.channel.write(GETPORT)
        await reply(answered)
        assert service.accepted == 1
        for client in (answered, relayed):
            client.channel.close()
        await rpcbind.settled()


async def test_who_ends_is_answered_first_and_then_closed(rpcbind: Rig, dial: Dial) -> None:
    client = await dial()
    client.channel.write(GETPORT + DUMP)
    client.channel.write_eof()
    await client.gone
    assert len(replies(client)) == 2
    await rpcbind.settled()


async def test_who_says_nothing_is_closed_after_a_while(
    rpcbind: Rig, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portmap_side, "IDLE_S", 0.2)
    client = await dial()
    client.channel.write(GETPORT[:10])
    await never(client.gone.done, "closed too early", for_s=0.1)
    await client.gone
    await rpcbind.settled()


@pytest.mark.patient
async def test_who_speaks_is_not_idle(
    rpcbind: Rig, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portmap_side, "IDLE_S", 0.3)
    client = await dial()
    for count in range(1, 6):
        await asyncio.sleep(0.1)
        client.channel.write(GETPORT)
        await reply(client, count)
    await client.gone
    await rpcbind.settled()


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        record.encode(encode(rpc.Accepted(1))),
        record.encode(b""),
        (0x8000_0000 | portmap_side.MAX_CALL + 1).to_bytes(4, "big"),
        bytes(4 * (record.FREE_FRAGMENTS + 1)),
    ],
    ids=["http", "reply", "empty", "oversize", "crumbs"],
)
async def test_strangers_are_answered_up_to_there_and_closed(
    rpcbind: Rig, dial: Dial, said: bytes
) -> None:
    client = await dial()
    client.channel.write(GETPORT + said + GETPORT)
    await client.gone
    assert len(replies(client)) == 1
    await rpcbind.settled()


async def test_a_client_that_does_not_read_is_not_read(
    relays: Rig, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "WINDOW", 65536)  # the usual one holds 24,000 calls
    relays.tell = lambda: VIEW
    await relays.carry(free_port(), PORT, Service.RPCBIND)
    answered = answer(DUMP[record.MARK_SIZE :], VIEW)
    assert answered is not None
    client = await dial(window=32768)
    client.channel.pause_reading()
    calls, asked = DUMP * 200, 0
    while asked < 50 and not client.stuck:
        client.channel.write(calls)
        asked += 1
        await asyncio.sleep(0.005)
    assert client.stuck
    (one,) = relays.circle.relays
    assert isinstance(one, portmap_side.PortmapSide)
    held = relays.tally(Service.RPCBIND).bytes_to_client
    assert held < 32768 + 2 * 64 * 1024  # its window, and what may wait for it
    assert len(one._calls._buffer) <= 32768

    client.channel.resume_reading()
    whole = asked * 200 * len(record.encode(answered))
    await eventually(lambda: len(client.received) == whole, "every reply")
    client.channel.close()
    await relays.settled()


async def test_a_congested_session_answers_nobody(rpcbind: Rig, dial: Dial) -> None:
    client = await dial()
    rpcbind.circle.set_congested(True)
    client.channel.write(GETPORT)
    await never(lambda: client.received, "answered into a full socket", for_s=0.1)
    rpcbind.circle.set_congested(False)
    await reply(client)
    client.channel.close()
    await rpcbind.settled()


async def test_who_never_takes_its_replies_is_given_up(
    rpcbind: Rig, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portmap_side, "IDLE_S", 0.3)
    client = await dial(window=4096)
    client.channel.pause_reading()
    client.channel.write(DUMP * 400)
    client.channel.write_eof()
    await eventually(lambda: not rpcbind.circle.relays, "it to be given up")
    client.channel.abort()
    await rpcbind.settled()


class Turns:
    """Counts what happens in each turn of the event loop."""

    def __init__(self) -> None:
        self.turn = 0
        self.happened: Counter[int] = Counter()
        self._tick()

    def _tick(self) -> None:
        self.turn += 1
        self._next = asyncio.get_running_loop().call_soon(self._tick)

    def stop(self) -> None:
        self._next.cancel()


@pytest.mark.parametrize("packet", [3000, 1, 40], ids=["in one go", "each in a packet", "by 40"])
@pytest.mark.patient
async def test_a_flood_of_calls_leaves_the_event_loop_to_others(
    rpcbind: Rig, dial: Dial, monkeypatch: pytest.MonkeyPatch, packet: int
) -> None:
    total = 3000
    client, neighbour = await dial(), await dial()
    turns = Turns()
    views: list[PortmapView] = []

    def counted(call: bytes, view: PortmapView, *, family: Family | None) -> bytes | None:
        turns.happened[turns.turn] += 1
        views.append(view)
        return answer(call, view, family=family)

    monkeypatch.setattr(portmap_side, "answer", counted)
    rpcbind.tell = lambda: VIEW
    for _ in range(total // packet):
        client.channel.write(DUMP * packet)
    neighbour.channel.write(GETPORT)
    await reply(neighbour)
    one = len(record.encode(answer(DUMP[record.MARK_SIZE :], VIEW) or b""))
    await eventually(lambda: len(client.received) == total // packet * packet * one, "all replies")
    turns.stop()

    # One of ours lies across two of the counter's; the neighbour's own call is in there, too.
    assert max(turns.happened.values()) <= 2 * portmap_side.A_TURN + 1
    client.channel.write(GETPORT)
    client.channel.write_eof()
    await client.gone
    assert bytes(client.received[-32:-28]) == (0x8000_0000 | 28).to_bytes(4, "big")
    neighbour.channel.close()
    await rpcbind.settled()


async def test_who_sends_much_and_ends_is_answered_wholly(rpcbind: Rig, dial: Dial) -> None:
    client = await dial()
    client.channel.write(GETPORT * 500)
    client.channel.write_eof()
    await client.gone
    assert len(replies(client)) == 500
    await rpcbind.settled()


async def test_opened_while_the_session_is_congested_it_is_not_read_without_bound(
    relays: Rig, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "WINDOW", 65536)
    relays.tell = lambda: VIEW
    await relays.carry(free_port(), PORT, Service.RPCBIND)
    relays.circle.set_congested(True)
    client = await dial()
    calls, asked = GETPORT * 500, 0
    while asked < 50 and not client.stuck:
        client.channel.write(calls)
        asked += 1
        await asyncio.sleep(0.005)
    assert client.stuck
    (one,) = relays.circle.relays
    assert isinstance(one, portmap_side.PortmapSide)
    assert len(one._calls._buffer) <= 32768

    relays.circle.set_congested(False)
    await eventually(lambda: len(replies(client)) == asked * 500, "every reply", timeout_s=20)
    client.channel.close()
    await relays.settled()


@pytest.mark.parametrize("end", ["abort", "finish", "finish_when_quiet"])
async def test_without_a_channel_it_ends_nevertheless(rpcbind: Rig, end: str) -> None:
    """The session may be lost before asyncssh has opened it."""
    side = await rpcbind.intake.door(Spec(Service.RPCBIND, LOOPBACK, PORT))(CLIENT, 700)
    assert rpcbind.tally(Service.RPCBIND).connections == 1
    getattr(side.relay, end)()
    await rpcbind.settled()


async def test_a_lost_session_lets_nobody_in(rpcbind: Rig, dial: Dial) -> None:
    rpcbind.intake.lost = True
    with pytest.raises(asyncssh.ChannelOpenError):
        await dial()
    await rpcbind.settled()
    assert rpcbind.tally(Service.RPCBIND).connections_total == 0


async def test_draining_minds_a_begun_call_also_where_calls_are_not_counted(
    rpcbind: Rig, dial: Dial
) -> None:
    rpcbind.ledger.count_rpc = False
    amid = await dial()
    amid.channel.write(GETPORT[:9])
    await eventually(lambda: rpcbind.tally(Service.RPCBIND).bytes_to_host == 9, "half a call")
    end(rpcbind.circle.relays, at_once=False)
    amid.channel.write(GETPORT[9:])
    await amid.gone
    assert len(replies(amid)) == 1
    await rpcbind.settled()


async def test_draining_closes_at_once_unless_a_call_has_begun(rpcbind: Rig, dial: Dial) -> None:
    idle, amid = await dial(), await dial()
    amid.channel.write(GETPORT[:9])
    await eventually(lambda: rpcbind.tally(Service.RPCBIND).bytes_to_host == 9, "half a call")
    for member in tuple(rpcbind.circle.relays):
        member.finish_when_quiet()
    await idle.gone
    assert not amid.gone.done()
    amid.channel.write(GETPORT[9:])
    await amid.gone
    assert len(replies(amid)) == 1
    await rpcbind.settled()


async def test_it_counts_against_the_limit(gateway: GatewayStandIn) -> None:
    async with rig(gateway, limit=1) as made:
        made.tell = lambda: VIEW
        await made.carry(free_port(), PORT, Service.RPCBIND)
        first = await gateway.connections[-1].client(LOOPBACK, PORT)
        with pytest.raises(asyncssh.ChannelOpenError) as caught:
            await gateway.connections[-1].client(LOOPBACK, PORT)
        assert caught.value.code == asyncssh.OPEN_RESOURCE_SHORTAGE
        first.channel.close()
        await made.settled()


async def test_clients_and_their_calls_are_counted(rpcbind: Rig, dial: Dial) -> None:
    client = await dial()
    client.channel.write(GETPORT)
    await reply(client)
    (shown,) = rpcbind.ledger.clients()
    assert (shown.host, shown.service, shown.calls) == (CLIENT, Service.RPCBIND, 1)
    assert (shown.bytes_to_host, shown.bytes_to_client) == (len(GETPORT), len(client.received))
    tally = rpcbind.tally(Service.RPCBIND)
    assert (tally.bytes_to_host, tally.bytes_to_client) == (len(GETPORT), len(client.received))
    books = rpcbind.ledger.books("dev-gw", Service.RPCBIND)
    entry = books.procedures["getport"]
    assert (entry.calls, sum(entry.durations), entry.rpc_errors) == (1, 1, 0)
    client.channel.close()
    await rpcbind.settled()


XID: Final = 0x01020304


async def test_a_probe_is_answered_and_counted_nowhere(rpcbind: Rig, dial: Dial) -> None:
    expected = rpcbind.watch.recognition.expect(Service.RPCBIND, CLIENT, XID)
    probe = await dial()
    assert not rpcbind.ledger.open
    probe.channel.write(call(2, 0, xid=XID))
    assert await reply(probe) == b""
    assert expected.came_in
    probe.channel.close()
    await rpcbind.settled()
    assert rpcbind.tally(Service.RPCBIND) == type(rpcbind.tally())()
    assert not rpcbind.ledger.books("dev-gw", Service.RPCBIND).procedures


async def test_a_probe_comes_in_where_the_limit_is_reached(gateway: GatewayStandIn) -> None:
    async with rig(gateway, limit=1) as made:
        made.tell = lambda: VIEW
        await made.carry(free_port(), PORT, Service.RPCBIND)
        first = await gateway.connections[-1].client(LOOPBACK, PORT)
        made.watch.recognition.expect(Service.RPCBIND, CLIENT, XID)
        probe = await gateway.connections[-1].client(LOOPBACK, PORT, (CLIENT, 700))
        probe.channel.write(call(2, 0, xid=XID))
        await reply(probe)
        first.channel.close()
        probe.channel.close()
        await made.settled()


async def test_a_client_taken_for_a_probe_is_counted_from_its_first_byte(
    rpcbind: Rig, dial: Dial
) -> None:
    rpcbind.watch.recognition.expect(Service.RPCBIND, CLIENT, XID)
    client = await dial()
    client.channel.write(GETPORT[:5])
    await never(lambda: rpcbind.ledger.open, "counted before it is known", for_s=0.05)
    client.channel.write(GETPORT[5:])
    await reply(client)
    tally = rpcbind.tally(Service.RPCBIND)
    assert (tally.connections, tally.connections_total) == (1, 1)
    assert (tally.bytes_to_host, tally.bytes_to_client) == (len(GETPORT), len(client.received))
    assert rpcbind.ledger.books("dev-gw", Service.RPCBIND).procedures["getport"].calls == 1
    client.channel.close()
    await rpcbind.settled()


async def test_a_client_that_says_too_little_to_be_known_is_counted_at_its_end(
    rpcbind: Rig, dial: Dial
) -> None:
    rpcbind.watch.recognition.expect(Service.RPCBIND, CLIENT, 7)
    client = await dial()
    client.channel.write(GETPORT[:5])
    client.channel.abort()
    await rpcbind.settled()

    tally = rpcbind.tally(Service.RPCBIND)
    assert (tally.connections, tally.connections_total) == (0, 1)
    assert tally.bytes_to_host == 5
    assert not rpcbind.ledger.open


async def test_a_bug_ends_one_connection_only(
    rpcbind: Rig, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = await dial()

    def broken(*_: object, **__: object) -> bytes:
        raise ValueError("a bug")

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(portmap_side, "answer", broken)
        client = await dial()
        client.channel.write(GETPORT)
        await client.gone
    assert [line["event"] for line in logs] == ["relay_broke"]
    healthy.channel.write(GETPORT)
    await reply(healthy)
    healthy.channel.close()
    await rpcbind.settled()


async def test_losing_the_session_ends_every_connection(
    gateway: GatewayStandIn, rpcbind: Rig, dial: Dial
) -> None:
    for _ in range(3):
        client = await dial()
        client.channel.write(GETPORT)
        await reply(client)
    gateway.connections[-1].ssh.abort()
    await rpcbind.session.lost()
    await rpcbind.settled()
