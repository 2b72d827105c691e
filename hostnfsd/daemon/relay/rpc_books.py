"""What clients call, by procedure: plain integers, read at scrape time.

:class:`RpcBooks` belong to a (gateway, service) pair and live as long as the daemon. A
:class:`Follower` is one connection: it feeds a :class:`~hostnfsd.sunrpc.tap.Tap` and enters what
that sees. The bytes go their way whatever becomes of it.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from hostnfsd.daemon.metric_table import RPC_BUCKETS_S
from hostnfsd.rpc_view import ProcedureView, RpcView
from hostnfsd.services import FACTS, Service
from hostnfsd.sunrpc.outcome import Error
from hostnfsd.sunrpc.programs import OTHER, procedure_at
from hostnfsd.sunrpc.scan import Off
from hostnfsd.sunrpc.tap import Call, Numbers, Tap
from hostnfsd.tunnel.work import Traffic

#: Why calls on a connection are not followed, beside :class:`Off`: our own code failed; more calls
#: wait than are remembered.
INTERNAL: Final = "internal"
OUTSTANDING: Final = "outstanding"

_NLM: Final = FACTS[Service.NLOCKMGR].program
_NULL: Final = 0

_log: Final = structlog.stdlib.get_logger("hostnfsd.rpc")


@dataclass(slots=True)
class Entry:
    """Counters of one procedure."""

    calls: int = 0
    rpc_errors: int = 0
    status_errors: int = 0
    unanswered: int = 0
    bytes_to_host: int = 0
    bytes_to_client: int = 0
    seconds: float = 0.0
    durations: list[int] = field(default_factory=lambda: [0] * (len(RPC_BUCKETS_S) + 1))

    def failed(self, error: Error) -> None:
        """A reply brought an error."""
        if error is Error.RPC:
            self.rpc_errors += 1
        else:
            self.status_errors += 1

    @property
    def traffic(self) -> Traffic:
        """How much passed. Every reply has its place among the durations."""
        return Traffic(self.calls, sum(self.durations), self.bytes_to_host, self.bytes_to_client)

    def view(self, procedure: str) -> ProcedureView:
        """The same as a value."""
        return ProcedureView(
            procedure=procedure,
            calls=self.calls,
            rpc_errors=self.rpc_errors,
            status_errors=self.status_errors,
            unanswered=self.unanswered,
            bytes_to_host=self.bytes_to_host,
            bytes_to_client=self.bytes_to_client,
            seconds=self.seconds,
            durations=tuple(self.durations),
        )


@dataclass(slots=True)
class RpcBooks:
    """Counters of one service at one gateway.

    Attributes:
        gateway: its name.
        service: whose program's procedures have names here.
        procedures: those that were called, by name.
        untracked: connections on which something passed that is no RPC, that ended inside a message
            or went on when one side had ended, on which more calls waited than are remembered, or
            our own code failed.
        by_numbers: the same counters by program, version and procedure, as far as these have names.
        working: COMPOUNDs that somebody works at.
        following: the connections that are followed now.
    """

    gateway: str
    service: Service
    procedures: dict[str, Entry] = field(default_factory=dict)
    untracked: int = 0
    working: int = 0
    following: "set[Follower]" = field(default_factory=set)
    by_numbers: dict[Numbers, Entry] = field(default_factory=dict, repr=False)
    _told: set[str] = field(default_factory=set, repr=False)

    def entry(self, numbers: Numbers) -> Entry:
        """The counters of a procedure, made at its first call."""
        known = self.by_numbers.get(numbers)
        if known is not None:
            return known
        name = procedure_at(self.service, *numbers)
        entry = self.procedures.setdefault(name, Entry())
        # Names are a closed set, and so are the numbers that have one; other numbers are not.
        if name != OTHER:
            self.by_numbers[numbers] = entry
        return entry

    def lose_track(self, why: str, originator: str) -> None:
        """A client's connection is not followed wholly: counted; ``why`` is told once."""
        self.untracked += 1
        log = _log.debug if why in self._told else _log.info
        self._told.add(why)
        log(
            "rpc_untracked",
            gateway=self.gateway,
            service=str(self.service),
            originator=originator,
            reason=why,
        )

    def view(self, now: float) -> RpcView:
        """The same as values; ``now`` is of :func:`time.monotonic`."""
        waiting = [f.oldest for f in self.following]
        oldest = min((began for began in waiting if began is not None), default=None)
        return RpcView(
            procedures=tuple(entry.view(name) for name, entry in sorted(self.procedures.items())),
            in_flight=sum(f.unanswered for f in self.following),
            oldest_call_s=None if oldest is None else max(0.0, now - oldest),
            untracked=self.untracked,
        )


