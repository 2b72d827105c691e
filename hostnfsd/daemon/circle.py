"""The connections of clients that one SSH session carries."""

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import structlog

from hostnfsd.services import Service
from hostnfsd.snapshot import ClientView

_log: Final = structlog.get_logger("hostnfsd.relay")

_Answer = TypeVar("_Answer")


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


_Member = TypeVar("_Member", bound=Member)


def guarded(member: _Member, name: str, do: Callable[[_Member], _Answer]) -> _Answer | None:
    """What ``do`` gives; None if it fails, which ends this connection and no other.

    ``name`` is for the log.
    """
    try:
        return do(member)
    except Exception:  # noqa: BLE001  # the others must be asked, too
        _log.exception("relay_broke", callback=name)
    try:
        member.abort()
    except Exception:  # noqa: BLE001  # as above
        _log.exception("relay_broke", callback="abort")
    return None


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
            guarded(relay, "update_reading", lambda each: each.update_reading())

    def of(self, which: Callable[[Service], bool]) -> list[Member]:
        """The connections of some services."""
        return [
            relay
            for relay in tuple(self.relays)
            if guarded(relay, "view", lambda each: which(each.view().service))
        ]

    def finish_when_quiet(self, which: Callable[[Service], bool]) -> None:
        """End those of some services as each has no call unanswered; ask again and again."""
        for relay in self.of(which):
            guarded(relay, "finish_when_quiet", lambda each: each.finish_when_quiet())

    def abort(self, which: Callable[[Service], bool] = lambda _service: True) -> None:
        """End every connection, or those of some services, at once."""
        for relay in self.of(which):
            guarded(relay, "abort", lambda each: each.abort())
