"""A client's connection for which nothing is dialled: what all that we answer ourselves share."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from hostnfsd.daemon.relay.circle import Circle, Member
from hostnfsd.daemon.relay.gateway_side import Conversation, GatewaySide
from hostnfsd.daemon.relay.recognition import Candidate
from hostnfsd.daemon.ssh import seams
from hostnfsd.snapshot import ClientView

if TYPE_CHECKING:
    import asyncssh


class AnsweredSide(Conversation, Member):
    """One connection: a member of its session's circle from its making until its channel is gone.

    Its kinds say what they do with bytes, how they begin, and what they leave.

    Args:
        client: who, where to and since when.
        circle: the other connections of the session.
        candidate: the connection may be a probe of our own.

    Attributes:
        gateway: its face towards the channel.
    """

    def __init__(self, client: ClientView, circle: Circle, candidate: Candidate | None) -> None:
        self._client = client
        self._circle = circle
        self._candidate = candidate
        self._channel: asyncssh.SSHTCPChannel[bytes] | None = None
        self.gateway = GatewaySide(self)
        circle.relays.add(self)

    @abstractmethod
    def _begin(self, channel: "asyncssh.SSHTCPChannel[bytes]") -> None:
        """The channel stands."""

    @abstractmethod
    def _ended(self) -> None:
        """The connection is over, and has left the circle: called once."""

    @property
    def judged(self) -> bool:
        """Never: it ends by itself, or answers everybody."""
        return False

    def view(self) -> ClientView:
        """Who it is."""
        return self._client

    def channel_opened(self, channel: "asyncssh.SSHTCPChannel[bytes]") -> None:
        """The gateway has been told that we accept."""
        if self not in self._circle.relays:  # ended in between
            seams.abort(channel)
            return
        self._channel = channel
        seams.credit_only_what_was_delivered(channel)
        self._begin(channel)

    def finish(self) -> None:
        """End, handing on the replies that wait."""
        if self._channel is not None:
            self._channel.close()
        else:
            self._leave()

    def abort(self) -> None:
        """End at once."""
        if self._channel is not None:
            seams.abort(self._channel)
        else:
            self._leave()  # it never stood: nobody will tell that it is gone

    def channel_lost(self) -> None:
        """The channel is gone."""
        self._channel = None
        self._leave()

    def _leave(self) -> None:
        if self not in self._circle.relays:
            return
        self._circle.relays.discard(self)
        if self._candidate is not None:
            self._candidate.ended()  # which may make it a client's, to be entered and let go
        self._ended()
