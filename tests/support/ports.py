"""Free TCP ports of loopback, on one address family or on both."""

import asyncio
import errno
import random
import socket
from contextlib import closing
from itertools import cycle, islice
from typing import Final

LOOPBACK = "127.0.0.1"
#: Below those that the system gives to whoever connects or asks for any port: one of these stays
#: free for the test that has found it, while others beside it connect by the thousand (Linux gives
#: 32768 and more, ip(7); macOS 49152 and more).
_ELSEWHERE: Final = range(21000, 32000)
#: All of them, none twice; not by the generator that is seeded for each test, for tests that run
#: side by side would meet.
_order: Final = cycle(random.SystemRandom().sample(_ELSEWHERE, len(_ELSEWHERE)))


#: Tests put others in its place.
_Socket: Final = socket.socket


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody holds now."""
    for port in islice(_order, len(_ELSEWHERE)):
        with closing(_Socket()) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError as exc:
                if exc.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
    raise AssertionError(f"no port of {LOOPBACK} is free in {_ELSEWHERE}")


def free_ports(count: int) -> list[int]:
    """Different ones."""
    return [free_port() for _ in range(count)]


def accepts(port: int, address: str = LOOPBACK) -> bool:
    """Whether somebody accepts connections there."""
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


async def connected(port: int) -> socket.socket:
    """A non-blocking socket that is connected to a port of loopback."""
    sock = socket.socket()
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (LOOPBACK, port))
    except BaseException:
        sock.close()
        raise
    return sock
