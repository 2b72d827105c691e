"""TCP services on loopback that behave in one way each: what a relay dials on the host."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from tests.support.ports import LOOPBACK

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class HostService:
    """A listening service.

    Attributes:
        port: where it listens.
        accepted: connections taken so far.
        open: those that stand now.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._server: asyncio.Server | None = None
        self._writers: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self.port = 0
        self.accepted = 0

    @property
    def open(self) -> int:
        return len(self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._writers[writer] = task
        try:
            with suppress(OSError, asyncio.CancelledError):
                await self._behaviour(reader, writer)
        finally:
            del self._writers[writer]
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    def hang_up(self) -> None:
        """End what stands, and go on listening."""
        for task in self._writers.values():
            task.cancel()

    async def stop(self) -> None:
        """Stop listening and end what stands."""
        if self._server is not None:
            self._server.close()
            for writer, task in tuple(self._writers.items()):
                writer.transport.abort()
                task.cancel()
            async with asyncio.timeout(5):
                while self._writers:  # noqa: ASYNC110  # the streams tell by no event
                    await asyncio.sleep(0.005)
                await self._server.wait_closed()
            self._server = None


@asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[HostService]:
    """A service for the length of a block."""
    service = HostService(behaviour)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes, until the end of it."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def absorb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read everything, answer nothing."""
    del writer
    while await reader.read(65536):
        pass


async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, and never read nor write: a hung server."""
    del reader
    transport = writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    await asyncio.get_running_loop().create_future()


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Write for ever."""
    del reader
    chunk = bytes(65536)
    while True:
        writer.write(chunk)
        await writer.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST (socket(7), SO_LINGER with no time)."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
