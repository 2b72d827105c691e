"""A gateway inside the test's own process: an asyncssh server without any sockets of its forwards.

A test opens forwarded-tcpip channels itself and so decides about every byte, window and close of a
client. What real sshd does differently is tested with real sshd.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh

from tests.support.ports import LOOPBACK


class Client(asyncssh.SSHTCPSession[bytes]):
    """A client's connection, at the gateway's end.

    Attributes:
        received: what came back.
        ended: whether the other side said that no more will come.
        gone: done when the channel is closed.
    """

    channel: "asyncssh.SSHTCPChannel[bytes]"

    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = False
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._room = asyncio.Event()
        self._room.set()

    def connection_made(self, chan: "asyncssh.SSHTCPChannel[bytes]") -> None:
        self.channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        del datatype
        self.received += data

    def eof_received(self) -> bool:
        self.ended = True
        return True

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if not self.gone.done():
            self.gone.set_result(None)

    @property
    def stuck(self) -> bool:
        """Whether the window is used up and more waits to be sent."""
        return not self._room.is_set()

    async def send(self, data: bytes) -> None:
        """Send, waiting while there is no room."""
        await self._room.wait()
        self.channel.write(data)


class Listener(asyncssh.SSHListener):
    """A granted forward that binds nothing."""

    def close(self) -> None:
        pass

    async def wait_closed(self) -> None:
        pass


Grant = Callable[[str, int], bool | Awaitable[bool]]
Dial = Callable[["Connection", str, int], "Awaitable[asyncssh.SSHTCPSession[bytes]]"]


class Connection(asyncssh.SSHServer):
    """The gateway's end of one SSH connection."""

    def __init__(self, gateway: "GatewayStandIn") -> None:
        self.gateway = gateway
        self.granted: list[tuple[str, int]] = []
        self.ssh: asyncssh.SSHServerConnection
        self.gone = False

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.ssh = conn
        self.gateway.connections.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.gone = True

    def begin_auth(self, username: str) -> bool:
        del username
        return self.gateway.wants_key

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        del username
        return key.export_public_key().split()[1] in self.gateway.authorized

    def public_key_auth_supported(self) -> bool:
        return True

    async def server_requested(
        self, listen_host: str, listen_port: int
    ) -> asyncssh.SSHListener | bool:
        granted = self.gateway.grant(listen_host, listen_port)
        if not isinstance(granted, bool):
            granted = await granted
        if granted:
            self.granted.append((listen_host, listen_port))
        return Listener() if granted else False

    def connection_requested(self, dest_host: str, dest_port: int, *_: Any) -> Any:
        return self.gateway.dial(self, dest_host, dest_port)

    async def client(
        self,
        address: str,
        port: int,
        origin: tuple[str, int] = ("10.9.8.7", 700),
        *,
        session: type[Client] = Client,
        **options: Any,
    ) -> Client:
        """A client dials one of the forwards.

        Raises:
            asyncssh.ChannelOpenError: the host did not take it.
        """
        _, made = await self.ssh.create_connection(
            session, address, port, *origin, encoding=None, **options
        )
        assert isinstance(made, Client)
        return made


class End(Client):
    """One end of a connection that the gateway hands on: what comes goes out at the other end."""

    def __init__(self) -> None:
        super().__init__()
        self.other: End | None = None

    def join(self, other: "End") -> None:
        """Hand on to ``other`` from now on, and what has come so far."""
        self.other = other
        if self.received:
            other.channel.write(bytes(self.received))
        if self.ended:
            other.channel.write_eof()
        if self.gone.done():
            other.channel.close()

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        super().data_received(data, datatype)
        if self.other is not None:
            self.other.channel.write(data)

    def eof_received(self) -> bool:
        if self.other is not None:
            self.other.channel.write_eof()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.other is not None:
            self.other.channel.close()


def handing_on(
    originator: str | None = None,
    listen: str | None = None,
    *,
    after: Awaitable[object] | None = None,
) -> Dial:
    """A direct-tcpip that meets our own forward, as sshd does it: accepted, then handed on.

    Args:
        originator: where the connection comes from, at the forward; by default what was dialled.
        listen: the forward's address; by default what was dialled.
        after: what is waited for before it is handed on.
    """

    async def dial(connection: Connection, address: str, port: int) -> Client:
        near = End()

        async def hand_on() -> None:
            if after is not None:
                await after
            try:
                far = await connection.client(
                    listen or address, port, (originator or address, 40000), session=End
                )
            except asyncssh.ChannelOpenError:
                near.channel.close()
                return
            assert isinstance(far, End)
            near.join(far)
            far.join(near)

        connection.gateway.tasks.add(asyncio.create_task(hand_on()))
        return near

    return dial


class GatewayStandIn:
    """An asyncssh server; every answer of it can be replaced.

    Attributes:
        grant: whether a forward is granted.
        dial: what a direct-tcpip request meets.
        wants_key: whether a login needs a key.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.identity = folder / "id"
        self.known_hosts = folder / "known_hosts"
        self.authorized = {_write_key(self.identity).split()[1].encode()}
        self._host_key = folder / "host_key"
        self._public = _write_key(self._host_key)
        self.port = 0
        self.connections: list[Connection] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.grant: Grant = lambda _host, _port: True
        self.dial: Dial = handing_on()
        self.wants_key = False
        self.options: dict[str, Any] = {}
        self._server: asyncssh.SSHAcceptor | None = None

    async def start(self) -> None:
        self._server = await asyncssh.create_server(
            lambda: Connection(self),
            LOOPBACK,
            self.port,
            server_host_keys=[str(self._host_key)],
            **self.options,
        )
        self.port = self._server.get_port()
        self.known_hosts.write_text(f"[{LOOPBACK}]:{self.port} {self._public}\n")

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for connection in self.connections:
                connection.ssh.abort()
            async with asyncio.timeout(5):
                await self._server.wait_closed()
                for connection in self.connections:
                    await connection.ssh.wait_closed()
            self._server = None
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def _write_key(path: Path) -> str:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(path))
    return key.export_public_key().decode().strip()


@asynccontextmanager
async def gateway_stand_in(folder: Path, **options: Any) -> AsyncIterator[GatewayStandIn]:
    """A gateway for the length of a block; ``options`` go to asyncssh."""
    gateway = GatewayStandIn(folder)
    gateway.options = options
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()
