"""Lets clients in: the factory that asyncssh calls for each connection at one of our listeners.

asyncssh demands much of it: it must be a coroutine function (a plain one that refuses leaks its
channel), must answer within bounds (until it does, sshd cannot tell that the client has left), and
may raise nothing but ``ChannelOpenError`` (anything else ends the whole SSH connection).
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import asyncssh
import structlog

from hostnfsd.daemon.relay.circle import Circle
from hostnfsd.daemon.relay.gate import Gate, shown
from hostnfsd.daemon.relay.gateway_side import GatewaySide
from hostnfsd.daemon.relay.ledger import Ledger
from hostnfsd.daemon.relay.portmap_side import PortmapSide
from hostnfsd.daemon.relay.recognition import Candidate, Who
from hostnfsd.daemon.relay.refusal_side import RefusalSide
from hostnfsd.daemon.relay.relay import Relay
from hostnfsd.daemon.ssh.faults import reason
from hostnfsd.dial.patience import within
from hostnfsd.dial.reserved import RangeUsedUpError
from hostnfsd.services import Service
from hostnfsd.snapshot import ClientView, Refusal
from hostnfsd.sunrpc.portmapper import PortmapView
from hostnfsd.tunnel.admission import Verdict
from hostnfsd.tunnel.forward import Spec

#: Seconds the host's service has to accept a connection, wherever it is by now: it is near.
DIAL_TIMEOUT_S: Final = 3.0
#: Clients of a session that are being told at a time that they are not admitted; the next ones are
#: closed without a word.
MOST_TOLD: Final = 128

Accept = Callable[[str, int], Awaitable[GatewaySide]]
Dial = Callable[[Service], Awaitable[socket.socket]]
#: Gives what the portmapper tells, where a service is answered by us; None where it is relayed.
Answered = Callable[[Service], Callable[[], PortmapView] | None]

_log: Final = structlog.get_logger("hostnfsd.intake")


class Watch(Protocol):
    """The prober, as the intake sees it."""

    def look(self, service: Service, originator: str) -> Candidate | None:
        """Whether this connection may be a probe of ours."""
        ...

    def service_failed(self, service: Service) -> None:
        """A client was told that the service is down."""
        ...


class Intake:
    """The door of one gateway's listeners.

    Args:
        gateway: its name.
        dial: connects to a service of the host; raises OSError.
        dial_plainly: the same from an ordinary source port, for a probe when no other is left.
        answered: which services are not dialled, but answered here, and from what.
        ledger: where clients are entered and refusals counted.
        circle: the relays of the session.
        gate: who may come in.
        watch: the prober.
    """

    def __init__(
        self,
        *,
        gateway: str,
        dial: Dial,
        dial_plainly: Dial,
        answered: Answered,
        ledger: Ledger,
        circle: Circle,
        gate: Gate,
        watch: Watch,
    ) -> None:
        self._gateway = gateway
        self._dial_host = dial
        self._dial_plainly = dial_plainly
        self._answered = answered
        self._ledger = ledger
        self._circle = circle
        self._gate = gate
        self._watch = watch
        self.stopping = False
        self.lost = False

    def door(self, spec: Spec) -> Accept:
        """The factory for one listener."""

        async def accept(originator: str, port: int) -> GatewaySide:
            client = ClientView(
                gateway=self._gateway,
                service=spec.service,
                host=originator,
                port=port,
                since=time.time(),
                bytes_to_host=0,
                bytes_to_client=0,
            )
            try:
                return await self._admit(client)
            except asyncssh.ChannelOpenError:
                raise
            except Exception as exc:
                _log.exception("intake_broke", gateway=self._gateway, service=spec.service)
                self._refuse(client, Refusal.INTERNAL)
                raise asyncssh.ChannelOpenError(
                    asyncssh.OPEN_CONNECT_FAILED, "internal error"
                ) from exc

        return accept

    async def _admit(self, client: ClientView) -> GatewaySide:
        candidate = self._watch.look(client.service, client.host)
        try:
            return await self._let_in(client, candidate)
        except asyncssh.ChannelOpenError:
            if candidate is not None:
                candidate.ended()
            raise

    async def _let_in(self, client: ClientView, candidate: Candidate | None) -> GatewaySide:
        tell = self._answered(client.service)
        ours = candidate is not None and candidate.presumed
        self._check_open(client)
        if tell is None and not ours:  # the portmapper answers everybody
            verdict = await self._gate.decide(self._gateway, client.host, client.port)
            self._check_open(client)
            if not verdict.admitted:
                return self._turn_away(client, verdict, candidate).gateway
        if self._ledger.full and not ours:
            raise self._refuse(client, Refusal.LIMIT)
        if tell is not None:
            return self._answer(client, tell, candidate).gateway
        relay = await self._reach(client, candidate)
        if self.lost:  # the session ended while we dialled: asyncssh will tell nobody
            relay.abort()
            raise _session_lost()
        return relay.gateway

    def _check_open(self, client: ClientView) -> None:
        if self.lost:
            raise _session_lost()
        if self.stopping:
            raise self._refuse(client, Refusal.STOPPING)

    def _turn_away(
        self, client: ClientView, verdict: Verdict, candidate: Candidate | None
    ) -> RefusalSide:
        """Tell a client in his own protocol that he is not admitted."""
        if verdict.pending:
            # He is to try again: told otherwise, a mount that stands would fail.
            raise self._refuse(client, Refusal.UNDECIDED, verdict)
        told = sum(isinstance(each, RefusalSide) for each in self._circle.relays)
        if told >= MOST_TOLD:
            raise self._refuse(client, Refusal.NOT_ADMITTED, verdict)
        return RefusalSide(
            client,
            circle=self._circle,
            candidate=candidate,
            turned_away=lambda: self._enter_refusal(client, Refusal.NOT_ADMITTED, verdict),
        )

    async def _reach(self, client: ClientView, candidate: Candidate | None) -> Relay:
        ours = candidate is not None and candidate.presumed
        try:
            relay = await self._dial(client, candidate)
        except OSError as exc:  # refused, reset, unreachable, timed out
            error = _why(exc)
            if candidate is not None:
                candidate.failed(error)
            if not ours:
                if isinstance(exc, RangeUsedUpError):  # the service may be well
                    raise self._refuse(client, Refusal.SOURCE_PORT) from exc
                self._watch.service_failed(client.service)
                raise self._refuse(client, Refusal.HOST_DOWN) from exc
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, error) from exc
        if candidate is not None and ours:
            self._judge_later(relay, client, candidate)
            if candidate.who is Who.CLIENT:  # it became one while we dialled
                candidate.became_client()
        return relay

    def _judge_later(self, relay: Relay, client: ClientView, candidate: Candidate) -> None:
        """Whoever passed the gate for a probe may turn out a client that dialled at that moment."""
        enter = candidate.became_client

        def became_client() -> None:
            verdict = self._gate.verdict(self._gateway, client.host, client.port)
            if verdict.admitted:
                enter()
                return
            why = Refusal.UNDECIDED if verdict.pending else Refusal.NOT_ADMITTED
            self._enter_refusal(client, why, verdict)
            relay.abort()

        candidate.became_client = became_client

    def _answer(
        self, client: ClientView, tell: Callable[[], PortmapView], candidate: Candidate | None
    ) -> PortmapSide:
        return PortmapSide(
            client,
            tell=tell,
            ledger=self._ledger,
            tally=self._ledger.tally(self._gateway, client.service),
            circle=self._circle,
            candidate=candidate,
        )

    async def _dial(self, client: ClientView, candidate: Candidate | None) -> Relay:
        tally = self._ledger.tally(self._gateway, client.service)
        # The relay enters the circle before its connection stands, so that the end of the session
        # can end it at any moment.
        relay = Relay(
            client, ledger=self._ledger, tally=tally, circle=self._circle, candidate=candidate
        )
        try:
            async with within(DIAL_TIMEOUT_S):
                try:
                    sock = await self._dial_host(client.service)
                except RangeUsedUpError:
                    if candidate is None or not candidate.presumed:
                        raise
                    # A probe is about the service and the way to it, both of which may be well.
                    sock = await self._dial_plainly(client.service)
                await asyncio.get_running_loop().create_connection(lambda: relay.host, sock=sock)
        except BaseException:
            relay.never_connected()
            raise
        return relay

    def _refuse(
        self, client: ClientView, why: Refusal, verdict: Verdict | None = None
    ) -> asyncssh.ChannelOpenError:
        self._enter_refusal(client, why, verdict)
        code = (
            asyncssh.OPEN_RESOURCE_SHORTAGE
            if why is Refusal.LIMIT
            else asyncssh.OPEN_CONNECT_FAILED
        )
        return asyncssh.ChannelOpenError(code, str(why))

    def _enter_refusal(
        self, client: ClientView, why: Refusal, verdict: Verdict | None = None
    ) -> None:
        """Count and tell that a client was turned away."""
        host = shown(client.host, client.port)
        text = None if verdict is None else verdict.text
        self._ledger.refuse(self._gateway, client.service, host, why, time.time(), text=text)
        _log.debug(
            "client_refused",
            gateway=self._gateway,
            service=client.service,
            originator=host,
            reason=why,
        )
        if verdict is not None:
            self._gate.refused(self._gateway, host, client.service, verdict)


def _session_lost() -> asyncssh.ChannelOpenError:
    return asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "session lost")


def _why(exc: OSError) -> str:
    if isinstance(exc, TimeoutError):
        return f"did not accept a connection within {DIAL_TIMEOUT_S:g} s"
    return reason(exc).lower()
