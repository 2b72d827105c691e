"""Record marking: how messages are told apart on a stream (RFC 5531 section 11).

A record is one or more fragments; each begins with a big-endian word whose highest bit says "the
last one" and whose other 31 bits are the fragment's length in bytes.
"""

from collections.abc import Iterator
from typing import Final, NoReturn

from hostnfsd.sunrpc.xdr import RpcDecodeError

LAST_FRAGMENT: Final = 0x8000_0000
MAX_FRAGMENT: Final = 0x7FFF_FFFF
MARK_SIZE: Final = 4
#: Fragments that are no record's last are of 9 kB in the RPC library of ONC; Linux kernels make
#: none. Each costs work whatever its size: so many of a stream may be of any, the others must have
#: so many bytes on average.
FREE_FRAGMENTS: Final = 1024
LEAST_FRAGMENT: Final = 512


def encode(record: bytes, max_fragment: int = MAX_FRAGMENT) -> bytes:
    """A record as it goes on the stream, in fragments of 1 to ``max_fragment`` bytes.

    Raises:
        ValueError: ``max_fragment`` is not a length a mark can tell.
    """
    if not 1 <= max_fragment <= MAX_FRAGMENT:
        raise ValueError(f"fragments of {max_fragment} bytes (1 to {MAX_FRAGMENT})")
    parts: list[bytes] = []
    start = 0
    while len(record) - start > max_fragment:
        parts += (max_fragment.to_bytes(MARK_SIZE, "big"), record[start : start + max_fragment])
        start += max_fragment
    last = record[start:]
    parts += ((LAST_FRAGMENT | len(last)).to_bytes(MARK_SIZE, "big"), last)
    return b"".join(parts)


class RecordReader:
    """Puts records together from a stream in any chunks.

    The same stream gives the same records, and the same error after them, however it is cut.
    Memory held: the record begun, and what was fed and not asked for. Work is bounded by the bytes
    of the records: a stream of crumbs is an error (:data:`FREE_FRAGMENTS`).

    Args:
        max_size: bytes a record may have; one that announces more is an error.
    """

    __slots__ = (
        "_begun",
        "_buffer",
        "_crumbs",
        "_failed",
        "_last",
        "_left",
        "_max_size",
        "_offset",
        "_record",
    )

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._buffer = bytearray()  # fed, not looked at
        self._record = bytearray()  # of the record begun
        self._begun = False
        self._last = False  # the fragment begun is the record's last
        self._left = 0  # bytes of the fragment begun that are still to come
        self._crumbs = FREE_FRAGMENTS * LEAST_FRAGMENT  # bytes that fragments may yet lack
        self._offset = 0  # of the buffer in the stream
        self._failed: tuple[str, int] | None = None

    def feed(self, data: bytes | memoryview) -> Iterator[bytes]:
        """The records that ``data`` completes; those not taken come with the next call.

        Raises:
            RpcDecodeError: while iterating, after the records before it, and in every later call:
                a record is larger than ``max_size``, or fragments are too many.
        """
        if self._failed is None:
            self._buffer += data
        return iter(self._next, None)

    @property
    def amid(self) -> bool:
        """Whether a record is begun, or bytes wait that were fed and not taken."""
        return self._begun or bool(self._buffer)

    def finish(self) -> None:
        """The stream has ended, and every record was taken.

        Raises:
            RpcDecodeError: it ended inside a record, or had failed before.
        """
        if self._failed is not None:
            raise RpcDecodeError(*self._failed)
        if self.amid:
            end = self._offset + len(self._buffer)
            raise RpcDecodeError("the stream ends inside a record", end)

    def _next(self) -> bytes | None:
        """The next record, or None while it is not complete."""
        if self._failed is not None:
            raise RpcDecodeError(*self._failed)
        while True:
            self._take_body()
            if self._left:
                return None
            if self._begun and self._last:
                record = bytes(self._record)
                self._record.clear()
                self._begun = False
                return record
            if len(self._buffer) < MARK_SIZE:
                return None
            self._take_mark()

    def _take_body(self) -> None:
        size = min(self._left, len(self._buffer))
        self._record += memoryview(self._buffer)[:size]
        del self._buffer[:size]
        self._offset += size
        self._left -= size

    def _take_mark(self) -> None:
        mark = int.from_bytes(self._buffer[:MARK_SIZE], "big")
        size = mark & MAX_FRAGMENT
        if len(self._record) + size > self._max_size:
            self._fail(
                f"a record of {len(self._record) + size} bytes or more (at most {self._max_size})"
            )
        if mark < LAST_FRAGMENT:
            self._crumbs += size - LEAST_FRAGMENT
            if self._crumbs < 0:
                self._fail(f"fragments of less than {LEAST_FRAGMENT} bytes without end")
        del self._buffer[:MARK_SIZE]
        self._offset += MARK_SIZE
        self._begun = True
        self._last = mark >= LAST_FRAGMENT
        self._left = size

    def _fail(self, text: str) -> NoReturn:
        self._failed = text, self._offset
        self._buffer.clear()
        self._record.clear()
        raise RpcDecodeError(*self._failed)
