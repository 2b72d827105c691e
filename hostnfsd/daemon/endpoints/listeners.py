"""Listening TCP sockets for a host name or address."""

import asyncio
import errno
import socket
from typing import Final

_BACKLOG: Final = 64
_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def _bind_one(family: int, address: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        # Two sockets may be bound to a port; that only one can listen shows here.
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


async def bind(host: str, port: int) -> list[socket.socket]:
    """One socket per address of the host; an address that the machine lacks is left out.

    "localhost" names ::1 also where IPv6 is switched off.

    Raises:
        OSError: the name has no address, none of them is here, or one is taken.
    """
    infos = await asyncio.get_running_loop().getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    bound: list[socket.socket] = []
    missing = OSError(f"{host} has no address")
    try:
        # A name may be listed twice in /etc/hosts.
        for family, address in dict.fromkeys((info[0], info[4]) for info in infos):
            try:
                bound.append(_bind_one(family, address))
            except OSError as exc:
                if exc.errno not in _NOT_HERE:
                    raise
                missing = exc
        if not bound:
            raise missing
    except OSError:
        for listener in bound:
            listener.close()
        raise
    return bound