class Follower:
    """The calls on one connection, or nothing at all where they are not to be followed.

    Nothing is booked before :meth:`enter`: what looks like a probe of our own may turn out a
    client's connection at its eighth byte, before which no call can be complete.

    Args:
        books: where calls are entered.
        tap: what sees them; None to follow nothing.
        originator: whose connection it is, for the log.
        locks: called at each call that asks for a lock or speaks of one; None if nobody minds.

    Attributes:
        calls: how many calls were booked.
    """

    __slots__ = ("_books", "_entered", "_locks", "_originator", "_tap", "_why", "calls")

    def __init__(
        self,
        books: RpcBooks,
        tap: Tap | None,
        *,
        originator: str,
        locks: Callable[[], None] | None = None,
    ) -> None:
        self._books = books
        self._locks = locks
        self._originator = originator
        self._tap = tap
        self._why: str | None = None
        self._entered = False
        self.calls = 0

    def enter(self) -> None:
        """The connection is a client's."""
        self._entered = True
        if self._tap is not None:
            self._books.following.add(self)
        if self._why is not None:
            self._books.lose_track(self._why, self._originator)

    @property
    def on(self) -> bool:
        """Whether the calls are followed now."""
        return self._tap is not None

    @property
    def quiet(self) -> bool | None:
        """Whether nothing is half through that could still be answered; None if nobody knows."""
        if self._tap is None:
            return None
        return True if self._tap.off is Off.HALF_OPEN else self._tap.quiet

    @property
    def unanswered(self) -> int:
        """Calls that wait for their replies."""
        return 0 if self._tap is None else self._tap.unanswered

    @property
    def oldest(self) -> float | None:
        """When the longest unanswered call began, of :func:`time.monotonic`; None without one."""
        return None if self._tap is None else self._tap.oldest

    def to_host(self, chunk: bytes, now: float) -> None:
        """Bytes of the client, at ``now`` of :func:`time.monotonic`."""
        tap = self._tap
        if tap is None:
            return
        try:
            calls = tap.to_host(chunk, now)
            if calls and self._entered:
                self.calls += len(calls)
                books = self._books
                for _, numbers, size in calls:
                    entry = books.by_numbers.get(numbers) or books.entry(numbers)
                    entry.calls += 1
                    entry.bytes_to_host += size
                if tap.working:
                    books.working += tap.working
                    tap.working = 0
                if self._locks is not None:
                    self._note_locks(calls, self._locks)
            if tap.overrun and self._why is None:
                self._lose(OUTSTANDING)
            if tap.off is not None:
                self._stop(tap.off)
        except Exception:  # noqa: BLE001  # the relay must go on
            self._broke()

    def to_client(self, chunk: bytes, now: float) -> bool:
        """Bytes of the host, at ``now``; whether they completed the reply to a call."""
        tap = self._tap
        if tap is None:
            return False
        try:
            replies = tap.to_client(chunk, now)
            if replies and self._entered:
                books = self._books
                for _, numbers, error, _, size, duration_s in replies:
                    entry = books.by_numbers.get(numbers) or books.entry(numbers)
                    entry.bytes_to_client += size
                    entry.seconds += duration_s
                    entry.durations[bisect_left(RPC_BUCKETS_S, duration_s)] += 1
                    if error is not _NONE:
                        entry.failed(error)
            if tap.off is not None:
                self._stop(tap.off)
        except Exception:  # noqa: BLE001  # the relay must go on
            self._broke()
            return False
        return bool(replies)

    def client_ended(self) -> None:
        """The client will send no more."""
        self._tell(Tap.client_ended)

    def host_ended(self) -> None:
        """The host will send no more."""
        self._tell(Tap.host_ended)

    def close(self) -> None:
        """The connection is over: what was not answered never will be."""
        self._tell(self._book_unanswered)
        self._tap = None
        self._books.following.discard(self)

    def _tell(self, end: Callable[[Tap], None]) -> None:
        tap = self._tap
        if tap is None:
            return
        try:
            end(tap)
            if tap.cut_short and self._why is None:
                self._lose(Off.HALF_OPEN)
        except Exception:  # noqa: BLE001  # the relay must go on
            self._broke()

    def _book_unanswered(self, tap: Tap) -> None:
        if self._entered:
            for numbers in tap.close():
                self._books.entry(numbers).unanswered += 1

    @staticmethod
    def _note_locks(calls: Sequence[Call], note: Callable[[], None]) -> None:
        for _, (program, _, procedure), _ in calls:
            if program == _NLM and procedure != _NULL:
                note()

    def _stop(self, why: str) -> None:
        """Follow no more."""
        if why is not Off.HALF_OPEN:  # else it is still known that nothing can be answered
            self._tap = None
            self._books.following.discard(self)
        if self._why is None:
            self._lose(why)

    def _lose(self, why: str) -> None:
        """It is not followed wholly any more: a connection counts for one reason, the first."""
        self._why = why
        if self._entered:
            self._books.lose_track(why, self._originator)

    def _broke(self) -> None:
        books = self._books
        _log.exception(
            "rpc_tap_broke",
            gateway=books.gateway,
            service=str(books.service),
            originator=self._originator,
        )
        self._stop(INTERNAL)


# Members of an enumeration are slow to look up before Python 3.12.
_NONE: Final = Error.NONE
