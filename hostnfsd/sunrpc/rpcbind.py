"""rpcbind, versions 3 and 4 of program 100000 (RFC 1833 section 2), and its universal addresses.

A universal address is the text of an address with the port as two decimal bytes behind it:
``192.0.2.1.8.1`` is port 2049 at 192.0.2.1, ``2001:db8::1.8.1`` the same over IPv6 (RFC 5665
section 5.2.3).
"""

import ipaddress
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final, Self, TypeAlias

from hostnfsd.sunrpc.portmap import PORT_MAX, Protocol
from hostnfsd.sunrpc.xdr import Reader, Writer

VERSIONS: Final = (3, 4)
#: RFC 1833 sets no limit on its strings; no real one is near this.
MAX_STRING: Final = 1024
MAX_SOCKADDR: Final = 1024
#: GETADDR's answer where nothing is registered.
NOT_REGISTERED: Final = ""

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class Procedure(IntEnum):
    """Procedures of versions 3 and 4; those after TADDR2UADDR are of version 4 only."""

    NULL = 0
    SET = 1
    UNSET = 2
    GETADDR = 3
    DUMP = 4
    CALLIT = 5  # BCAST in version 4
    GETTIME = 6
    UADDR2TADDR = 7
    TADDR2UADDR = 8
    GETVERSADDR = 9
    INDIRECT = 10
    GETADDRLIST = 11
    GETSTAT = 12


class Semantics(IntEnum):
    """``r_nc_semantics``: the kind of transport (RFC 1833 section 2.1)."""

    CLTS = 1
    COTS = 2
    COTS_ORD = 3


@dataclass(frozen=True, slots=True)
class Netid:
    """What a network identifier stands for (RFC 5665 section 5.1)."""

    family: str
    protocol: str
    number: Protocol
    semantics: Semantics
    ip_version: int


NETIDS: Final[ReadOnly[str, Netid]] = MappingProxyType(
    {
        "tcp": Netid("inet", "tcp", Protocol.TCP, Semantics.COTS_ORD, 4),
        "udp": Netid("inet", "udp", Protocol.UDP, Semantics.CLTS, 4),
        "tcp6": Netid("inet6", "tcp", Protocol.TCP, Semantics.COTS_ORD, 6),
        "udp6": Netid("inet6", "udp", Protocol.UDP, Semantics.CLTS, 6),
    }
)


def uaddr(address: str | IPAddress, port: int) -> str:
    """The universal address of an IP address (numeric) and a port.

    Raises:
        ValueError: no numeric address, one with a zone (``%eth0``), or no port.
    """
    if not 0 <= port <= PORT_MAX:
        raise ValueError(f"{port} is no port (0 to {PORT_MAX})")
    return f"{_without_zone(str(address))}.{port >> 8}.{port & 0xFF}"


def parse_uaddr(text: str) -> tuple[IPAddress, int]:
    """The address and the port of a universal address.

    Raises:
        ValueError: it is not one of IPv4 or IPv6.
    """
    address, *octets = text.rsplit(".", 2)
    if len(octets) != 2 or not all(_is_octet(octet) for octet in octets):  # noqa: PLR2004  # two bytes make a port
        raise ValueError(f"{text!r} does not end in a port as two decimal bytes")
    return _without_zone(address), int(octets[0]) << 8 | int(octets[1])


def _without_zone(text: str) -> IPAddress:
    if "%" in text:
        raise ValueError(f"{text!r} has a zone, which means nothing to another machine")
    return ipaddress.ip_address(text)


def _is_octet(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len("255") and int(text) <= 0xFF  # noqa: PLR2004  # a byte


@dataclass(frozen=True, slots=True)
class Binding:
    """``rpcb``: the argument of GETADDR, GETVERSADDR, GETADDRLIST, SET, UNSET; a row of DUMP.

    ``netid`` and ``address`` (a universal address) may be empty in a question.
    """

    program: int
    version: int
    netid: str = ""
    address: str = ""
    owner: str = ""

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.uint(self.program)
        writer.uint(self.version)
        for text in (self.netid, self.address, self.owner):
            writer.string(text, MAX_STRING)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        program, version = reader.uint(), reader.uint()
        netid, address, owner = (reader.string(MAX_STRING) for _ in range(3))
        return cls(program, version, netid, address, owner)


@dataclass(frozen=True, slots=True)
class Bindings:
    """DUMP's result."""

    rows: tuple[Binding, ...] = ()

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.items(self.rows)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.items(Binding))


@dataclass(frozen=True, slots=True)
class Uaddr:
    """A universal address, or :data:`NOT_REGISTERED`.

    The result of GETADDR, GETVERSADDR and TADDR2UADDR, the argument of UADDR2TADDR.
    """

    text: str

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.string(self.text, MAX_STRING)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.string(MAX_STRING))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``rpcb_entry``, a row of GETADDRLIST's result. ``semantics`` is open: any number may come."""

    address: str
    netid: str
    semantics: int
    family: str
    protocol: str

    @classmethod
    def of(cls, netid: str, address: IPAddress, port: int) -> Self:
        """The row of a port at an address; ``netid`` is one of :data:`NETIDS`."""
        facts = NETIDS[netid]
        return cls(uaddr(address, port), netid, facts.semantics, facts.family, facts.protocol)

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.string(self.address, MAX_STRING)
        writer.string(self.netid, MAX_STRING)
        writer.uint(self.semantics)
        writer.string(self.family, MAX_STRING)
        writer.string(self.protocol, MAX_STRING)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        address, netid = reader.string(MAX_STRING), reader.string(MAX_STRING)
        semantics = reader.uint()
        family, protocol = reader.string(MAX_STRING), reader.string(MAX_STRING)
        return cls(address, netid, semantics, family, protocol)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """GETADDRLIST's result."""

    rows: tuple[Endpoint, ...] = ()

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.items(self.rows)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.items(Endpoint))


@dataclass(frozen=True, slots=True)
class Time:
    """GETTIME's result: seconds since the epoch."""

    seconds: int

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.uint(self.seconds)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.uint())


@dataclass(frozen=True, slots=True)
class Netbuf:
    """``netbuf``: a socket address as the peer's own system lays it out.

    The result of UADDR2TADDR, the argument of TADDR2UADDR. ``capacity`` is the peer's buffer.
    """

    capacity: int
    sockaddr: bytes

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.uint(self.capacity)
        writer.opaque(self.sockaddr, MAX_SOCKADDR)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.uint(), reader.opaque(MAX_SOCKADDR))
