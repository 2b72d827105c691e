"""Calls and replies in a relayed connection, read from what passes by.

A :class:`Tap` sees every chunk of both directions and keeps no payload: of each record it looks at
the first bytes, and skips the rest by count (:mod:`hostnfsd.sunrpc.scan`).

A tap that cannot follow switches itself off for good, says why, and never disturbs the relay. Where
more calls are unanswered than it remembers it stays on: those it knows are waited for and matched
as ever, the others pass, and so do their replies.

Calls that the server makes to the client (the backchannel of NFSv4.1, RFC 8881 section 2.10.3.1)
share the connection: they are passed over, and so are their replies.
"""

import struct
from collections.abc import Sequence
from typing import Final, TypeAlias

from hostnfsd.sunrpc.compound import LARGE, works
from hostnfsd.sunrpc.outcome import NO_ERROR, Error, has_status, outcome_of
from hostnfsd.sunrpc.record import LAST_FRAGMENT, MARK_SIZE
from hostnfsd.sunrpc.rpc import (
    RPC_VERSION,
    AcceptStat,
    AuthFlavor,
    MessageType,
    ReplyStat,
)
from hostnfsd.sunrpc.scan import Off, Scanner

#: Bytes of the largest record followed. Servers take at most 1 MiB of payload (Linux knfsd), up to
#: 64 MiB (nfs-ganesha); the first four bytes of TLS, SSH, HTTP or any text announce far more.
MAX_RECORD: Final = 65 * 1024 * 1024
#: Calls that may wait for their replies; a Linux client has rarely more than some hundred.
MAX_OUTSTANDING: Final = 4096

#: xid, msg_type, RPC version, program, version, procedure, flavor of the credential.
_CALL: Final = struct.Struct(">7I")
#: Mark, xid; msg_type and RPC version as one number; program, version, procedure, flavor.
_MARKED_CALL: Final = struct.Struct(">2IQ4I")
#: Mark, xid; past :data:`_DONE`; first word of the results.
_MARKED_REPLY: Final = struct.Struct(">2I20xI")
#: xid, msg_type, reply_stat; then flavor and length of the verifier, or reject_stat and auth_stat.
_REPLY: Final = struct.Struct(">5I")
_WORD: Final = struct.Struct(">I")
#: A call without arguments has a credential and a verifier, each a flavor and a length.
_SHORTEST_CALL: Final = 40
_SHORTEST_REPLY: Final = _REPLY.size
_SHORTEST_MARKED_CALL: Final = MARK_SIZE + _SHORTEST_CALL
_SHORTEST_MARKED_STATUS: Final = _MARKED_REPLY.size
_SHORTEST_STATUS: Final = _MARKED_REPLY.size - MARK_SIZE
# Plain numbers: the enumerations would be looked up for every message.
_IS_CALL: Final = int(MessageType.CALL)
_IS_REPLY: Final = int(MessageType.REPLY)
_CALL_OF_VERSION_2: Final = MessageType.CALL << 32 | RPC_VERSION
#: msg_type, reply_stat, an empty verifier, accept_stat of the most usual reply.
_DONE: Final = struct.pack(
    ">5I", MessageType.REPLY, ReplyStat.ACCEPTED, AuthFlavor.NONE, 0, AcceptStat.SUCCESS
)
# Of RPCSEC_GSS: what begins the results may be a length, or encrypted.
_GSS: Final = int(AuthFlavor.RPCSEC_GSS)


#: Program, version and procedure.
Numbers: TypeAlias = tuple[int, int, int]
_COMPOUND: Final[Numbers] = (100003, 4, 1)


# Plain tuples: a named one takes five times as long to make, and there are two for each call.
#: A call has passed: its transaction number, what is called, bytes of its record without marks.
Call: TypeAlias = tuple[int, Numbers, int]
#: The reply to a call has passed: the number and what was called, what became of it, the status of
#: NFS or MOUNT (0 where there is none to be seen), bytes of the reply's record without marks, and
#: seconds from the call's first byte to the reply's last.
Reply: TypeAlias = tuple[int, Numbers, Error, int, int, float]

#: A call that waits for its reply: what is called, the flavor of its credential, and when its first
#: byte passed.
_Pending: TypeAlias = tuple[Numbers, int, float]

# Members of an enumeration are slow to look up before Python 3.12.
_STATUS: Final = Error.STATUS
_NONE: Final = Error.NONE
_read_call: Final = _MARKED_CALL.unpack_from
_read_reply: Final = _MARKED_REPLY.unpack_from


