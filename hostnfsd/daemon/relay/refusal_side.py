"""The connection of a client that is not admitted: told so in its own protocol, then closed.

Every call gets an AUTH_ERROR, which a client turns into "access denied by server". Closing at once
would leave him with a broken connection, which he would try again for ever without a word. Nothing
is dialled, and what a connection can hold is bounded: calls are passed over, not kept, and it ends
soon whatever he does.
"""

from collections.abc import Callable
from typing import Final

import asyncssh

from hostnfsd.daemon.relay.answered import AnsweredSide
from hostnfsd.daemon.relay.circle import Circle
from hostnfsd.daemon.relay.recognition import Candidate, Who
from hostnfsd.dial.patience import Alarm
from hostnfsd.snapshot import ClientView
from hostnfsd.sunrpc.denying import Denier
from hostnfsd.sunrpc.rpc import AuthStat

#: What a client is told. See docs/access.md: of all there are, kernels turn this one into EACCES at
#: once, without asking again.
TOLD: Final = AuthStat.AUTH_BADCRED
#: Seconds without a byte after an answer: he has nothing more to ask.
QUIET_S: Final = 0.5
#: Seconds after which it ends whatever he does; also for one who never says anything.
MOST_S: Final = 10.0


class RefusalSide(AnsweredSide):
    """One connection.

    Args:
        client: who, where to and since when.
        circle: the other connections of the session.
        candidate: the connection may be a probe of our own.
        turned_away: called once it is certain that it is a client's.

    Attributes:
        gateway: its face towards the channel.
    """

    def __init__(
        self,
        client: ClientView,
        *,
        circle: Circle,
        candidate: Candidate | None,
        turned_away: Callable[[], None],
    ) -> None:
        self._denier = Denier(TOLD)
        self._draining = False
        self._deadline: Alarm | None = None
        self._quiet: Alarm | None = None
        super().__init__(client, circle, candidate)
        if candidate is None:
            turned_away()
        else:
            candidate.became_client = turned_away

    # -- as one of the session's connections -----------------------------------------------------

    def update_reading(self) -> None:
        """A congested socket does not matter: there is next to nothing to say."""

    def finish_when_quiet(self) -> None:
        """End at the first moment from now on at which no call is begun."""
        self._draining = True
        self._finish_if_over()

    # -- the channel -----------------------------------------------------------------------------

    def _begin(self, channel: "asyncssh.SSHTCPChannel[bytes]") -> None:  # noqa: ARG002  # its time
        self._deadline = Alarm(MOST_S, self.abort)

    def from_client(self, data: bytes) -> None:
        """Bytes of calls."""
        if self._candidate is not None:
            who = self._candidate.hear(data)
            if who is Who.OURS:
                # A probe from an address that we did not know for the gateway's: it is known now,
                # and the next one passes.
                self._candidate.turned_away()
                self.abort()
                return
            if who is Who.CLIENT:
                self._candidate = None
        if self._channel is None or self._channel.is_closing():
            return
        reply = self._denier.hear(data)
        if reply:
            self._channel.write(reply)
        self._finish_if_over()
        self._end_when_quiet()

    def half_closed(self, side: str) -> None:  # noqa: ARG002  # there is but one
        """The client will send no more; what it asked is answered."""
        self.finish()

    def channel_is_full(self, full: bool) -> None:
        """What it is told fits any window."""

    # -- the end ---------------------------------------------------------------------------------

    def _finish_if_over(self) -> None:
        if self._denier.over or (self._draining and not self._denier.amid):
            self.finish()

    def _end_when_quiet(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
        if self._denier.answered and not self._denier.amid:
            self._quiet = Alarm(QUIET_S, self.finish)

    def _ended(self) -> None:
        for timer in (self._deadline, self._quiet):
            if timer is not None:
                timer.cancel()
