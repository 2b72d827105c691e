"""What a Mac's kernel does before its nfsd sees a connection: a stand-in, for there is no Mac here.

It accepts at the port of NFS whoever comes, and closes at once unless an export admits his address
(XNU's nfssvc_addsock asks nfsrv_check_exports_allow_address; nfsd's accepting thread closes).
The exports are read when it starts, and again when it is told so: `nfsd update` of nfsd(8), a
SIGHUP here. Who is let through goes to a real server at another port.

Runs as a process of its own, and imports nothing of the tests:
``mac_kernel.py LISTEN_PORT SERVER_PORT EXPORTS``.
"""

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

_CHUNK = 65536


class Kernel:
    """The listener, and whom it lets through."""

    def __init__(self, server_port: int, exports: Path) -> None:
        self.server_port = server_port
        self.exports = exports
        self.read()

    def read(self) -> None:
        """Read the exports: does a line of exports(5) of macOS name this host?"""
        lines = self.exports.read_text(encoding="utf-8").splitlines()
        self.admits_host = any({"localhost", "127.0.0.1"} & set(line.split()[1:]) for line in lines)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: all who come here come from this host."""
        if not self.admits_host:
            writer.close()
            return
        with suppress(OSError):
            there = await asyncio.open_connection("127.0.0.1", self.server_port)
            await asyncio.gather(_carry(reader, there[1]), _carry(there[0], writer))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main(port: str, server_port: str, exports: str) -> None:
    """Run until ended by a signal."""
    kernel = Kernel(int(server_port), Path(exports))
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, kernel.read)
    server = await asyncio.start_server(kernel.accept, "127.0.0.1", int(port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
