"""The relay over a gateway whose every byte the test decides: order, ends, pressure, books."""

import asyncio
import hashlib
import random
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncssh
import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon.relay import relay
from hostnfsd.daemon.ssh import seams
from hostnfsd.services import Service
from tests.support.conditions import eventually, never
from tests.support.gateway_stand_in import Client, GatewayStandIn
from tests.support.host_services import (
    absorb,
    echo,
    flood,
    ignore,
    reset,
    serving,
)
from tests.support.ports import LOOPBACK
from tests.support.relaying import Rig

PORT = 20490
#: What the kernel may keep of a stream in socket buffers on loopback, generously.
KERNEL = 8 * 1024 * 1024


@pytest.fixture
def dial(gateway: GatewayStandIn, relays: Rig) -> Callable[..., Any]:
    """Opens a client's connection; ``relays.carry`` must have been called."""
    del relays

    async def open_(port: int = PORT, **options: Any) -> Client:
        return await gateway.connections[-1].client(LOOPBACK, port, **options)

    return open_


def odd_chunks(total: int, seed: int) -> list[bytes]:
    """``total`` bytes in chunks of sizes nobody likes."""
    draw = random.Random(seed)
    chunks: list[bytes] = []
    while total > 0:
        size = min(total, draw.choice((1, 3, 511, 1447, 4097, 32769, 65537, 200_001)))
        chunks.append(draw.randbytes(size))
        total -= size
    return chunks


async def test_bytes_and_their_order_survive_both_ways(relays: Rig, dial: Any) -> None:
    chunks = odd_chunks(3_000_000, seed=7)
    async with serving(echo) as service:
        await relays.carry(service.port)
        client = await dial()
        for chunk in chunks:
            await client.send(chunk)
        client.channel.write_eof()
        await eventually(lambda: client.ended, "the echo's end")
        await client.gone

    whole = b"".join(chunks)
    assert hashlib.sha256(whole).digest() == hashlib.sha256(client.received).digest()
    tally = relays.tally()
    assert (tally.bytes_to_host, tally.bytes_to_client) == (len(whole), len(whole))
    # The gateway's side of the channel is gone before ours has heard of it.
    await relays.settled()
    assert (tally.connections, tally.connections_total) == (0, 1)


async def test_a_late_reply_reaches_a_client_that_has_ended_its_side(
    relays: Rig, dial: Any
) -> None:
    may_answer = asyncio.Event()

    async def answer_after_the_end(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        request = await reader.read()
        await may_answer.wait()
        writer.write(request.upper())

    async with serving(answer_after_the_end) as service:
        await relays.carry(service.port)
        client = await dial()
        client.channel.write(b"late")
        client.channel.write_eof()
        await never(lambda: client.ended or client.gone.done(), "ended with it", for_s=0.1)
        may_answer.set()
        await client.gone

        assert bytes(client.received) == b"LATE"
        assert client.ended
    await relays.settled()


async def test_a_client_goes_on_after_the_service_has_ended_its_side(
    relays: Rig, dial: Any
) -> None:
    heard: list[bytes] = []

    async def talk_then_listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"greeting")
        writer.write_eof()
        heard.append(await reader.read())

    async with serving(talk_then_listen) as service:
        await relays.carry(service.port)
        client = await dial()
        await eventually(lambda: client.ended, "the service's end")
        assert not client.gone.done()
        client.channel.write(b"still here")
        client.channel.write_eof()
        await client.gone
        await eventually(lambda: heard, "the service to hear it")

    assert heard == [b"still here"]
    assert bytes(client.received) == b"greeting"
    await relays.settled()


