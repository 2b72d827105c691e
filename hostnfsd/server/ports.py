"""Where a service listens on the host, from what rpcbind says and what NULL calls confirm.

rpcbind's table is hearsay: a server that was killed leaves its rows there, one that outlives
rpcbind has none, and a row of one version says nothing of another (RFC 1833 section 3.2 lets
GETPORT answer with the port of another version). A port is believed when the service answers there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hostnfsd.server.finding import Origin, Reached
from hostnfsd.server.versions import WANTED
from hostnfsd.services import FACTS, Service
from hostnfsd.sunrpc import portmap, rpcbind
from hostnfsd.sunrpc.portmap import PORT_MAX, Protocol

_SERVICES: Final = {facts.program: service for service, facts in FACTS.items()}

#: The better confirmed, the lower: it answers; it is there and does not answer; nobody is there;
#: somebody else is. Nobody is better than somebody else: clients try a refused connection again.
_RANK: Final[Mapping[Reached, int]] = {
    Reached.ANSWERED: 0,
    Reached.DENIED: 0,
    Reached.HUNG_UP: 1,
    Reached.SILENT: 1,
    Reached.DOWN: 2,
    Reached.FOREIGN: 3,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A port where a service may listen.

    Attributes:
        port: the port.
        origin: who says so.
        versions: of the service there, ascending, as far as is known.
    """

    port: int
    origin: Origin
    versions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a service.

    Attributes:
        port: where it is dialled.
        origin: who says so.
        versions: it has, ascending; empty if it was never seen.
        seen: whether it was ever met there, or at a port before.
    """

    port: int
    origin: Origin
    versions: tuple[int, ...] = ()
    seen: bool = False


Registered = Mapping[Service, tuple[Candidate, ...]]


def registered(rows: Iterable[portmap.Mapping]) -> Registered:
    """What the rows of DUMP say of our services over TCP.

    The versions of a service may have different ports: the port of the version that clients want
    first comes first. Services without a row are left out.
    """
    ports: dict[Service, dict[int, set[int]]] = {}
    for row in rows:
        service = _SERVICES.get(row.program)
        if service is not None and row.protocol == Protocol.TCP and 0 < row.port <= PORT_MAX:
            ports.setdefault(service, {}).setdefault(row.port, set()).add(row.version)
    return {
        service: tuple(
            Candidate(port, Origin.RPCBIND, tuple(sorted(versions)))
            for port, versions in sorted(
                found.items(), key=lambda item: (_wanted(service, item[1]), item[0])
            )
        )
        for service, found in ports.items()
    }


def mappings(rows: Iterable[rpcbind.Binding]) -> tuple[portmap.Mapping, ...]:
    """What the rows of rpcbind's versions 3 and 4 say over IP, as rows of version 2."""
    found: dict[portmap.Mapping, None] = {}
    for row in rows:
        netid = rpcbind.NETIDS.get(row.netid)
        if netid is None:
            continue
        try:
            _, port = rpcbind.parse_uaddr(row.address)
        except ValueError:
            continue
        found[portmap.Mapping(row.program, row.version, netid.number, port)] = None
    return tuple(found)


def _wanted(service: Service, versions: set[int]) -> int:
    order = WANTED[service]
    return min(order.index(v) if v in order else len(order) for v in versions)


def candidates(
    told: Iterable[Candidate], known: Known | None, assumed: Iterable[int]
) -> tuple[Candidate, ...]:
    """Where to look, in this order: where rpcbind says, where it was, where it usually is."""
    found = {candidate.port: candidate for candidate in told}
    if known is not None and known.seen:
        origin = Origin.ASSUMED if known.origin is Origin.ASSUMED else Origin.LAST_KNOWN
        found.setdefault(known.port, Candidate(known.port, origin, known.versions))
    for port in assumed:
        found.setdefault(port, Candidate(port, Origin.ASSUMED))
    return tuple(found.values())


def settled(reached: Reached) -> bool:
    """Whether there is no need to look elsewhere."""
    return _RANK[reached] == 0


def choose(tried: Iterable[tuple[Candidate, Reached]]) -> tuple[Candidate, Reached]:
    """The best of what was tried; the first of equals. ``tried`` is not empty."""
    return min(tried, key=lambda item: _rank(*item))


def _rank(candidate: Candidate, reached: Reached) -> int:
    # What nobody named and does not answer may be anything, even the gateway's port that somebody
    # publishes on this host.
    guessed = candidate.origin is Origin.ASSUMED and not settled(reached)
    return max(_RANK[reached], _RANK[Reached.DOWN]) if guessed else _RANK[reached]


def known_now(
    chosen: Candidate, reached: Reached, learned: tuple[int, ...], before: Known | None
) -> Known:
    """What is known after a look.

    Args:
        chosen: the port, as :func:`choose` gave it.
        reached: how the service was met there.
        learned: versions it told itself; empty if it was not asked or told none.
        before: what was known.
    """
    met = _rank(chosen, reached) <= _RANK[Reached.SILENT]
    seen = met or (before is not None and before.seen)
    versions = (learned or chosen.versions) if met else ()
    if not versions and before is not None:
        versions = before.versions
    return Known(chosen.port, chosen.origin, versions if seen else (), seen)
