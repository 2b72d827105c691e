"""The TCP connection under the SSH session, owned by us instead of by asyncssh.

asyncssh takes any object with ``create_connection`` as its ``tunnel``. Owning the transport gives
what asyncssh does not offer (its ``pause_writing`` does nothing, so that one stalled gateway could
make us buffer 2 MiB for each open connection): back-pressure from the socket to every relay, a
bound on how much one read hands to the packet parser (its cost grows with the square of the
backlog), the socket options, and sshd's words when it turns us away.

A proxy command gets the same treatment: see :mod:`hostnfsd.daemon.ssh.proxy_command`.
"""

import asyncio
import re
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, cast

import asyncssh
from aiohappyeyeballs import start_connection
from asyncssh.constants import MSG_IGNORE
from asyncssh.packet import String

from hostnfsd.daemon.ssh.proxy_command import ProxyCommand
from hostnfsd.dial.patience import within

#: Bytes waiting in the SSH socket's buffer at which relays stop reading, and read again.
_HIGH_WATER: Final = 256 * 1024
_LOW_WATER: Final = 64 * 1024
#: asyncssh copies what is left of its input for every packet: feed it in slices.
_SLICE: Final = 64 * 1024
#: Seconds a proxy command that was told to end has to do so, and to say why it could not work.
_COMPLAINT_S: Final = 1.0
#: Seconds an address has before the next is tried beside it (RFC 8305, section 5).
_NEXT_ADDRESS_S: Final = 0.25
#: Bytes kept of what comes before the SSH banner.
_GREETING_MOST: Final = 512
#: RFC 4253 section 4.2. A web server repeats our own banner, amid its line.
_BANNER: Final = re.compile(rb"^SSH-", re.MULTILINE)
#: Silence, spacing and count of the kernel's own keepalive: a second line behind SSH's.
_TCP_KEEPALIVE_S: Final = (10, 5, 3)
#: macOS <netinet/tcp.h>: TCP_KEEPALIVE (idle seconds) and TCP_RXT_CONNDROPTIME (seconds a sent
#: byte may stay unacknowledged); Python names neither.
_DARWIN_TCP_KEEPALIVE: Final = 0x10
_DARWIN_TCP_RXT_CONNDROPTIME: Final = 0x80

Factory = Callable[[], asyncssh.SSHClientConnection]


class Wire:
    """What asyncssh is given as ``tunnel``: it dials, once.

    Args:
        proxy: command whose standard input and output lead to the gateway; None to dial TCP.
        unacknowledged_s: seconds after which unacknowledged bytes end the connection.
        on_congestion: told True when the socket's buffer is full, False when it has drained.
    """

    def __init__(
        self,
        *,
        proxy: Sequence[str] | None,
        unacknowledged_s: float,
        on_congestion: Callable[[bool], None],
    ) -> None:
        self._proxy = proxy
        self._unacknowledged_s = unacknowledged_s
        self._on_congestion = on_congestion
        self._command: ProxyCommand | None = None
        self._line: _Line | None = None
        self._socket: socket.socket | None = None
        #: Whether the host's address is being asked for.
        self.resolving = False

    @property
    def greeting(self) -> bytes:
        """What the peer wrote before an SSH banner, if it wrote anything else."""
        return b"" if self._line is None else self._line.greeting

    @property
    def banner(self) -> bool:
        """Whether the peer has shown an SSH banner."""
        return self._line is not None and self._line.banner

    async def create_connection(
        self, factory: Factory, host: str, port: int
    ) -> tuple[asyncio.Transport, asyncssh.SSHClientConnection]:
        """Dial, and put the SSH connection that ``factory`` makes on top (asyncssh calls this)."""
        connection = factory()
        # asyncssh does not close a tunnel that it was given ready-made.
        self._line = line = _Line(connection, self._on_congestion, on_end=self.close)
        loop = asyncio.get_running_loop()
        if self._proxy is None:
            ours = await self._dial(host, port)
        else:
            self._command, ours = await ProxyCommand.start(self._proxy)
        transport, _ = await loop.create_connection(lambda: line, sock=ours)
        transport.set_write_buffer_limits(high=_HIGH_WATER, low=_LOW_WATER)
        self._socket = transport.get_extra_info("socket")
        self.tune(self._unacknowledged_s)
        return transport, connection

    async def _dial(self, host: str, port: int) -> socket.socket:
        """A connection to the first of the host's addresses that answers (RFC 8305).

        One after the other, as asyncio does it, an address that swallows what it is sent would take
        all the time there is: a name with an IPv6 address that leads nowhere could never be
        reached.
        """
        # It stays so where we are cancelled: whoever waited in vain may ask for what.
        self.resolving = True
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        self.resolving = False
        return await start_connection(found, happy_eyeballs_delay=_NEXT_ADDRESS_S)

    def acknowledge_at_once(self, on: bool) -> None:
        """Whether to send a few bytes for each read, which carry the acknowledgement of it.

        sshd before 10.1 sets TCP_NODELAY only once a session channel is open. Until then its
        second small packet waits for the acknowledgement of its first, which a kernel may delay by
        40 ms, and a userspace proxy in between hides that from any option of our own socket.
        """
        if self._line is not None:
            self._line.eager = on

    def tune(self, unacknowledged_s: float) -> None:
        """Set the socket's options, also on a connection that stands."""
        if self._socket is not None:
            tune(self._socket, unacknowledged_s)

    def close(self) -> None:
        """End the proxy command, if there is one; forget the socket."""
        self._socket = None
        if self._command is not None:
            self._command.end()

    async def wait_closed(self) -> None:
        """Reap the proxy command, if there is one."""
        if self._command is not None:
            await self._command.wait()

    async def complaint(self) -> str | None:
        """What the proxy command said last; None where there is none. Call it when closed."""
        if self._command is None:
            return None
        with suppress(TimeoutError):
            async with within(_COMPLAINT_S):
                await self._command.wait()
        return self._command.said


