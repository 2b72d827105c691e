"""A userspace TCP proxy with faults, as Docker Desktop's in front of a published port.

It accepts and acknowledges by itself, whatever the gateway behind it does. Runs as a process of
its own (``proxy_process.py LISTEN_PORT TARGET TARGET_PORT CONTROL_SOCKET``) and imports nothing of
the tests; ``tests/bed/proxy.py`` speaks to it, one JSON object a line.
"""

import asyncio
import json
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

_CHUNK = 65536
_IN_FLIGHT = 64  # chunks delayed at once, per direction


@dataclass
class Faults:
    """What is wrong now.

    Attributes:
        latency_s: added to every byte, in each direction; order and throughput are kept.
        blackhole: nothing is passed on, in either direction, nor the end of a stream.
    """

    latency_s: float = 0.0
    blackhole: bool = False


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: a zero linger time (socket(7))."""
    if (sock := writer.get_extra_info("socket")) is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Pair:
    """One connection and its twin towards the gateway."""

    def __init__(self, proxy: "Proxy", client: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.client = client
        self.upstream: asyncio.StreamWriter | None = None
        self.half_open = False
        self.stranded = False

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Carry both directions until both have ended."""
        try:
            up_reader, self.upstream = await asyncio.open_connection(*self.proxy.target)
        except OSError:
            self.client.close()  # accepted first, closed when nothing is behind: as Docker does
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, self.upstream))
                group.create_task(self._carry(up_reader, self.client))
        except* OSError:
            if not self.stranded:
                self.reset()
        finally:
            if not self.half_open:
                self.client.close()
            if not self.stranded:
                self.upstream.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_IN_FLIGHT)

        async def deliver() -> None:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                await self.proxy.clear.wait()
                if self.half_open or self.stranded:
                    continue
                if not data:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return
                writer.write(data)
                self.proxy.carried += len(data)
                await writer.drain()

        async with asyncio.TaskGroup() as group:
            group.create_task(deliver())
            data = b"-"
            while data:
                data = await reader.read(_CHUNK)
                await queue.put((loop.time() + self.proxy.faults.latency_s, data))

    def reset(self) -> None:
        """RST towards both ends."""
        _reset(self.client)
        if self.upstream is not None:
            _reset(self.upstream)

    def forget_gateway(self) -> None:
        """End the gateway's side only; the client's stays open and silent."""
        self.half_open = True
        if self.upstream is not None:
            _reset(self.upstream)

    def strand(self) -> None:
        """Pass nothing on any more, in either direction, nor the end of either side."""
        self.stranded = True


class Proxy:
    """The listener, its pairs and the faults of the moment."""

    def __init__(self, port: int, target: tuple[str, int]) -> None:
        self.port = port
        self.target = target
        self.faults = Faults()
        self.clear = asyncio.Event()
        self.clear.set()
        self.carried = 0
        self.pairs: set[Pair] = set()
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Accept again, after :meth:`refuse` or for the first time."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def refuse(self) -> None:
        """Listen no more; connections that stand go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = Pair(self, writer)
        self.pairs.add(pair)
        try:
            with suppress(ConnectionError):
                await pair.run(reader)
        finally:
            if not pair.half_open and not pair.stranded:
                self.pairs.discard(pair)

    async def obey(self, request: dict[str, object]) -> dict[str, object]:
        """Carry out one request; returns how things stand."""
        match request:
            case {"set": "latency_s", "value": float() | int() as seconds}:
                self.faults.latency_s = float(seconds)
            case {"set": "blackhole", "value": bool() as on}:
                self.faults.blackhole = on
                (self.clear.clear if on else self.clear.set)()
            case {"do": "refuse"}:
                self.refuse()
            case {"do": "listen"}:
                await self.listen()
            case {"do": "reset_all"}:
                self._each(Pair.reset)
            case {"do": "half_open"}:
                self._each(Pair.forget_gateway)
            case {"do": "strand"}:
                self._each(Pair.strand)
            case {"do": "report"}:
                pass
            case _:
                return {"error": f"unknown request {request}"}
        return {**asdict(self.faults), "connections": len(self.pairs), "carried": self.carried}

    def _each(self, act: Callable[[Pair], None]) -> None:
        for pair in list(self.pairs):
            act(pair)

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the control socket."""
        while line := await reader.readline():
            writer.write(json.dumps(await self.obey(json.loads(line))).encode() + b"\n")
            await writer.drain()
        writer.close()


async def main(port: str, target: str, target_port: str, control: str) -> None:
    """Run until ended by a signal."""
    proxy = Proxy(int(port), (target, int(target_port)))
    await proxy.listen()
    server = await asyncio.start_unix_server(proxy.control, control)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
