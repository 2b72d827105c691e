"""XDR, the external data representation (RFC 4506): big-endian units of four bytes.

A message is a frozen value with ``write`` and ``read``; :func:`encode` and :func:`decode` turn it
into bytes and back. Decoding is strict: what is missing, too long, badly padded or left over is an
error that says where.
"""

import struct
from enum import IntEnum
from typing import Final, Protocol, Self, TypeVar

from hostnfsd.errors import HostnfsdError

UINT_MAX: Final = 0xFFFF_FFFF
UHYPER_MAX: Final = 0xFFFF_FFFF_FFFF_FFFF

_UINT: Final = struct.Struct(">I")
_UHYPER: Final = struct.Struct(">Q")
_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")


class RpcDecodeError(HostnfsdError):
    """A peer's bytes are not what the protocol says.

    Attributes:
        offset: where, in bytes from the start of what was decoded: of the record for messages, of
            the arguments or results for those, of the stream for record marks.
    """

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(f"{text} (byte {offset})")
        self.offset = offset


class Encodable(Protocol):
    """A value that has an XDR form."""

    def write(self, writer: "Writer", /) -> None:
        """Append its XDR form."""


class Decodable(Protocol):
    """A value that can be made from its XDR form."""

    @classmethod
    def read(cls, reader: "Reader", /) -> Self:
        """Take one from the reader; raises :class:`RpcDecodeError`."""


class Message(Encodable, Decodable, Protocol):
    """Both."""


_D = TypeVar("_D", bound=Decodable)
_E = TypeVar("_E", bound=IntEnum)


def encode(message: Encodable) -> bytes:
    """The XDR form of ``message``.

    Raises:
        ValueError: a field does not fit its type: our own mistake, never a peer's.
    """
    writer = Writer()
    message.write(writer)
    return writer.taken()


def decode(kind: type[_D], data: bytes | memoryview) -> _D:
    """The message of type ``kind`` that ``data`` is, from its first byte to its last.

    Raises:
        RpcDecodeError: it is not one.
    """
    reader = Reader(data)
    message = kind.read(reader)
    reader.finish()
    return message


class Reader:
    """A cursor over bytes that never reads past their end."""

    __slots__ = ("_data", "_offset")

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self._offset = 0

    @property
    def offset(self) -> int:
        """Bytes read so far."""
        return self._offset

    def fixed(self, size: int) -> bytes:
        """Opaque data of fixed length, padding taken and checked (RFC 4506 section 4.9)."""
        start = self._offset
        end = start + size
        pad = -size % 4
        if end + pad > len(self._data):
            raise RpcDecodeError(
                f"ends early: {size + pad} bytes wanted, {len(self._data) - start} left", start
            )
        if pad and bytes(self._data[end : end + pad]) != _PADDING[size % 4]:
            raise RpcDecodeError("padding is not zero", end)
        self._offset = end + pad
        return bytes(self._data[start:end])

    def uint(self, maximum: int = UINT_MAX) -> int:
        """An unsigned integer of at most ``maximum``."""
        start = self._offset
        value: int = _UINT.unpack(self.fixed(4))[0]
        if value > maximum:
            raise RpcDecodeError(f"{value} is too large (at most {maximum})", start)
        return value

    def uhyper(self) -> int:
        """An unsigned integer of 64 bits."""
        value: int = _UHYPER.unpack(self.fixed(8))[0]
        return value

    def boolean(self) -> bool:
        """A bool: 0 or 1, nothing else."""
        start = self._offset
        value = self.uint()
        if value > 1:
            raise RpcDecodeError(f"{value} is no boolean (0 or 1)", start)
        return value == 1

    def enum(self, kind: type[_E]) -> _E:
        """A member of ``kind``; a number without a member is an error."""
        start = self._offset
        value = self.uint()
        try:
            return kind(value)
        except ValueError:
            raise RpcDecodeError(f"{value} is no {kind.__name__}", start) from None

    def opaque(self, maximum: int) -> bytes:
        """Opaque data of variable length, at most ``maximum`` bytes."""
        start = self._offset
        size = self.uint()
        if size > maximum:
            raise RpcDecodeError(f"{size} bytes are too many (at most {maximum})", start)
        return self.fixed(size)

    def string(self, maximum: int) -> str:
        """A string of at most ``maximum`` bytes. Bytes that are not UTF-8 survive as surrogates."""
        return self.opaque(maximum).decode("utf-8", "surrogateescape")

    def items(self, kind: type[_D]) -> tuple[_D, ...]:
        """A linked list: each item follows a true, and a false ends it (RFC 4506 section 4.19)."""
        found = []
        while self.boolean():
            found.append(kind.read(self))
        return tuple(found)

    def rest(self) -> bytes:
        """All that is left: the arguments or results, which the message does not describe."""
        start = self._offset
        self._offset = len(self._data)
        return bytes(self._data[start:])

    def finish(self) -> None:
        """Nothing may be left."""
        left = len(self._data) - self._offset
        if left:
            raise RpcDecodeError(f"{left} bytes too many", self._offset)


class Writer:
    """Collects the XDR form of values.

    Every method raises ValueError for a value that does not fit.
    """

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def taken(self) -> bytes:
        """Everything written so far."""
        return b"".join(self._parts)

    def raw(self, data: bytes) -> None:
        """Bytes that are XDR already."""
        self._parts.append(data)

    def fixed(self, value: bytes, size: int) -> None:
        """Opaque data of fixed length."""
        if len(value) != size:
            raise ValueError(f"{len(value)} bytes where {size} belong")
        self._parts.append(value + _PADDING[size % 4])

    def uint(self, value: int, maximum: int = UINT_MAX) -> None:
        """An unsigned integer of at most ``maximum``."""
        if not 0 <= value <= maximum:
            raise ValueError(f"{value} does not fit (0 to {maximum})")
        self._parts.append(_UINT.pack(value))

    def uhyper(self, value: int) -> None:
        """An unsigned integer of 64 bits."""
        if not 0 <= value <= UHYPER_MAX:
            raise ValueError(f"{value} does not fit 64 bits")
        self._parts.append(_UHYPER.pack(value))

    def boolean(self, value: bool) -> None:
        """A bool."""
        self.uint(int(value))

    def opaque(self, value: bytes, maximum: int) -> None:
        """Opaque data of variable length, at most ``maximum`` bytes."""
        self.uint(len(value), maximum)
        self.fixed(value, len(value))

    def string(self, value: str, maximum: int) -> None:
        """A string of at most ``maximum`` bytes, as UTF-8; surrogates become bytes again."""
        self.opaque(value.encode("utf-8", "surrogateescape"), maximum)

    def items(self, values: tuple[Encodable, ...]) -> None:
        """A linked list."""
        for value in values:
            self.boolean(True)
            value.write(self)
        self.boolean(False)