class _Line(asyncio.Protocol):
    """Hands the transport's events on to the SSH connection."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        on_congestion: Callable[[bool], None],
        on_end: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._on_congestion = on_congestion
        self._on_end = on_end
        self._before_banner = True
        self.greeting = b""
        self.banner = False
        self.eager = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connection.connection_made(cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        if self._before_banner:
            self._listen_for_banner(data)
        self._pass_on(data)
        if self.eager and not self._connection.is_closed():
            self._connection.send_packet(MSG_IGNORE, String(b""))

    def _pass_on(self, data: bytes) -> None:
        if len(data) <= _SLICE:
            self._connection.data_received(data)
            return
        view = memoryview(data)
        for start in range(0, len(data), _SLICE):
            self._connection.data_received(bytes(view[start : start + _SLICE]))

    def _listen_for_banner(self, data: bytes) -> None:
        self.greeting = (self.greeting + data)[:_GREETING_MOST]
        found = _BANNER.search(self.greeting)
        if found is not None or len(self.greeting) == _GREETING_MOST:
            self._before_banner = False
        if found is not None:
            self.banner = True
            self.greeting = self.greeting[: found.start()]

    def eof_received(self) -> None:
        self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_congestion(False)
        self._on_end()
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        self._on_congestion(True)

    def resume_writing(self) -> None:
        self._on_congestion(False)


def tune(sock: socket.socket, unacknowledged_s: float) -> None:
    """Make the kernel notice a dead path while we are sending, where SSH's keepalive is blind.

    Linux: TCP_USER_TIMEOUT (tcp(7)); macOS: TCP_RXT_CONNDROPTIME. Not run on a Mac.
    """
    if sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    idle, spacing, count = _TCP_KEEPALIVE_S
    options: list[tuple[int, int]] = [(socket.TCP_NODELAY, 1)]
    if sys.platform == "linux":
        options += [
            (socket.TCP_USER_TIMEOUT, round(unacknowledged_s * 1000)),
            (socket.TCP_KEEPIDLE, idle),
            (socket.TCP_KEEPINTVL, spacing),
            (socket.TCP_KEEPCNT, count),
        ]
    elif sys.platform == "darwin":
        options += [
            (_DARWIN_TCP_RXT_CONNDROPTIME, max(1, round(unacknowledged_s))),
            (_DARWIN_TCP_KEEPALIVE, idle),
        ]
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in options:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