@pytest.mark.parametrize("hang_up", [False, True])
async def test_what_a_service_says_before_the_channel_stands_is_not_lost(
    relays: Rig, dial: Any, monkeypatch: pytest.MonkeyPatch, hang_up: bool
) -> None:
    """uvloop does not heed a pause asked for while the connection is made."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"greeting")
        writer.write_eof()
        if not hang_up:
            await reader.read()

    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def slow(*args: Any, **options: Any) -> Any:
        made = await connect(*args, **options)
        (one,) = relays.relayed
        assert isinstance(one, relay.Relay)
        await eventually(lambda: one._ended["host"], "the service's end")
        return made

    monkeypatch.setattr(loop, "create_connection", slow)
    monkeypatch.setattr(relay.Relay, "update_reading", lambda _relay: None)
    async with serving(greet) as service:
        await relays.carry(service.port)
        client = await dial()
        await eventually(lambda: client.ended, "the service's end")
        assert bytes(client.received) == b"greeting"
        client.channel.write_eof()
        await client.gone
    await relays.settled()
    assert relays.tally().bytes_to_client == 8


async def test_a_reset_by_the_service_ends_the_client_at_once(relays: Rig, dial: Any) -> None:
    async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reset(writer)

    async with serving(slam) as service:
        await relays.carry(service.port)
        client = await dial()
        client.channel.write(b"x")
        async with asyncio.timeout(2):
            await client.gone
    await relays.settled()


async def test_a_service_that_closes_at_once_ends_the_connection(relays: Rig, dial: Any) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader, writer

    async with serving(hang_up) as service:
        await relays.carry(service.port)
        client = await dial()
        await eventually(lambda: client.ended, "the end")
        client.channel.close()
        await client.gone
    await relays.settled()


async def test_what_was_sent_before_a_close_still_arrives(relays: Rig, dial: Any) -> None:
    """More than kernels hold: when the close arrives, much is still in the relay's own buffer."""
    size = 12_000_000
    heard = 0

    async def listen_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        del writer
        while data := await reader.read(65536):
            heard += len(data)
            await asyncio.sleep(0.001)

    async with serving(listen_slowly) as service:
        await relays.carry(service.port)
        client = await dial()
        client.channel.write(bytes(size))
        client.channel.close()
        await eventually(lambda: heard == size, "all of it", seen=lambda: heard)
        await client.gone
        await relays.settled()


def held(made: Rig) -> int:
    """Bytes for the host that relays and asyncssh hold in this process."""
    parked = sum(
        len(data)
        for channel in made.session._connection._channels.values()
        for data, _ in getattr(channel, "_recv_buf", ())
    )
    waiting = sum(
        r._transport.get_write_buffer_size() for r in made.relayed if r._transport is not None
    )
    return parked + waiting


async def test_a_flood_towards_a_service_that_never_reads_stays_bounded(
    relays: Rig, dial: Any
) -> None:
    async with serving(ignore) as service:
        await relays.carry(service.port)
        client = await dial()
        sent = 0
        chunk = bytes(65536)
        while sent < 64 * 1024 * 1024:
            client.channel.write(chunk)
            sent += len(chunk)
            if client.stuck:
                break
            await asyncio.sleep(0)
        await eventually(lambda: client.stuck, "the window to close")
        await asyncio.sleep(0.1)

        assert client.stuck
        assert held(relays) <= relay.WINDOW + relay.HOST_HIGH_WATER + 65536
        assert relays.tally().bytes_to_host <= relay.HOST_HIGH_WATER + KERNEL
        client.channel.abort()
        await client.gone
        # The service still does not read: its end is the service's, not the client's, affair.
        for each in tuple(relays.relayed):
            each.abort()
    await relays.settled()


async def pause_and_resume(made: Rig, client: Client, cycles: int) -> int:
    """Deliver one packet per cycle while the client sends all it can; the most that was parked."""
    (one,) = made.relayed
    channel: Any = one._channel
    deliver = channel._session.data_received

    def deliver_one(data: bytes, datatype: asyncssh.DataType) -> None:
        deliver(data, datatype)
        channel.pause_reading()

    channel._session.data_received = deliver_one
    channel.pause_reading()
    most = 0
    for _ in range(cycles):
        while not client.stuck:
            client.channel.write(bytes(32768))
        # Two turns of both ends: what was sent has arrived.
        for _ in range(10):
            await asyncio.sleep(0.001)
        most = max(most, sum(len(data) for data, _ in channel._recv_buf))
        channel.resume_reading()
    return most