class Tap:
    """What passes on one connection. Times are any clock's, in seconds; they only need to agree.

    Args:
        max_record: bytes of the largest record followed.
        max_outstanding: calls that may wait for replies.

    Attributes:
        off: why the connection is not followed any more; None while it is.
        cut_short: whether a direction ended inside a record.
        overrun: whether calls have passed that are waited for by the client, and not known here.
        strays: replies that answer no call we know: of calls sent again, and answered twice, and of
            those that have overrun.
        working: COMPOUNDs of NFS version 4 that somebody works at, see :func:`compound.works`.
    """

    __slots__ = (
        "_calls",
        "_cut",
        "_host_ended",
        "_lost",
        "_most",
        "_opened",
        "_pending",
        "_replies",
        "_unusual",
        "cut_short",
        "off",
        "overrun",
        "strays",
        "working",
    )

    def __init__(
        self, *, max_record: int = MAX_RECORD, max_outstanding: int = MAX_OUTSTANDING
    ) -> None:
        self._calls = Scanner(max_record)
        self._replies = Scanner(max_record)
        self._most = max_outstanding
        self._pending: dict[int, _Pending] = {}
        self._opened = False  # the call that is passing has been looked at already
        self._cut: int | None = None  # its xid, if it is in _pending and not complete
        self._lost: tuple[Numbers, ...] = ()
        self._host_ended = False
        self._unusual = False  # a side has ended, or it is off: no call is an ordinary one
        self.off: Off | None = None
        self.cut_short = False
        self.overrun = False
        self.strays = 0
        self.working = 0

    @property
    def unanswered(self) -> int:
        """How many calls wait for the end of their replies; 0 once off."""
        return len(self._pending)

    @property
    def oldest(self) -> float | None:
        """When the first byte of the longest unanswered call passed; None without one."""
        # Calls are entered in the order in which they began.
        return next((began for _, _, began in self._pending.values()), None)

    @property
    def quiet(self) -> bool | None:
        """Whether no call is unanswered and no record is half through.

        None once off, or overrun: which of the others are answered is not known.
        """
        if self.off is not None or self.overrun:
            return None
        return not self._pending and self._calls.between and self._replies.between

    def to_host(self, chunk: bytes | memoryview, now: float) -> Sequence[Call]:
        """The calls whose last byte is in ``chunk``, which passes at ``now``."""
        scanner, size = self._calls, len(chunk)
        if size < scanner.skip:
            scanner.pass_over(size)
            return ()
        calls: list[Call] = []
        at, pending, longest = 0, self._pending, scanner.max_record
        # The quick way, for ordinary calls that lie whole at the chunk's start: most chunks are one
        # call. Whatever is unusual in any way is left.
        while scanner.between and size - at >= _SHORTEST_MARKED_CALL and not self._unusual:
            mark, xid, kind, program, version, procedure, flavor = _read_call(chunk, at)
            length = mark - LAST_FRAGMENT
            end = at + MARK_SIZE + length
            if (
                kind != _CALL_OF_VERSION_2
                or length < _SHORTEST_CALL
                or end > size
                or length > longest
                or xid in pending
                or len(pending) >= self._most
            ):
                break
            numbers = (program, version, procedure)
            pending[xid] = (numbers, flavor, now)
            calls.append((xid, numbers, length))
            # The version first: for all but NFSv4 this costs one comparison of a number.
            if version == _COMPOUND[1] and numbers == _COMPOUND:
                self.working += works(chunk, at + MARK_SIZE, end)
            if end == size:
                return calls
            at = end
        self._slow_calls(memoryview(chunk)[at:] if at else chunk, now, calls)
        return calls

    def _slow_calls(self, chunk: bytes | memoryview, now: float, calls: list[Call]) -> None:
        scanner = self._calls
        for head, length, began in scanner.feed(chunk, now):
            call = self._call(head, length, began)
            if call is not None:
                calls.append(call)
                # Its head is too short to tell more.
                self.working += call[1] == _COMPOUND and length > LARGE
            self._opened = False
            self._cut = None
        # A call counts from its first bytes on: a server may answer before it has read all.
        if not self._opened and (head_now := scanner.open_head) is not None:
            known = len(self._pending)
            call = self._call(head_now, _SHORTEST_CALL, scanner.began)
            self._opened = True
            self._cut = call[0] if call is not None and len(self._pending) > known else None
        if scanner.off is not None and self.off is None:
            self._stop(scanner.off)

    def to_client(self, chunk: bytes | memoryview, now: float) -> Sequence[Reply]:
        """The replies to known calls whose last byte is in ``chunk``, which passes at ``now``."""
        scanner, size = self._replies, len(chunk)
        if size < scanner.skip:
            scanner.pass_over(size)
            return ()
        replies: list[Reply] = []
        at, pending, longest = 0, self._pending, scanner.max_record
        # The quick way, as above: a reply that was accepted, without a verifier, done. Once off,
        # nothing waits for one.
        while scanner.between and size - at >= _SHORTEST_MARKED_STATUS:
            mark, xid, status = _read_reply(chunk, at)
            length = mark - LAST_FRAGMENT
            end = at + MARK_SIZE + length
            if (
                chunk[at + 8 : at + 28] != _DONE
                or length < _SHORTEST_STATUS
                or end > size
                or length > longest
                or xid not in pending
            ):
                break
            numbers, flavor, began = pending.pop(xid)
            error = _NONE
            if status:
                error, status = _seen(numbers, flavor, status)
            replies.append((xid, numbers, error, status, length, now - began))
            if end == size:
                return replies
            at = end
        for head, length, _ in scanner.feed(memoryview(chunk)[at:] if at else chunk, now):
            reply = self._reply(head, length, now)
            if reply is not None:
                replies.append(reply)
        if scanner.off is not None and self.off is None:
            self._stop(scanner.off)
        return replies

    def client_ended(self) -> None:
        """The client sends no more; replies may still come, but none to a call it cut short."""
        if not self._calls.between:
            self.cut_short = True
            if self._cut is not None:
                self._pending.pop(self._cut, None)
            self._calls.stop(Off.HALF_OPEN)
            self._unusual = True

    def host_ended(self) -> None:
        """The host sends no more: what is unanswered will stay so."""
        self._host_ended = self._unusual = True
        self.cut_short |= not self._replies.between
        if self._pending or not self._replies.between:
            self._lost = self._whole_pending()
            self._stop(Off.HALF_OPEN)

    def close(self) -> tuple[Numbers, ...]:
        """The connection is over: the calls that passed whole and were not answered.

        Empty where that cannot be told, because the connection was not followed to its end; without
        those that have overrun.
        """
        lost = self._lost or self._whole_pending()
        self._pending.clear()
        self._lost = ()
        return lost

    def _whole_pending(self) -> tuple[Numbers, ...]:
        waiting = self._pending.items()
        return tuple(numbers for xid, (numbers, _, _) in waiting if xid != self._cut)

    def _stop(self, why: Off) -> None:
        """For good: nothing is pending and nothing is half through from here on."""
        self.off = why
        self._unusual = True
        self._calls.stop(why)
        self._replies.stop(why)
        self._pending.clear()

    def _call(self, head: bytes, size: int, began: float) -> Call | None:
        """Enter a call; None for what is none."""
        if self.off is not None:
            return None
        if size < _SHORTEST_REPLY:
            self._stop(Off.GARBAGE)
            return None
        if _WORD.unpack_from(head, 4)[0] == _IS_REPLY:  # to a call of the server's
            return None
        if size < _SHORTEST_CALL:
            self._stop(Off.GARBAGE)
            return None
        xid, kind, rpc_version, *called, flavor = _CALL.unpack_from(head)
        if kind != _IS_CALL or rpc_version != RPC_VERSION:
            self._stop(Off.GARBAGE)
            return None
        numbers: Numbers = (called[0], called[1], called[2])
        if not self._opened and xid not in self._pending:
            if self._host_ended:
                self._stop(Off.HALF_OPEN)
                return None
            if len(self._pending) >= self._most:
                self.overrun = True
            else:
                self._pending[xid] = (numbers, flavor, began)
        return xid, numbers, size

    def _reply(self, head: bytes, size: int, now: float) -> Reply | None:
        """Take the call off that a reply answers; None for what answers none."""
        if self.off is not None:
            return None
        if size < _SHORTEST_REPLY:
            self._stop(Off.GARBAGE)
            return None
        xid, kind, stat, _, length = _REPLY.unpack_from(head)
        if kind == _IS_CALL:  # of the server's
            return None
        outcome = outcome_of(head, size, stat, length) if kind == _IS_REPLY else None
        if outcome is None:
            self._stop(Off.GARBAGE)
            return None
        pending = self._pending.pop(xid, None)
        if pending is None:
            self.strays += 1
            return None
        numbers, flavor, began = pending
        error, status = outcome
        if error is _STATUS:
            error, status = _seen(numbers, flavor, status)
        return xid, numbers, error, status, size, now - began


def _seen(numbers: Numbers, flavor: int, status: int) -> tuple[Error, int]:
    """What the first word of the results of a call says, which is not 0."""
    return (_STATUS, status) if flavor != _GSS and has_status(*numbers) else NO_ERROR
