"""Connects a TCP socket, from a reserved source port if asked. The decisions are in ``ports``.

asyncio's and uvloop's own ``local_addr`` differ in socket options and in the errors they raise;
here the socket is ours, and so is what its errors mean.
"""

import asyncio
import errno
import os
import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from hostnfsd.dial.ports import Meaning, Step, meaning

#: Seconds without a byte after which a peer is asked for a sign of life, between two such
#: questions, and how often: a host that is cut off is noticed within a minute.
_IDLE_S: Final = 30
_INTERVAL_S: Final = 10
_COUNT: Final = 3
if sys.platform == "darwin":  # tcp(4)
    _TCP_KEEPIDLE: Final = socket.TCP_KEEPALIVE
else:
    _TCP_KEEPIDLE: Final = socket.TCP_KEEPIDLE

_WILDCARD: Final = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}  # noqa: S104  # before a connect: any source address

Sockaddr: TypeAlias = tuple[str, int] | tuple[str, int, int, int]


class RangeUsedUpError(OSError):
    """Every reserved source port is in use towards a destination."""

    def __init__(self, address: str, port: int) -> None:
        # No errno: whoever tells of it shall use these words, not the system's.
        super().__init__(f"no reserved source port is left towards {address} port {port}")


class NoRightError(PermissionError):
    """We may not use reserved source ports."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "no right to use source ports below 1024")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to connect to: numeric."""

    family: socket.AddressFamily
    address: Sockaddr


async def resolve(address: str, port: int) -> tuple[Destination, ...]:
    """The numeric forms of an address or name, in the system's order of preference.

    Raises:
        OSError: it does not resolve (``socket.gaierror``).
    """
    try:
        found = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except socket.gaierror:  # a name: somebody may have to be asked
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    # An interpreter without IPv6 gives pairs of another kind for it: of no use here.
    return tuple(Destination(f, a) for f, _, _, _, a in found if f in _WILDCARD)  # type: ignore[arg-type]  # see above


async def connect(destination: Destination) -> socket.socket:
    """A socket connected from a port of the system's choice, non-blocking.

    Raises:
        OSError: refused, unreachable, reset.
    """
    return await _connected(_made(destination.family), destination)


async def connect_from(destination: Destination, source_ports: Iterable[int]) -> socket.socket:
    """A socket connected from the first of ``source_ports`` that is free, non-blocking.

    Raises:
        RangeUsedUpError: none of them is.
        NoRightError: we may not have such ports.
        OSError: refused, unreachable, reset: no other port was tried.
    """
    for port in source_ports:
        # From the port that it dials, a socket of the same host could connect to itself.
        sock = None if port == destination.address[1] else bound(destination.family, port)
        if sock is None:
            continue
        try:
            return await _connected(sock, destination)
        except OSError as exc:
            if meaning(Step.CONNECT, exc.errno) is not Meaning.NEXT:
                raise
    raise RangeUsedUpError(*destination.address[:2])


def bound(family: socket.AddressFamily, port: int) -> socket.socket | None:
    """A non-blocking socket bound to a reserved port, or None if somebody else has it.

    Raises:
        NoRightError: we may not have such ports.
        OSError: anything that is not about the port.
    """
    sock = _made(family)
    try:
        # Always the wildcard: macOS lets anybody bind a reserved port of 0.0.0.0 and :: (xnu,
        # in_pcbbind), of any other address root only.
        sock.bind((_WILDCARD[family], port))
    except OSError as exc:
        sock.close()
        match meaning(Step.BIND, exc.errno):
            case Meaning.NEXT:
                return None
            case Meaning.NO_RIGHT:
                raise NoRightError from exc
            case Meaning.FINAL:
                raise
    return sock


def _made(family: socket.AddressFamily) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # A port whose last connection is in TIME_WAIT can be had again only if both the old socket
        # and the new one have this.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    except BaseException:
        sock.close()
        raise
    return sock


async def _connected(sock: socket.socket, destination: Destination) -> socket.socket:
    """The same socket, connected; closed if it cannot be."""
    try:
        # Not through the event loop: that the connection exists already is told at once, and when
        # the range is used up hundreds of ports are tried in a row.
        _check(sock.connect_ex(destination.address), errno.EINPROGRESS)
        await _writable(sock)
        _check(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        _check_peer(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            (socket.TCP_NODELAY, 1),
            (_TCP_KEEPIDLE, _IDLE_S),
            (socket.TCP_KEEPINTVL, _INTERVAL_S),
            (socket.TCP_KEEPCNT, _COUNT),
        ):
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
    except BaseException:
        sock.close()
        raise
    return sock


def _check(number: int, *fine: int) -> None:
    if number and number not in fine:
        raise OSError(number, os.strerror(number))


def _check_peer(sock: socket.socket) -> None:
    """Refuse a socket that met itself.

    Where nobody listens, a SYN to the very port it came from is a simultaneous open (RFC 9293
    section 3.5): whoever has the source port is connected to itself, and takes the service's port.
    """
    if sock.getsockname()[:2] == sock.getpeername()[:2]:
        # Without TIME_WAIT: the service is to find its port free.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        _check(errno.ECONNREFUSED)


async def _writable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_writer(sock, told.set)
    try:
        await told.wait()
    finally:
        loop.remove_writer(sock)