async def test_many_pauses_never_let_more_than_a_window_in(relays: Rig, dial: Any) -> None:
    async with serving(absorb) as service:
        await relays.carry(service.port)
        client = await dial()

        assert await pause_and_resume(relays, client, 40) <= relay.WINDOW
        client.channel.abort()
    await relays.settled()


async def test_without_the_seam_this_asyncssh_lets_far_more_in(
    relays: Rig, dial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The defect that the seam mends. When this fails, asyncssh is mended: drop the seam."""
    monkeypatch.setattr(seams, "credit_only_what_was_delivered", lambda _channel: None)
    async with serving(absorb) as service:
        await relays.carry(service.port)
        client = await dial()

        assert await pause_and_resume(relays, client, 40) > 5 * relay.WINDOW
        client.channel.abort()
    await relays.settled()


async def test_the_window_is_given_back_while_all_is_delivered(relays: Rig, dial: Any) -> None:
    async with serving(absorb) as service:
        await relays.carry(service.port)
        client = await dial()
        for _ in range(5 * relay.WINDOW // 65536):
            await client.send(bytes(65536))
        await eventually(lambda: relays.tally().bytes_to_host == 5 * relay.WINDOW, "all bytes")
        client.channel.close()
        await client.gone
    await relays.settled()


async def test_a_client_that_never_reads_is_bounded_and_disturbs_nobody(
    relays: Rig, dial: Any
) -> None:
    async with serving(flood) as floods, serving(echo) as echoes:
        await relays.carry(floods.port)
        await relays.carry(echoes.port, PORT + 1, Service.MOUNTD)
        window = 256 * 1024
        stalled = await dial(window=window)
        stalled.channel.pause_reading()
        (one,) = relays.relayed
        await eventually(lambda: one._channel_full, "the channel to be full")
        taken = relays.tally().bytes_to_client

        other = await dial(PORT + 1)
        sent = bytes(65536)
        for _ in range(64):
            await other.send(sent)
        await eventually(lambda: len(other.received) == 64 * 65536, "the other's bytes")
        assert relays.tally().bytes_to_client == taken
        # asyncio reads at most 256 KiB at a time; one read may overshoot the high water.
        assert taken <= window + relay._CHANNEL_HIGH_WATER + 256 * 1024
        stalled.channel.abort()
        other.channel.close()
        await stalled.gone
    await relays.settled()


async def test_a_congested_ssh_socket_stops_all_reading_of_the_host(
    gateway: GatewayStandIn, relays: Rig, dial: Any
) -> None:
    async with serving(flood) as service:
        await relays.carry(service.port)
        clients = [await dial(window=64 * 1024 * 1024) for _ in range(4)]
        server: asyncio.Transport = gateway.connections[-1].ssh._transport  # type: ignore[assignment]  # a TCP transport
        server.pause_reading()
        await eventually(lambda: relays.circle.congested, "the socket to be full")
        ours: asyncio.Transport = relays.session._connection._transport  # type: ignore[assignment]  # a TCP transport
        await asyncio.sleep(0.1)
        taken = relays.tally().bytes_to_client

        # Each relay may have been in the middle of one read.
        assert ours.get_write_buffer_size() <= 256 * 1024 * (1 + len(clients)) + 65536
        await never(
            lambda: relays.tally().bytes_to_client > taken, "read while congested", for_s=0.1
        )
        server.resume_reading()
        await eventually(
            lambda: relays.tally().bytes_to_client > taken + 4_000_000, "the flood to go on"
        )
        assert all(client.received for client in clients)
        for client in clients:
            client.channel.abort()
    await relays.settled()


async def test_a_half_closed_connection_without_a_byte_is_given_up(
    relays: Rig, dial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LINGER_S", 0.15)
    async with serving(ignore) as service:
        await relays.carry(service.port)
        client = await dial()
        client.channel.write(b"x")
        client.channel.write_eof()
        await never(client.gone.done, "given up too early", for_s=0.1)
        await client.gone
        await relays.settled()


async def test_a_half_closed_connection_lives_on_while_bytes_move(
    relays: Rig, dial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LINGER_S", 0.15)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        for _ in range(10):
            writer.write(b".")
            await asyncio.sleep(0.05)

    async with serving(drip) as service:
        await relays.carry(service.port)
        client = await dial()
        client.channel.write_eof()
        await client.gone

    assert bytes(client.received) == b"." * 10
    await relays.settled()


async def test_a_client_that_ends_and_never_reads_is_given_up(
    relays: Rig, dial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sides have ended, and the channel waits for a window that never opens."""
    monkeypatch.setattr(relay, "LINGER_S", 0.2)

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.write(bytes(400_000))
        await writer.drain()

    async with serving(pour) as service:
        await relays.carry(service.port)
        client = await dial(window=32768)
        client.channel.pause_reading()
        client.channel.write_eof()
        await eventually(lambda: not relays.relayed, "it to be given up")
        client.channel.abort()
    await relays.settled()


async def test_aborting_ends_a_relay_whose_close_waits_for_its_window(
    relays: Rig, dial: Any
) -> None:
    async with serving(flood) as service:
        await relays.carry(service.port)
        client = await dial(window=32768)
        client.channel.pause_reading()
        (one,) = relays.relayed
        await eventually(lambda: one._channel_full, "the channel to be full")
        one.finish()
        await never(lambda: not relays.relayed, "closed over unsent bytes", for_s=0.05)

        one.abort()
        await eventually(lambda: not relays.relayed, "the relay to end")
        client.channel.abort()
    await relays.settled()


@pytest.mark.parametrize(
    "callback", ["from_client", "from_host", "half_closed", "host_full", "update_reading"]
)
async def test_an_exception_in_a_callback_ends_only_its_relay(
    relays: Rig, dial: Any, monkeypatch: pytest.MonkeyPatch, callback: str
) -> None:
    async with serving(echo) as service:
        await relays.carry(service.port)
        healthy = await dial()

        def broken(*_: object) -> None:
            raise ValueError("a bug")

        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.setattr(relay.Relay, callback, broken)
            if callback == "host_full":
                relay.HostSide(next(iter(relays.relayed))).pause_writing()
                await healthy.gone
            else:
                client = await dial()
                with suppress(BrokenPipeError):  # it may be over by now
                    client.channel.write(b"x")
                    client.channel.write_eof()
                await client.gone
        assert [line["event"] for line in logs if line["event"] == "relay_broke"]
        assert not relays.session.over
        again = await dial()
        again.channel.write(b"hello")
        await eventually(lambda: bytes(again.received) == b"hello", "the echo")
        for client in (again, healthy):
            client.channel.abort()
    await relays.settled()


async def test_losing_the_session_ends_every_relay(
    gateway: GatewayStandIn, relays: Rig, dial: Any
) -> None:
    async with serving(echo) as service:
        await relays.carry(service.port)
        clients = [await dial() for _ in range(5)]
        for client in clients:
            await client.send(b"x")
        await eventually(lambda: all(c.received for c in clients), "echoes")
        gateway.connections[-1].ssh.abort()
        await relays.session.lost()
        await eventually(lambda: service.open == 0, "the service's connections to close")
    await relays.settled()


async def test_two_hundred_connections_at_a_time(relays: Rig, dial: Any) -> None:
    async def one(number: int) -> bytes:
        client: Client = await dial()
        for _ in range(4):
            await client.send(number.to_bytes(2, "big") * 1000)
        client.channel.write_eof()
        await client.gone
        return bytes(client.received)

    async with serving(echo) as service:
        await relays.carry(service.port)
        answers = await asyncio.gather(*(one(n) for n in range(200)))

    assert answers == [n.to_bytes(2, "big") * 4000 for n in range(200)]
    assert relays.tally().connections_total == 200
    await relays.settled()


async def test_an_ended_relay_leaves_no_timer(relays: Rig, dial: Any) -> None:
    """A timer of LINGER_S would keep each ended connection in memory for a minute."""
    loop: Any = asyncio.get_running_loop()

    def lingering() -> int:
        return sum(
            "Relay" in repr(h) or "abort" in repr(h) for h in loop._scheduled if not h._cancelled
        )

    async with serving(echo) as service:
        await relays.carry(service.port)
        for _ in range(3):
            client = await dial()
            client.channel.write_eof()
            await client.gone
    await relays.settled()
    assert lingering() == 0


#: Where clients of the stand-in come from unless told otherwise.
CLIENT = "10.9.8.7"
XID = 0x01020304
MARK = b"\x80\x00\x00\x28"


async def received(client: Client, size: int) -> None:
    await eventually(lambda: len(client.received) == size, "the echo")


async def test_a_probe_is_counted_nowhere_before_and_after_it_is_known(
    relays: Rig, dial: Any
) -> None:
    expected = relays.watch.recognition.expect(Service.NFS, CLIENT, XID)
    async with serving(echo) as service:
        await relays.carry(service.port)
        probe = await dial()
        said = 0
        for part in (MARK, XID.to_bytes(4, "big"), b"and the rest"):
            assert not relays.ledger.open
            probe.channel.write(part)
            said += len(part)
            await received(probe, said)
        assert expected.came_in
        probe.channel.close()
        await relays.settled()
        assert relays.tally() == type(relays.tally())()


async def test_a_candidate_that_says_nothing_is_counted_nowhere(relays: Rig, dial: Any) -> None:
    relays.watch.recognition.expect(Service.NFS, CLIENT, XID)
    async with serving(echo) as service:
        await relays.carry(service.port)
        client = await dial()
        client.channel.write_eof()
        await client.gone
        await relays.settled()
        assert relays.tally() == type(relays.tally())()


async def test_a_client_taken_for_a_probe_is_counted_from_its_first_byte(
    relays: Rig, dial: Any
) -> None:
    relays.watch.recognition.expect(Service.NFS, CLIENT, XID)
    async with serving(echo) as service:
        await relays.carry(service.port)
        client = await dial()
        client.channel.write(MARK)
        await received(client, 4)
        client.channel.write(b"\1\2\3")
        await received(client, 7)
        assert not relays.ledger.open
        client.channel.write(b"\5 is another number")
        await eventually(lambda: client.received.endswith(b"number"), "the echo")

        tally = relays.tally()
        assert (tally.connections, tally.connections_total) == (1, 1)
        assert (tally.bytes_to_host, tally.bytes_to_client) == (26, 26)
        assert [view.bytes_to_host for view in relays.ledger.clients()] == [26]
        client.channel.close()
        await relays.settled()


async def test_a_client_that_says_too_little_to_be_known_is_counted_at_its_end(
    relays: Rig, dial: Any
) -> None:
    relays.watch.recognition.expect(Service.NFS, CLIENT, XID)
    async with serving(echo) as service:
        await relays.carry(service.port)
        client = await dial()
        client.channel.write(b"hello")
        await eventually(lambda: bytes(client.received) == b"hello", "the echo")
        client.channel.abort()
        await relays.settled()

    tally = relays.tally()
    assert (tally.connections, tally.connections_total) == (0, 1)
    assert (tally.bytes_to_host, tally.bytes_to_client) == (5, 5)


async def test_a_request_without_an_answer_is_no_quiet_moment(relays: Rig, dial: Any) -> None:
    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(100):
            if request == b"go":
                writer.write(b"answer")

    async with serving(answer_once) as service:
        await relays.carry(service.port)
        client = await dial()
        (one,) = relays.relayed
        client.channel.write(b"call")
        await eventually(lambda: relays.tally().bytes_to_host == 4, "the call")
        await asyncio.sleep(0.05)
        assert one.quiet_s(time.monotonic()) == 0.0

        client.channel.write(b"go")
        await eventually(lambda: client.received, "the answer")
        await asyncio.sleep(0.05)
        assert one.quiet_s(time.monotonic()) >= 0.05
        client.channel.close()
    await relays.settled()


async def test_a_socket_of_the_host_has_no_delay(relays: Rig, dial: Any) -> None:
    async with serving(echo) as service:
        await relays.carry(service.port)
        client = await dial()
        (one,) = relays.relayed
        assert one._transport is not None
        sock: socket.socket = one._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        client.channel.close()
    await relays.settled()
