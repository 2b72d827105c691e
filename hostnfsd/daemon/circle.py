"""The connections of clients that one SSH session carries."""

from typing import Protocol

from hostnfsd.snapshot import ClientView


class Member(Protocol):
    """A client's connection, as its session sees it."""

    def view(self) -> ClientView:
        """Who it is."""
        ...

    def update_reading(self) -> None:
        """The session's socket takes no more, or takes more again."""
        ...

    def finish_when_quiet(self) -> None:
        """End it at the first moment at which no call is unanswered; ask again and again."""
        ...

    def abort(self) -> None:
        """End it at once."""
        ...


class Circle:
    """The connections of one SSH session. They share its socket, and so its congestion.

    Attributes:
        relays: those that are open, relayed or answered here.
        congested: whether the socket takes no more for now.
    """

    def __init__(self) -> None:
        self.relays: set[Member] = set()
        self.congested = False

    def set_congested(self, congested: bool) -> None:
        """The SSH socket's buffer is full, or has drained: stop or resume filling it."""
        self.congested = congested
        for relay in tuple(self.relays):
            relay.update_reading()

    def abort(self) -> None:
        """End every connection at once."""
        for relay in tuple(self.relays):
            relay.abort()
