"""The command of a ProxyJump or ProxyCommand: run with one end of a socket pair, and listened to.

What it says on its standard error is often the only word about why a gateway cannot be reached.
"""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

#: Bytes kept of what the command said last: a session may last a year.
_KEPT: Final = 2000
#: Seconds after its end in which the last of it is read.
_LAST_WORDS_S: Final = 0.2


class ProxyCommand:
    """One run of it. Made by :meth:`start`."""

    def __init__(self, transport: asyncio.SubprocessTransport, listener: "_Listener") -> None:
        self._transport = transport
        self._listener = listener

    @classmethod
    async def start(cls, argv: Sequence[str]) -> tuple["ProxyCommand", socket.socket]:
        """Run it.

        Returns:
            The command, and our end of its standard input and output.

        Raises:
            OSError: it cannot be run.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            with theirs:
                end = theirs.fileno()
                transport, listener = await loop.subprocess_exec(
                    _Listener, *argv, stdin=end, stdout=end, stderr=asyncio.subprocess.PIPE
                )
        except BaseException:
            ours.close()
            raise
        return cls(transport, listener), ours

    def end(self) -> None:
        """Ask it to end, if it has not."""
        if self._transport.get_returncode() is None:
            with suppress(ProcessLookupError):
                self._transport.terminate()

    async def wait(self) -> None:
        """Wait until it has ended and all that it said was read."""
        await asyncio.wait((self._listener.ended,))

    @property
    def said(self) -> str:
        """What it has said last on its standard error."""
        return self._listener.said.decode("utf-8", "replace").strip()


class _Listener(asyncio.SubprocessProtocol):
    """Keeps what the command says."""

    def __init__(self) -> None:
        self.said = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        del fd  # there is one pipe
        self.said = (self.said + data)[-_KEPT:]

    def process_exited(self) -> None:
        # A child of the command's own, such as the master of a ControlPersist, may hold its end of
        # the pipe for hours.
        asyncio.get_running_loop().call_later(_LAST_WORDS_S, self._let_go)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._let_go()
        if not self.ended.done():
            self.ended.set_result(None)

    def _let_go(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()
