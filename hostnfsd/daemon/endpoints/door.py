"""Lets TCP clients in to a server, never more than so many at a time.

Whoever connects and says nothing costs a descriptor, and those are needed for the clients' file
systems. When the room is full the one who came first leaves: a scrape that begins now is worth more
than a connection that has been held for long.
"""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from typing import Final

#: Scrapers, a browser and a readiness check need a few.
MOST: Final = 32
#: Seconds a TLS handshake may take.
_HANDSHAKE_S: Final = 5.0
#: Seconds until the next attempt when descriptors or memory are short (accept(2)).
_SHORT_S: Final = 1.0
_SHORT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Door:
    """One listening socket.

    Args:
        listener: listening, not blocking.
        serve: makes the protocol of one connection.
        tls: for TLS.
        most: connections at a time.
    """

    def __init__(
        self,
        listener: socket.socket,
        serve: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        most: int = MOST,
    ) -> None:
        self._listener = listener
        self._serve = serve
        self._tls = tls
        self._most = most
        #: In the order in which they came.
        self._inside: list[socket.socket] = []

    async def run(self) -> None:
        """Let in until cancelled. Who is inside then stays, but for those who shake hands."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    accepted, _ = await loop.sock_accept(self._listener)
                except OSError as exc:
                    # Anything else is about one client who has left already.
                    await asyncio.sleep(_SHORT_S if exc.errno in _SHORT else 0)
                    continue
                self._make_room()
                self._inside.append(accepted)
                group.create_task(self._let_in(accepted), name="endpoints client")

    def _make_room(self) -> None:
        self._inside = [each for each in self._inside if each.fileno() != -1]
        while len(self._inside) >= self._most:
            with contextlib.suppress(OSError):
                # Its transport, or its handshake, comes to its end by that and closes it.
                self._inside.pop(0).shutdown(socket.SHUT_RDWR)

    async def _let_in(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        patience = None if self._tls is None else _HANDSHAKE_S
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._serve, accepted, ssl=self._tls, ssl_handshake_timeout=patience
            )
        except BaseException as exc:
            accepted.close()
            if not isinstance(exc, Exception):
                raise
            # Has left, or speaks no TLS: whatever it was, it is about one client.
