"""One SSH session with a gateway: dialled, authenticated, asked for forwards, surveyed, ended.

Every request to the gateway has a deadline. One that runs out ends the session: the request was
sent, the gateway may still grant it, and nobody would own what it granted.
"""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncssh
import structlog

from hostnfsd.config.model import Gateway, Tunnel
from hostnfsd.daemon.relay.intake import Accept
from hostnfsd.daemon.relay.relay import WINDOW
from hostnfsd.daemon.ssh import alias as aliases
from hostnfsd.daemon.ssh import faults, keys, seams
from hostnfsd.daemon.ssh.channel_stream import ChannelStream
from hostnfsd.daemon.ssh.commands import Commands, HangingError, NoOutputError
from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.daemon.ssh.host_keys import KnownHosts, known_hosts
from hostnfsd.daemon.ssh.requests import Requests
from hostnfsd.daemon.ssh.wire import Wire
from hostnfsd.dial.patience import within
from hostnfsd.readable import duration
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel import gateway as survey
from hostnfsd.tunnel.failure import Failure
from hostnfsd.tunnel.forward import Spec
from hostnfsd.tunnel.gateway import SURVEY_COMMAND, Survey
from hostnfsd.tunnel.own_session import SessionProcess
from hostnfsd.tunnel.ssh_config import Alias, proxy_argv

#: AES-GCM first: on processors with AES instructions it costs half of what chacha20 does.
_CIPHERS: Final = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes128-ctr",
)
#: Each rekey stops the traffic for a moment. AES-GCM's 64-bit invocation counter and 2**32 blocks
#: (RFC 4344 section 3.2: 64 GiB) leave room; sshd starts its own where its cipher needs it.
_REKEY_BYTES: Final = "16G"
#: Seconds a granted request may take; a gateway that needs longer is as good as gone.
REQUEST_TIMEOUT_S: Final = 10.0
#: Seconds the survey may take: nothing waits for it.
_SURVEY_TIMEOUT_S: Final = 5.0
#: Debug messages kept between a request and its answer; sshd sends one or two.
_DEBUG_TEXTS_MOST: Final = 32
#: Seconds to say good-bye.
_CLOSE_TIMEOUT_S: Final = 2.0

_log: Final = structlog.stdlib.get_logger("hostnfsd.ssh")


class _Client(asyncssh.SSHClient):
    """asyncssh's callbacks. None may raise: that would end the connection with our own error."""

    def __init__(self, known: KnownHosts) -> None:
        self._known = known
        self.debug_texts: deque[str] = deque(maxlen=_DEBUG_TEXTS_MOST)
        self.lost: asyncio.Future[Failure] = asyncio.get_running_loop().create_future()
        self.on_lost: Callable[[], None] = lambda: None

    def debug_msg_received(self, msg: str, lang: str, always_display: bool) -> None:
        del lang, always_display
        self.debug_texts.append(msg)

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        del host, addr, port
        return self._known.judge(key)

    def connection_lost(self, exc: Exception | None) -> None:
        self.on_lost()
        if not self.lost.done():
            self.lost.set_result(faults.of_loss(exc))


