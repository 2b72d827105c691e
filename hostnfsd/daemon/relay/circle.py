"""The connections of clients that one SSH session carries."""

from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeVar

import structlog

from hostnfsd.services import Service
from hostnfsd.snapshot import ClientView

#: Seconds between two looks at connections that are to end when they are quiet.
STEP_S: Final = 0.05

_log: Final = structlog.get_logger("hostnfsd.relay")

_Answer = TypeVar("_Answer")


class Member(Protocol):
    """A client's connection, as its session sees it."""

    @property
    def judged(self) -> bool:
        """Whether it lives on only while its originator is admitted."""
        ...

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
        return self.where(lambda each: which(each.view().service))

    def where(self, which: Callable[[Member], bool]) -> list[Member]:
        """Some of the connections."""
        return [relay for relay in tuple(self.relays) if guarded(relay, "view", which)]

    def abort(self) -> None:
        """End every connection at once."""
        end(self.relays, at_once=True)


def end(members: Iterable[Member], *, at_once: bool) -> None:
    """End each at once, or at the first moment at which it has no call unanswered.

    For the latter, ask again and again, :data:`STEP_S` apart.
    """
    for member in tuple(members):
        if at_once:
            guarded(member, "abort", lambda each: each.abort())
        else:
            guarded(member, "finish_when_quiet", lambda each: each.finish_when_quiet())
