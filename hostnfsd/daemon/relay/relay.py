"""One client's connection: an SSH channel on one side, TCP to the host's service on the other.

Bytes and their order are preserved, and so is half-close. Each direction is under back-pressure:
when a side cannot take more, the other is not read. What one connection can hold in memory is
bounded by :data:`WINDOW` plus :data:`HOST_HIGH_WATER` towards the host, and by the gateway's
channel window (OpenSSH: 2 MiB) plus one read towards the client.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from hostnfsd.daemon.relay.circle import Circle
from hostnfsd.daemon.relay.gateway_side import GatewaySide, survive
from hostnfsd.daemon.relay.ledger import Ledger, Tally
from hostnfsd.daemon.relay.recognition import Candidate, Who
from hostnfsd.daemon.ssh import seams
from hostnfsd.dial.patience import Alarm
from hostnfsd.snapshot import ClientView

if TYPE_CHECKING:
    import asyncssh

#: Bytes the gateway may send us on one channel before we have passed them on.
WINDOW: Final = 1024 * 1024
#: Bytes waiting for the host's service at which the channel is no longer read. High and low lie a
#: window apart, so that a resumed channel can hand over all it parked in one go: asyncssh's window
#: accounting is at its weakest when a hand-over is interrupted.
HOST_HIGH_WATER: Final = WINDOW + 256 * 1024
_HOST_LOW_WATER: Final = 256 * 1024
#: Bytes waiting for the channel's window at which the host's service is no longer read.
_CHANNEL_HIGH_WATER: Final = 256 * 1024
#: Seconds without a byte after which a half-closed connection is given up: a client's reset looks
#: like an end of file here, and such a client never says more.
LINGER_S: Final = 60.0
#: A connection whose calls are not followed has none unanswered if it looks like this: no byte for
#: so long, the host's last.
QUIET_S: Final = 0.2


class Relay:
    """A pair of connections and the bytes between them.

    Args:
        client: who, where to and since when; the byte counts in it are ignored.
        ledger: where clients are entered.
        tally: counters of the service.
        circle: the other relays of the session.
        candidate: the connection may be a probe of our own; then it is entered in the ledger, with
            all its bytes, once it turns out not to be.
    """

    def __init__(
        self,
        client: ClientView,
        *,
        ledger: Ledger,
        tally: Tally,
        circle: Circle,
        candidate: Candidate | None = None,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._tally = tally
        self._circle = circle
        self._candidate = candidate
        self._follower = ledger.follow(client.gateway, client.service, client.host)
        self._draining = False
        self._entered = False
        self._connected = False
        self._opened = False
        # uvloop reads once though reading was paused when the connection was made.
        self._early = b""
        self._channel: asyncssh.SSHTCPChannel[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self._channel_full = False
        self._ended = {"host": False, "gateway": False}
        self._to_host = 0
        self._to_client = 0
        self._moved_at = time.monotonic()
        self._answered = True
        self._timer: Alarm | None = None
        self.host = HostSide(self)
        self.gateway = GatewaySide(self)
        circle.relays.add(self)
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
        self._tally.connections_total += int(self._connected)
        self._tally.bytes_to_host += self._to_host
        self._tally.bytes_to_client += self._to_client

    @property
    def judged(self) -> bool:
        """Whether it lives on only while its originator is admitted: not if it is a probe."""
        return self._entered

    def view(self) -> ClientView:
        """What ``status --clients`` shows."""
        began = self._follower.oldest
        return replace(
            self._client,
            bytes_to_host=self._to_host,
            bytes_to_client=self._to_client,
            calls=self._follower.calls if self._follower.on else None,
            oldest_call_s=None if began is None else time.monotonic() - began,
        )

    def finish_when_quiet(self) -> None:
        """End both sides at the first moment from now on at which no call is unanswered.

        Where calls are not followed that is guessed: ask again and again.
        """
        self._draining = True
        if self._follower.quiet is not None:
            self._finish_if_quiet()
        elif self.quiet_s(time.monotonic()) >= QUIET_S:
            self.finish()

    def _finish_if_quiet(self) -> None:
        if self._draining and self._follower.quiet:
            self.finish()

    def quiet_s(self, now: float) -> float:
        """Seconds since the last byte moved, if it was the host's and nothing waits; else 0.

        The best guess, without reading the calls, at "no call is unanswered". ``now`` is of
        :func:`time.monotonic`.
        """
        waiting = self._transport is not None and self._transport.get_write_buffer_size() > 0
        if waiting or self._channel_full or not self._answered:
            return 0.0
        return now - self._moved_at

    # -- the host's side -------------------------------------------------------------------------

    def host_connected(self, transport: asyncio.Transport) -> None:
        """The service answered the dial; nothing is read before the channel stands."""
        self._transport = transport
        self._connected = True
        if self._entered:
            self._tally.connections_total += 1
        transport.set_write_buffer_limits(high=HOST_HIGH_WATER, low=_HOST_LOW_WATER)
        self.update_reading()

    def from_host(self, data: bytes) -> None:
        """Bytes for the client."""
        if not self._opened:
            self._early += data
            self.update_reading()
            return
        if self._channel is None or self._channel.is_closing():
            return
        self._moved(len(data), to_host=False)
        self._channel.write(data)
        if self._follower.to_client(data, self._moved_at) and self._draining:
            self._finish_if_quiet()

    def host_full(self, full: bool) -> None:
        """The service does not take more, or takes more again."""
        if self._channel is None:
            return
        if full:
            self._channel.pause_reading()
        else:
            self._channel.resume_reading()

    def update_reading(self) -> None:
        """Read the host exactly while the channel stands and both it and the socket have room."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._channel is None or self._channel_full or self._circle.congested:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def host_lost(self, exc: Exception | None) -> None:
        """The connection to the service is gone."""
        self._transport = None
        if self._channel is not None:
            if exc is None:
                self._channel.close()
            else:
                seams.abort(self._channel)
        self._leave_when_over()

    # -- the gateway's side ----------------------------------------------------------------------

    def channel_opened(self, channel: "asyncssh.SSHTCPChannel[bytes]") -> None:
        """The gateway has been told that we accept."""
        self._channel = channel
        self._opened = True
        seams.credit_only_what_was_delivered(channel)
        channel.set_write_buffer_limits(high=_CHANNEL_HIGH_WATER)
        early, self._early = self._early, b""
        if early:
            self.from_host(early)
        if self._transport is None:  # the service hung up while the channel was opened
            channel.close()
            return
        if self._ended["host"]:
            channel.write_eof()
        self.update_reading()

    def from_client(self, data: bytes) -> None:
        """Bytes for the service."""
        if self._candidate is not None and self._candidate.hear(data) is not Who.UNKNOWN:
            self._candidate = None
        self._moved(len(data), to_host=True)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
        self._follower.to_host(data, self._moved_at)

    def channel_is_full(self, full: bool) -> None:
        """The client does not take more, or takes more again."""
        self._channel_full = full
        self.update_reading()

    def channel_lost(self) -> None:
        """The channel is gone: hand on what was received, then close."""
        self._channel = None
        if self._transport is not None:
            self._transport.close()
            self._in(LINGER_S, self.abort)
        self._leave_when_over()

    # -- both ------------------------------------------------------------------------------------

    def half_closed(self, side: str) -> None:
        """``side`` ("host" or "gateway") will send no more; the other may go on."""
        self._ended[side] = True
        if side == "host":
            self._follower.host_ended()
            if self._channel is not None and not self._channel.is_closing():
                self._channel.write_eof()
        else:
            self._client_ended()
            self._follower.client_ended()
            if self._transport is not None and not self._transport.is_closing():
                self._transport.write_eof()
            self._linger()
        if all(self._ended.values()):
            self.finish()
        else:
            self._finish_if_quiet()

    def never_connected(self) -> None:
        """The service did not take the connection."""
        self._leave_when_over()

    def finish(self) -> None:
        """End both sides, handing on what was received."""
        if self._channel is not None:
            self._channel.close()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End both sides at once."""
        if self._channel is not None:
            seams.abort(self._channel)
        if self._transport is not None:
            self._transport.abort()

    def _client_ended(self) -> None:
        if self._candidate is not None:
            self._candidate.ended()

    def _linger(self) -> None:
        if self._channel is None:
            return
        left = self._moved_at + LINGER_S - time.monotonic()
        if left <= 0:
            self.abort()
        else:
            self._in(left, self._linger)

    def _in(self, seconds: float, do: Callable[[], None]) -> None:
        # One timer, ended with the relay: it would keep all that the relay refers to.
        if self._timer is not None:
            self._timer.cancel()
        self._timer = Alarm(seconds, do)

    def _moved(self, size: int, *, to_host: bool) -> None:
        self._moved_at = time.monotonic()
        self._answered = not to_host
        if to_host:
            self._to_host += size
            if self._entered:
                self._tally.bytes_to_host += size
        else:
            self._to_client += size
            if self._entered:
                self._tally.bytes_to_client += size

    def _leave_when_over(self) -> None:
        if self._channel is None and self._transport is None and self in self._circle.relays:
            self._circle.relays.discard(self)
            self._client_ended()
            if self._timer is not None:
                self._timer.cancel()
            self._follower.close()
            if self._entered:
                self._ledger.closed(self, self._tally)


class HostSide(asyncio.Protocol):
    """The relay's face towards the service's TCP connection."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay

    @survive
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.relay.host_connected(cast("asyncio.Transport", transport))

    @survive
    def data_received(self, data: bytes) -> None:
        self.relay.from_host(data)

    @survive
    def eof_received(self) -> bool:
        self.relay.half_closed("host")
        return True

    @survive
    def pause_writing(self) -> None:
        self.relay.host_full(True)

    @survive
    def resume_writing(self) -> None:
        self.relay.host_full(False)

    @survive
    def connection_lost(self, exc: Exception | None) -> None:
        self.relay.host_lost(exc)
