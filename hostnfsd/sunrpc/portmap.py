"""The port mapper, version 2 of program 100000 (RFC 1833 section 3)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from hostnfsd.sunrpc.xdr import Reader, Writer

PROGRAM: Final = 100000
VERSION: Final = 2
#: GETPORT's answer where nothing is registered.
NOT_REGISTERED: Final = 0
PORT_MAX: Final = 65535


class Procedure(IntEnum):
    """Procedures of version 2."""

    NULL = 0
    SET = 1
    UNSET = 2
    GETPORT = 3
    DUMP = 4
    CALLIT = 5


class Protocol(IntEnum):
    """IP protocol numbers; a mapping may carry any other."""

    TCP = 6
    UDP = 17


@dataclass(frozen=True, slots=True)
class Mapping:
    """``mapping``: the argument of GETPORT (its port is ignored), SET and UNSET; a row of DUMP."""

    program: int
    version: int
    protocol: int
    port: int = 0

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        for number in (self.program, self.version, self.protocol, self.port):
            writer.uint(number)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.uint(), reader.uint(), reader.uint(), reader.uint())


@dataclass(frozen=True, slots=True)
class Port:
    """GETPORT's result: a port, or :data:`NOT_REGISTERED`."""

    number: int

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.uint(self.number, PORT_MAX)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.uint(PORT_MAX))


@dataclass(frozen=True, slots=True)
class Mappings:
    """DUMP's result."""

    rows: tuple[Mapping, ...] = ()

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.items(self.rows)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.items(Mapping))
