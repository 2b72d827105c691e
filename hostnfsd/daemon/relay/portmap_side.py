"""A client's connection that we answer ourselves, as the gateway's portmapper.

Every call is answered as soon as it is whole, in order, but no more than :data:`A_TURN` of a
connection in one turn of the event loop, which it shares with every relay of the daemon: the rest
waits, unread, for the next. A client that does not read its replies is not read either: what one
connection can hold is bounded by the channel's window, what one packet brings, and
:data:`_HIGH_WATER` plus one reply.
"""

import asyncio
import ipaddress
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from hostnfsd.daemon.relay.answered import AnsweredSide
from hostnfsd.daemon.relay.circle import Circle, guarded
from hostnfsd.daemon.relay.ledger import Ledger, Tally
from hostnfsd.daemon.relay.recognition import Candidate, Who
from hostnfsd.dial.patience import Alarm
from hostnfsd.snapshot import ClientView, Family
from hostnfsd.sunrpc import record
from hostnfsd.sunrpc.portmapper import PortmapView, answer
from hostnfsd.sunrpc.xdr import RpcDecodeError
from hostnfsd.tunnel.portmap_view import family_of

if TYPE_CHECKING:
    import asyncssh

#: Bytes of the longest call that is read: rpcbind's own bound (RPC_MAXDATASIZE).
MAX_CALL: Final = 9000
#: Seconds without a byte after which a connection is closed: rpcbind's own.
IDLE_S: Final = 30.0
#: Calls of one connection that are answered in one turn of the event loop: about a millisecond.
A_TURN: Final = 16
#: Bytes of replies waiting for the channel's window at which the client is no longer read.
_HIGH_WATER: Final = 64 * 1024
#: Bytes of replies that are written together: each write is a packet of its own.
_TOGETHER: Final = 16 * 1024

_log: Final = structlog.get_logger("hostnfsd.portmap")


