"""Notices that the network of this machine changed: the kernel tells, where it is asked.

Linux: rtnetlink(7), links, addresses and routes. macOS: route(4), links and addresses; routes are
left out there, for each neighbour that we dial is one. Both need no rights. A system that tells
nothing is waited out as any other outage is.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from typing import Final

#: Changes come in bursts, and a route after its address: seconds until the next call, if any.
SPACING_S: Final = 1.0
#: rtnetlink(7): RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, and the same of IPv6.
_GROUPS: Final = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
#: <net/route.h> of macOS: RTM_NEWADDR, RTM_DELADDR, RTM_IFINFO.
_DARWIN_TYPES: Final = frozenset({0xC, 0xD, 0xE})
#: struct rt_msghdr begins with rtm_msglen, rtm_version, rtm_type.
_DARWIN_HEADER: Final = struct.Struct("=HBB")
_CHUNK: Final = 64 * 1024


def is_change(message: bytes) -> bool:
    """Whether a message of the routing socket of macOS tells of a change that matters."""
    if len(message) < _DARWIN_HEADER.size:
        return False
    return _DARWIN_HEADER.unpack_from(message)[2] in _DARWIN_TYPES


def open_socket() -> socket.socket | None:
    """A socket on which the kernel tells of changes; None where it does not."""
    try:
        if sys.platform == "linux":
            sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            sock.bind((0, _GROUPS))
        elif sys.platform == "darwin":
            sock = socket.socket(socket.AF_ROUTE, socket.SOCK_RAW, socket.AF_UNSPEC)
        else:
            return None
    except OSError:
        return None
    sock.setblocking(False)
    return sock


async def watch(changed: Callable[[], None], spacing_s: float = SPACING_S) -> None:
    """Call ``changed`` at once, and once more when a burst is over; until cancelled."""
    sock = open_socket()
    if sock is None:
        return
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def read() -> None:
        try:
            message = sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:  # ENOBUFS (netlink(7)): more came than the kernel keeps
            told.set()
            return
        if sys.platform != "darwin" or is_change(message):
            told.set()

    loop.add_reader(sock.fileno(), read)
    try:
        while True:
            await told.wait()
            while told.is_set():
                told.clear()
                changed()
                await asyncio.sleep(spacing_s)
            changed()
    finally:
        loop.remove_reader(sock.fileno())
        sock.close()
