"""Which reserved source ports there are, and what an error says about one. Pure.

A reserved port is one below 1024. NFS servers take it for a sign that root of the calling machine
let the call out: Linux exports by default (``secure``, exports(5)), macOS for MOUNT calls
(``nfs.server.mount.require_resv_port``, nfs.conf(5)).
"""

import errno
from collections.abc import Iterator
from enum import Enum
from typing import Final

HIGHEST: Final = 1023
#: Linux: where its own NFS client begins (sunrpc.min_resvport). macOS: where bindresvport(3) ends
#: (net.inet.ip.portrange.lowlast).
LOWEST_ON_LINUX: Final = 665
LOWEST_ON_MACOS: Final = 600

#: Well-known services listen on these; one that is just restarting must find its port free.
KEPT_FREE: Final = frozenset(
    {
        631,  # ipp, CUPS
        636,  # ldaps
        662,  # status, where it is fixed
        749,  # kerberos-adm
        853,  # domain-s
        873,  # rsync
        875,  # rquotad, where it is fixed
        892,  # mountd, where it is fixed below 1024
        *range(989, 996),  # ftps, telnets, imaps, pop3s
    }
)


class Step(Enum):
    """What was tried with a port."""

    BIND = "bind"
    CONNECT = "connect"


class Meaning(Enum):
    """What an error says."""

    NEXT = "next"  # this port is taken; another may be free
    NO_RIGHT = "no right"  # we may have none of them
    FINAL = "final"  # not about the port


def lowest(platform: str) -> int:
    """The lowest port to use on a platform (``sys.platform``)."""
    return LOWEST_ON_MACOS if platform == "darwin" else LOWEST_ON_LINUX


def candidates(low: int, unit_random: float) -> Iterator[int]:
    """Every usable port once: downwards from a random one, and round.

    Args:
        low: the lowest port, at most :data:`HIGHEST`.
        unit_random: 0 <= u < 1, where to start. Always starting at the top would meet, each time,
            all that are in use.
    """
    usable = [port for port in range(HIGHEST, low - 1, -1) if port not in KEPT_FREE]
    start = int(unit_random * len(usable))
    yield from usable[start:]
    yield from usable[:start]


def meaning(step: Step, number: int | None) -> Meaning:
    """What an error number says when a port was tried.

    bind(2) says EADDRINUSE of a port that somebody listens on, or holds without SO_REUSEADDR.
    connect(2) finds out that the very connection exists already: EADDRNOTAVAIL on Linux,
    EADDRINUSE on BSD. Only bind(2) asks for the right (capabilities(7), CAP_NET_BIND_SERVICE);
    EACCES of connect(2) is a firewall's.
    """
    if number == errno.EADDRINUSE:
        return Meaning.NEXT
    if step is Step.CONNECT:
        return Meaning.NEXT if number == errno.EADDRNOTAVAIL else Meaning.FINAL
    return Meaning.NO_RIGHT if number in {errno.EACCES, errno.EPERM} else Meaning.FINAL