class PortmapSide(AnsweredSide):
    """One connection.

    Args:
        client: who, where to and since when; the byte counts in it are ignored.
        tell: gives what is to be told now.
        ledger: where clients are entered.
        tally: counters of the service.
        circle: the other connections of the session.
        candidate: the connection may be a probe of our own; then it is entered in the ledger, with
            all its bytes, once it turns out not to be.

    Attributes:
        gateway: its face towards the channel.
    """

    def __init__(
        self,
        client: ClientView,
        *,
        tell: Callable[[], PortmapView],
        ledger: Ledger,
        tally: Tally,
        circle: Circle,
        candidate: Candidate | None = None,
    ) -> None:
        self._family = _family(client.host)
        self._tell = tell
        self._ledger = ledger
        self._tally = tally
        self._follower = ledger.follow(client.gateway, client.service, client.host)
        self._calls = record.RecordReader(MAX_CALL)
        self._channel_full = False
        self._client_ended = False
        self._answered = 0  # in this turn of the event loop
        self._view: PortmapView | None = None  # of this turn
        self._next_turn: asyncio.Handle | None = None
        self._draining = False
        self._entered = False
        self._to_host = 0
        self._to_client = 0
        self._moved_at = time.monotonic()
        self._timer: Alarm | None = None
        super().__init__(client, circle, candidate)
        if candidate is not None:
            candidate.became_client = self._enter
        if candidate is None or not candidate.presumed:
            self._enter()

    def _enter(self) -> None:
        if self._entered:
            return
        self._entered = True
        self._ledger.opened(self, self._tally)
        self._follower.enter()
        self._tally.connections_total += 1
        self._tally.bytes_to_host += self._to_host
        self._tally.bytes_to_client += self._to_client

    # -- as one of the session's connections -----------------------------------------------------

    def view(self) -> ClientView:
        """What ``status --clients`` shows."""
        return replace(
            self._client,
            bytes_to_host=self._to_host,
            bytes_to_client=self._to_client,
            calls=self._follower.calls if self._follower.on else None,
        )

    def update_reading(self) -> None:
        """Answer and read exactly while the channel, the socket and this turn have room."""
        self._answer(b"")
        # Its replies may have filled the channel, and a stranger ends it.
        if self._channel is None or self._channel.is_closing() or self._blocked:
            return
        self._channel.resume_reading()
        self._finish_if_over()

    def finish_when_quiet(self) -> None:
        """End at the first moment from now on at which no call waits, whole or begun."""
        self._draining = True
        self._finish_if_over()

    # -- the channel -----------------------------------------------------------------------------

    def _begin(self, channel: "asyncssh.SSHTCPChannel[bytes]") -> None:
        channel.set_write_buffer_limits(high=_HIGH_WATER)
        self._end_when_idle()
        self.update_reading()

    def from_client(self, data: bytes) -> None:
        """Bytes of calls."""
        if self._candidate is not None and self._candidate.hear(data) is not Who.UNKNOWN:
            self._candidate = None
        self._moved_at = time.monotonic()
        self._to_host += len(data)
        if self._entered:
            self._tally.bytes_to_host += len(data)
        self._follower.to_host(data, self._moved_at)
        self._answer(data)
        self._finish_if_over()

    def half_closed(self, side: str) -> None:  # noqa: ARG002  # there is but one
        """The client will send no more; what it asked is answered yet."""
        self._client_ended = True
        if self._candidate is not None:
            self._candidate.ended()
        self._follower.client_ended()
        self._finish_if_over()

    def channel_is_full(self, full: bool) -> None:
        """The client does not take more, or takes more again."""
        self._channel_full = full
        self._moved_at = time.monotonic()
        self.update_reading()

    def _ended(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._next_turn is not None:
            self._next_turn.cancel()
        self._follower.close()
        if self._entered:
            self._ledger.closed(self, self._tally)

    # -- the work --------------------------------------------------------------------------------

    @property
    def _blocked(self) -> bool:
        return self._channel_full or self._circle.congested or self._answered >= A_TURN

    def _answer(self, data: bytes) -> None:
        """Answer calls while there is room; those left wait in the reader, and the client too."""
        channel = self._channel
        if channel is None or channel.is_closing():
            return
        calls = self._calls.feed(data)
        replies = bytearray()
        try:
            while not self._blocked and (call := next(calls, None)) is not None:
                replies += record.encode(self._reply(call))
                if len(replies) >= _TOGETHER:
                    self._send(bytes(replies))
                    replies.clear()
        except RpcDecodeError as exc:
            _log.debug(
                "portmap_not_spoken",
                gateway=self._client.gateway,
                originator=self._client.host,
                error=str(exc),
            )
            self._send(bytes(replies))
            self.finish()
        else:
            self._send(bytes(replies))
            # Also for a channel that was opened while the socket was full: asyncssh reads it,
            # whatever was said when it was made.
            if self._blocked:
                channel.pause_reading()

    def _reply(self, call: bytes) -> bytes:
        if self._next_turn is None:
            loop = asyncio.get_running_loop()
            self._next_turn = loop.call_soon(guarded, self, "turn", PortmapSide._turn)
        self._answered += 1
        if self._view is None:
            self._view = self._tell()
        reply = answer(call, self._view, family=self._family)
        if reply is None:
            raise RpcDecodeError("no call", 0)  # as much a stranger
        return reply

    def _turn(self) -> None:
        """A turn of the event loop is over."""
        self._next_turn = self._view = None
        self._answered = 0
        self.update_reading()

    def _send(self, data: bytes) -> None:
        if not data or self._channel is None or self._channel.is_closing():
            return
        self._to_client += len(data)
        if self._entered:
            self._tally.bytes_to_client += len(data)
        self._channel.write(data)
        self._follower.to_client(data, time.monotonic())

    def _finish_if_over(self) -> None:
        if self._blocked:
            return
        if self._client_ended or (self._draining and not self._calls.amid):
            self.finish()

    def _end_when_idle(self) -> None:
        left = self._moved_at + IDLE_S - time.monotonic()
        if left <= 0:
            self.abort()  # replies that nobody took all this time are not waited for
        else:
            self._timer = Alarm(left, self._end_when_idle)


def _family(originator: str) -> Family | None:
    try:
        return family_of(ipaddress.ip_address(originator))
    except ValueError:
        return None  # sshd could not tell
