"""The relay behind real sshd: what clients and their kernels do there, on both event loops."""

import asyncio
import hashlib
import os
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from hostnfsd.daemon.relay import relay
from tests.support.conditions import eventually
from tests.support.host_services import HostService, echo, flood, ignore, reset, serving
from tests.support.ports import LOOPBACK, free_port
from tests.support.relaying import Rig, rig
from tests.support.sshd import Sshd

Story = Callable[[Rig, int], Coroutine[Any, Any, None]]


@pytest.fixture(params=["asyncio", "uvloop"])
def play(request: pytest.FixtureRequest, shared_sshd: Sshd) -> Callable[[Any, Story], None]:
    """Runs a story: a service behind sshd, on one of the loops; then nothing may be left."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run(behaviour: Any, story: Story) -> None:
        async def whole() -> None:
            async with rig(shared_sshd) as made, serving(behaviour) as service:
                port = free_port()
                await made.carry(service.port, port)
                made.service = service  # type: ignore[attr-defined]  # for stories that look at it
                async with asyncio.timeout(20):
                    await story(made, port)
                    await made.settled()

        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(whole())

    return run


def test_a_client_that_ends_first_gets_everything(play: Callable[[Any, Story], None]) -> None:
    async def story(_made: Rig, port: int) -> None:
        data = os.urandom(2_000_003)
        reader, writer = await asyncio.open_connection(LOOPBACK, port)

        async def send() -> None:
            for start in range(0, len(data), 70_001):
                writer.write(data[start : start + 70_001])
                await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        back = await reader.read()
        await sending
        writer.close()
        assert hashlib.sha256(back).digest() == hashlib.sha256(data).digest()

    play(echo, story)


def test_a_service_that_ends_first_still_hears(play: Callable[[Any, Story], None]) -> None:
    heard: list[bytes] = []

    async def talk_then_listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"greeting")
        writer.write_eof()
        heard.append(await reader.read())

    async def story(_made: Rig, port: int) -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        assert await reader.read() == b"greeting"
        writer.write(b"still here")
        writer.write_eof()
        await eventually(lambda: heard, "the service to hear it")
        writer.close()

    play(talk_then_listen, story)
    assert heard == [b"still here"]


@pytest.mark.parametrize("busy", [False, True])
def test_a_clients_reset_ends_the_services_connection(
    play: Callable[[Any, Story], None], monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    """sshd tells a reset as an end of file: an idle service is let go after LINGER_S."""
    monkeypatch.setattr(relay, "LINGER_S", 0.3)

    async def story(made: Rig, port: int) -> None:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"x")
        await eventually(lambda: made.tally().bytes_to_host == 1, "the byte")
        reset(writer)
        service: HostService = made.service  # type: ignore[attr-defined]  # set by play
        await eventually(lambda: not made.relayed, "the relay to end")
        await service.stop()

    play(flood if busy else ignore, story)


def test_a_services_reset_ends_the_clients_connection(play: Callable[[Any, Story], None]) -> None:
    async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reset(writer)

    async def story(_made: Rig, port: int) -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"x")
        assert await reader.read() == b""
        writer.close()

    play(slam, story)


def test_one_that_never_reads_leaves_the_other_its_speed(
    play: Callable[[Any, Story], None],
) -> None:
    async def on_demand(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(1) == b"f":
            await flood(reader, writer)
        else:
            await echo(reader, writer)

    async def story(made: Rig, port: int) -> None:
        stalled = socket.create_connection((LOOPBACK, port))
        stalled.sendall(b"f")
        await eventually(
            lambda: any(r._channel_full for r in made.relayed), "the window to be used up"
        )
        # OpenSSH's window is 2 MiB; the kernels of both ends keep some more.
        own = sum(r._channel._send_buf_len for r in made.relayed if r._channel)
        assert own <= relay._CHANNEL_HIGH_WATER + 256 * 1024

        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"e")
        data = bytes(1 << 20)
        for _ in range(4):
            writer.write(data)
            await reader.readexactly(len(data))
        writer.close()
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stalled.close()

    play(on_demand, story)


def test_two_hundred_clients_at_a_time(play: Callable[[Any, Story], None]) -> None:
    async def story(made: Rig, port: int) -> None:
        async def one(number: int) -> bool:
            data = number.to_bytes(2, "big") * 3000
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(data)
            writer.write_eof()
            back = await reader.read()
            writer.close()
            return back == data

        assert all(await asyncio.gather(*(one(n) for n in range(200))))
        assert made.tally().connections_total == 200

    play(echo, story)
