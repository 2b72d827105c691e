"""The records of a stream that passes by: their first bytes and their sizes, never their bodies.

For streams that are relayed, not read: see :mod:`hostnfsd.sunrpc.record` for those that are.
"""

import struct
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from hostnfsd.sunrpc.record import (
    FREE_FRAGMENTS,
    LAST_FRAGMENT,
    LEAST_FRAGMENT,
    MARK_SIZE,
    MAX_FRAGMENT,
)

#: Bytes of each record that are kept: enough for a call's numbers and flavor, and for a reply's
#: status behind a Kerberos verifier.
HEAD: Final = 64

_MARK: Final = struct.Struct(">I")


class Off(StrEnum):
    """Why a stream is not followed any more: a closed set of labels."""

    GARBAGE = "garbage"  # no RPC message, or one in crumbs
    OVERSIZE = "oversize"  # a record larger than any
    HALF_OPEN = "half-open"  # a direction ended inside a record, or with calls unanswered


class Passed(NamedTuple):
    """A record that has passed. ``size``: bytes without marks; ``began``: its first byte's time."""

    head: bytes
    size: int
    began: float


class Scanner:
    """One direction of a connection.

    What a chunk costs depends on the records that begin or end in it, not on its size.

    Args:
        max_record: bytes; a record that announces more is taken for something that is no RPC.

    Attributes:
        off: why it has stopped looking; None while it looks. What had passed before is still told.
        began: when the first byte of the record that is passing came.
        between: whether the last chunk ended where a record ends.
        skip: bytes that need no look: a chunk with fewer can be passed over, see
            :meth:`pass_over`.
    """

    __slots__ = (
        "_crumbs",
        "_head",
        "_inside",
        "_last",
        "_left",
        "_mark",
        "_size",
        "began",
        "between",
        "max_record",
        "off",
        "skip",
    )

    def __init__(self, max_record: int) -> None:
        self.max_record = max_record
        self._mark = b""  # the first bytes of a mark that a chunk's end has cut
        self._inside = False  # a record was begun and is not complete
        self._last = False  # its present fragment is its last
        self._left = 0  # bytes of that fragment still to come
        self._head = b""
        self._size = 0  # of the record, as far as announced
        self._crumbs = FREE_FRAGMENTS * LEAST_FRAGMENT  # bytes that fragments may yet lack
        self.skip = 0  # the rest of the fragment once the head is full
        self.began = 0.0
        self.between = True
        self.off: Off | None = None

    @property
    def open_head(self) -> bytes | None:
        """The head of the record that is passing, once all :data:`HEAD` bytes of it are there."""
        return self._head if self._inside and len(self._head) == HEAD else None

    def feed(self, chunk: bytes | memoryview, now: float) -> Sequence[Passed]:
        """The records that end in ``chunk``; ``now`` is any clock's time, of the chunk's coming."""
        size = len(chunk)
        if size < self.skip:
            self.pass_over(size)
            return ()
        if self.off is not None or not size:
            return ()
        passed = self._walk(chunk, size, now)
        self.between = not self._inside and not self._mark
        return passed

    def pass_over(self, size: int) -> None:
        """A chunk of ``size`` bytes, fewer than :attr:`skip`, has passed."""
        self.skip -= size
        self._left -= size

    def stop(self, why: Off) -> None:
        """Look at nothing any more, and forget what was seen."""
        self.off = why
        self.skip = 0
        self._head = self._mark = b""
        self._inside = False
        self.between = True

    def _walk(self, chunk: bytes | memoryview, size: int, now: float) -> Sequence[Passed]:
        passed: list[Passed] = []
        at = self._whole(chunk, size, now, passed) if self.between else 0
        while True:
            if self._left:
                at = self._body(chunk, at, size)
                if self._left:
                    break
            if self._inside and self._last:
                passed.append(Passed(self._head, self._size, self.began))
                self._inside = False
                self._head = b""
            if at == size:
                break
            at = self._announced(chunk, at, size, now)
            if self.off is not None:
                return passed
        self.skip = self._left if len(self._head) == HEAD else 0
        return passed

    def _whole(self, chunk: bytes | memoryview, size: int, now: float, passed: list[Passed]) -> int:
        """Pass over the records at the chunk's start that are all in it; the place behind them.

        The quick way for small calls and replies: most come one in a chunk, in one fragment.
        """
        at = 0
        while size - at >= MARK_SIZE:
            mark = _MARK.unpack_from(chunk, at)[0]
            length = mark & MAX_FRAGMENT
            start = at + MARK_SIZE
            end = start + length
            if mark < LAST_FRAGMENT or end > size or length > self.max_record:
                break
            head = bytes(chunk[start : end if length < HEAD else start + HEAD])
            passed.append(Passed(head, length, now))
            at = end
        return at

    def _body(self, chunk: bytes | memoryview, at: int, size: int) -> int:
        """Pass over what the chunk has of the fragment; the place behind it."""
        end = min(at + self._left, size)
        missing = HEAD - len(self._head)
        if missing:
            self._head += bytes(chunk[at : min(at + missing, end)])
        self._left -= end - at
        return end

    def _announced(self, chunk: bytes | memoryview, at: int, size: int, now: float) -> int:
        """Read a mark, or the beginning of one; the place behind it."""
        if not self._inside and not self._mark:
            self.began = now
            self._size = 0
        end = at + MARK_SIZE - len(self._mark)
        if end > size:
            self._mark += bytes(chunk[at:size])
            return size
        if self._mark:
            mark = int.from_bytes(self._mark + bytes(chunk[at:end]), "big")
            self._mark = b""
        else:
            mark = _MARK.unpack_from(chunk, at)[0]
        self._inside = True
        self._last = mark >= LAST_FRAGMENT
        self._left = mark & MAX_FRAGMENT
        self._size += self._left
        if self._size > self.max_record:
            self.off = Off.OVERSIZE
        elif not self._last:
            self._crumbs += self._left - LEAST_FRAGMENT
            if self._crumbs < 0:
                self.off = Off.GARBAGE
        return end