class Session:
    """An authenticated connection. Made by :func:`connect`.

    Attributes:
        alias: what was dialled.
        process: what carries it on the gateway; None until a survey tells.
        listeners: what the gateway granted.
    """

    def __init__(
        self, connection: asyncssh.SSHClientConnection, client: _Client, wire: Wire, alias: Alias
    ) -> None:
        self._connection = connection
        self._client = client
        self._wire = wire
        self._requests = Requests()
        self._commands = Commands(connection, self._requests)
        self._hangs = False
        self._surveying: asyncio.Task[Survey | None] | None = None
        self._turn = asyncio.Lock()
        self.alias = alias
        self.process: SessionProcess | None = None
        self.listeners: dict[Spec, asyncssh.SSHListener] = {}

    @property
    def host_key(self) -> str:
        """Fingerprint of the key that the gateway proved to have, ``SHA256:…``."""
        key = self._connection.get_server_host_key()
        return "" if key is None else key.get_fingerprint()

    @property
    def software(self) -> str:
        """What the gateway calls its sshd (RFC 4253 section 4.2), such as ``OpenSSH_9.2p1``."""
        told = str(self._connection.get_extra_info("server_version", ""))
        return told.removeprefix("SSH-2.0-")

    @property
    def over(self) -> bool:
        """Whether the session has ended."""
        return self._client.lost.done() or self._connection.is_closed()

    async def lost(self) -> Failure:
        """Wait for the end of the session; why it ended."""
        await asyncio.wait((self._client.lost,))
        return self._client.lost.result()

    def fail(self, failure: Failure) -> None:
        """End the session at once, for a reason of ours."""
        if not self._client.lost.done():
            self._client.lost.set_result(failure)
        self._connection.abort()

    async def listen(self, spec: Spec, accept: Accept) -> tuple[bool, tuple[str, ...]]:
        """Ask for one listener.

        Args:
            spec: what to bind.
            accept: the factory for its connections.

        Returns:
            Whether it was granted, and the debug messages that came with the answer.
        """
        # One request at a time: policy texts carry no request's name, only their moment.
        async with self._turn:
            self._client.debug_texts.clear()
            try:
                async with self._deadline(f"the request to listen for {spec}"):
                    listener = await self._requests.to_the_end(
                        self._ask(spec, accept), lambda granted: granted.close()
                    )
            except asyncssh.ChannelListenError:
                if self.over:
                    raise TunnelFailureError(await self.lost()) from None
                return False, tuple(self._client.debug_texts)
            self.listeners[spec] = listener
            return True, tuple(self._client.debug_texts)

    async def _ask(self, spec: Spec, accept: Accept) -> asyncssh.SSHListener:
        return await self._connection.create_server(
            accept, spec.listen, spec.port, encoding=None, window=WINDOW
        )

    async def unlisten(self, spec: Spec) -> None:
        """Give one listener back; its connections live on."""
        listener = self.listeners.pop(spec, None)
        if listener is None or self.over:
            return
        async with self._turn, self._deadline(f"the request to end {spec}"):
            listener.close()
            await listener.wait_closed()

    async def survey(self) -> Survey | None:
        """Run the survey command; None where the gateway runs none, or one that hangs.

        It also makes sshd before 10.1 set TCP_NODELAY on the connection, which it does only for a
        session channel: without it, small requests wait 40 ms for delayed acknowledgements.
        """
        # Forwards that are refused together ask together: one answer does for all of them.
        if self._surveying is None:
            self._surveying = asyncio.get_running_loop().create_task(self._survey())
        task = self._surveying
        await asyncio.wait((task,))
        if self._surveying is task:
            self._surveying = None
        return task.result()

    async def output(self, command: str, within_s: float) -> str | None:
        """What a command prints on the gateway; None where it runs none, or one that hangs."""
        try:
            return await self._commands.output(command, within_s)
        except NoOutputError:
            return None

    async def _survey(self) -> Survey | None:
        if self._hangs:
            return None
        try:
            text = await self._commands.output(SURVEY_COMMAND, _SURVEY_TIMEOUT_S)
        except HangingError:
            # sshd keeps the channel until the command ends, and has ten of them (MaxSessions).
            self._hangs = True
            return None
        except NoOutputError:
            return None
        finally:
            self._wire.acknowledge_at_once(False)
        found = survey.read_survey(text)
        self.process = found.process or self.process
        return found if found.uid is not None else None

    async def dial_from_gateway(self, address: str, port: int) -> ChannelStream:
        """Let the gateway dial an address of its own.

        Raises:
            asyncssh.ChannelOpenError: if it could not, or may not.
        """
        return await self._requests.to_the_end(
            self._dial_from_gateway(address, port), lambda late: late.close()
        )

    async def _dial_from_gateway(self, address: str, port: int) -> ChannelStream:
        return ChannelStream(*await self._connection.open_connection(address, port, encoding=None))

    async def answers(self, within_s: float) -> bool:
        """Whether the gateway answers a keepalive request in time."""
        try:
            async with within(within_s):
                await self._requests.to_the_end(
                    seams.keepalive(self._connection), lambda _none: None
                )
        except TimeoutError:
            return False
        return not self.over

    async def prove(self, within_s: float, asleep_s: float) -> None:
        """End the session unless the gateway still answers after a sleep of this machine."""
        if not await self.answers(within_s) and not self.over:
            text = f"the gateway does not answer since this machine slept for {duration(asleep_s)}"
            self.fail(Failure(FailureKind.KEEPALIVE, text))

    def watch_keepalives(self, observe: Callable[[float], None]) -> None:
        """Report the round-trip time of each keepalive, in seconds."""
        seams.time_keepalives(self._connection, observe)

    def set_keepalive(self, tunnel: Tunnel) -> None:
        """Take over changed ``[tunnel] keepalive_*`` settings."""
        self._connection.set_keepalive(tunnel.keepalive_interval_s, tunnel.keepalive_count_max)
        self._wire.tune(silence_s(tunnel))

    def on_lost(self, callback: Callable[[], None]) -> None:
        """Call back, synchronously, at the moment the session ends."""
        self._client.on_lost = callback

    @asynccontextmanager
    async def _deadline(self, what: str) -> AsyncIterator[None]:
        try:
            async with within(REQUEST_TIMEOUT_S):
                yield
        except TimeoutError:
            failure = Failure(
                FailureKind.KEEPALIVE,
                f"the gateway left {what} unanswered for {REQUEST_TIMEOUT_S:g} s",
            )
            self.fail(failure)
            raise TunnelFailureError(failure) from None

    async def close(self) -> None:
        """Say good-bye, but not for long."""
        self._connection.close()
        try:
            async with within(_CLOSE_TIMEOUT_S):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()


async def connect(
    name: str,
    gateway: Gateway,
    tunnel: Tunnel,
    *,
    on_congestion: Callable[[bool], None],
    dialling: Callable[[Alias], None],
    agent_holds: Callable[[keys.Held], None],
) -> Session:
    """Resolve, dial and authenticate.

    Args:
        name: of the gateway's table: an alias of ssh_config.
        gateway: its table.
        tunnel: ``[tunnel]``.
        on_congestion: told when the socket's buffer is full and when it has drained.
        dialling: told what the name resolved to.
        agent_holds: told what the agent held when it was asked for keys to offer.

    Raises:
        TunnelFailureError: whatever goes wrong.
    """
    alias = await aliases.resolve(name, gateway)
    where = str(alias)
    dialling(alias)
    agent = keys.agent_socket(alias.identity_agent, os.environ)
    ring = keys.collect(
        alias.identity_files,
        named=not alias.default_identities,
        only=alias.identities_only,
        agent=agent,
        environ=os.environ,
    )
    known = known_hosts(alias, gateway.host_key_policy)
    wire = Wire(
        proxy=proxy_argv(alias, aliases.config_arguments(gateway)),
        unacknowledged_s=silence_s(tunnel),
        on_congestion=on_congestion,
    )
    client = _Client(known)
    options: dict[str, Any] = {
        "config": None,
        "tunnel": wire,
        "username": alias.user,
        "client_certs": list(alias.certificate_files) or (),
        "agent_path": None,
        "known_hosts": known.trusted,
        "server_host_key_algs": known.algorithms,
        "encryption_algs": _CIPHERS,
        "compression_algs": ["none"],
        "rekey_bytes": _REKEY_BYTES,
        "login_timeout": 0,  # connect_timeout_s has it, which counts only while we ran
        "keepalive_interval": tunnel.keepalive_interval_s,
        "keepalive_count_max": tunnel.keepalive_count_max,
        "preferred_auth": "publickey",
        "client_factory": lambda: client,
    }
    try:
        async with (
            within(tunnel.connect_timeout_s),
            keys.offered(ring, agent_holds) as offer,
        ):
            connection = await asyncssh.connect(
                alias.host, alias.port, client_keys=offer or None, **options
            )
    except Exception as exc:
        wire.close()
        failure = known.failure or faults.of_greeting(wire.greeting, where, banner=wire.banner)
        failure = failure or faults.of_connecting(
            exc,
            where,
            timeout_s=tunnel.connect_timeout_s,
            resolving=wire.resolving,
            banner=wire.banner,
        )
        if failure.kind is FailureKind.AUTH:
            failure = keys.explain_refusal(ring, failure)
        failure = faults.of_proxy(failure, await wire.complaint(), name)
        raise TunnelFailureError(failure) from exc
    except BaseException:
        wire.close()
        raise
    wire.acknowledge_at_once(True)
    seams.read_before_giving_up(connection)
    if known.accepted is not None:
        _log.warning("host_key_recorded", address=where, key=known.accepted)
    return Session(connection, client, wire, alias)


def silence_s(tunnel: Tunnel) -> float:
    """Seconds of silence after which a session is lost: asyncssh counts one more than it asks."""
    return tunnel.keepalive_interval_s * (tunnel.keepalive_count_max + 1)
