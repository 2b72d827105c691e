"""Which source port a service of the host is dialled from: ``[host] reserved_source_port``."""

import random
import socket
import sys
import time
from collections.abc import Callable, Iterable
from typing import Final, Literal

import structlog

from hostnfsd.dial import ports, reserved
from hostnfsd.dial.patience import within
from hostnfsd.dial.reserved import Destination, NoRightError, RangeUsedUpError
from hostnfsd.services import Service
from hostnfsd.snapshot import Advice

Mode = Literal["auto", "always", "never"]

#: Services that refuse callers from ordinary ports: MOUNT on macOS and on Linux, NFS on Linux.
_AUTO: Final = frozenset({Service.MOUNTD, Service.NFS})
#: Those of them that may do without: macOS wants a reserved port of MOUNT calls only, Linux not of
#: insecure exports. An ordinary port may do, a closed connection does not.
_WITHOUT: Final = frozenset({Service.NFS})

#: Seconds without a new search after all ports of the range were tried in vain: it takes about
#: 10 ms, in which nothing else is done, and clients come back all at once.
REST_S: Final = 0.25
#: Seconds for which status tells that the range was used up: probes find it out again sooner.
TOLD_S: Final = 30.0

_MISSING: Final = (
    "no right to source ports below 1024: the host is dialled from ordinary ones; exports that want"
    " reserved ones refuse"
)
_CURE: Final = (
    "give the daemon the right (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE), or let the"
    " server do without: insecure in the export's options (Linux),"
    " nfs.server.mount.require_resv_port = 0 in /etc/nfs.conf (macOS);"
    ' or set host.reserved_source_port = "never"'
)
_USED_UP: Final = (
    "{error}: new connections to nfs are made from ordinary ones, those to mountd (with"
    ' reserved_source_port = "always": all) are refused'
)
_USED_UP_CURE: Final = (
    "hundreds of connections have one each, or listeners (netstat -an); where the exports want"
    ' no reserved ports: host.reserved_source_port = "never"'
)

_log: Final = structlog.get_logger("hostnfsd.sources")


class Sources:
    """Dials the host's services, each from the kind of source port it wants.

    Args:
        mode: the configured policy.
        unit_random: gives 0 <= u < 1: where the search for a free port begins.
        clock: gives seconds that never go back.
        source_ports: gives all reserved ports to be tried, in their order, from such a number.

    Attributes:
        fallbacks: connections to each service that were made from an ordinary port because no
            reserved one was left.
    """

    def __init__(
        self,
        mode: Mode,
        *,
        unit_random: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        source_ports: Callable[[float], Iterable[int]] | None = None,
    ) -> None:
        self._mode = mode
        self._unit_random = unit_random
        self._clock = clock
        low = ports.lowest(sys.platform)
        self._source_ports = source_ports or (lambda unit: ports.candidates(low, unit))
        self._right = True
        self._told = False
        self._rests_until: dict[Destination, float] = {}
        self._worked: dict[str, str] = {}
        self._used_up: tuple[RangeUsedUpError, float] | None = None
        self.fallbacks: dict[Service, int] = dict.fromkeys(_WITHOUT, 0)

    def apply(self, mode: Mode) -> None:
        """Start, or a reload: try the right, and tell again if it is missing.

        Connections that stand are left as they are.
        """
        self._mode = mode
        self._right = True
        self._told = False
        self._used_up = None
        if mode != "never":
            self._try()

    def advice(self) -> tuple[Advice, ...]:
        """What status tells: that the right is missing, or that no port is left, and a cure."""
        if self._mode == "never":
            return ()
        if not self._right:
            return (Advice(_MISSING, _CURE),)
        if self._used_up is None or self._clock() >= self._used_up[1] + TOLD_S:
            return ()
        return (Advice(_USED_UP.format(error=self._used_up[0]), _USED_UP_CURE),)

    @property
    def low_ports(self) -> bool:
        """Whether mountd and nfs are dialled from reserved ports, as far as is known."""
        return self._mode != "never" and self._right

    def wants_reserved(self, service: Service) -> bool:
        """Whether the policy has this service dialled from a reserved port."""
        return self._mode == "always" or (self._mode == "auto" and service in _AUTO)

    async def connect(
        self, service: Service, address: str, port: int, *, within_s: float
    ) -> socket.socket:
        """A connected, non-blocking socket to a service.

        Args:
            service: whose source port is wanted.
            address: of the host; a name is resolved, and each of its addresses tried, the one that
                worked last first.
            port: where the service listens.
            within_s: seconds for all of it.

        Raises:
            RangeUsedUpError: it must come from a reserved port, and none is left.
            OSError: refused, unreachable, reset, does not resolve, or ``within_s`` have passed.
        """
        failures: list[OSError] = []
        async with within(within_s) as limit:
            found = await reserved.resolve(address, port)
            worked = self._worked.get(address)
            destinations = sorted(found, key=lambda each: each.address[0] != worked)
            for tried, destination in enumerate(destinations):
                # One that swallows what it is sent must leave time for the others.
                share_s = limit.left_s / (len(destinations) - tried)
                try:
                    async with within(share_s):
                        sock = await self._connect(service, destination)
                except OSError as exc:
                    failures.append(exc)
                else:
                    if len(destinations) > 1:
                        self._worked[address] = destination.address[0]
                    return sock
        # Whether the service is there is unknown, then.
        used_up = (each for each in failures if isinstance(each, RangeUsedUpError))
        nothing = OSError(f"{address} has no address that can be dialled")
        raise next(used_up, failures[0] if failures else nothing)

    async def _connect(self, service: Service, destination: Destination) -> socket.socket:
        if self._right and self.wants_reserved(service):
            try:
                return await self._connect_reserved(destination)
            except NoRightError:
                self._missing()
            except RangeUsedUpError as exc:
                self._used_up = exc, self._clock()
                if self._mode == "always" or service not in _WITHOUT:
                    raise
                self.fallbacks[service] += 1
        return await reserved.connect(destination)

    async def _connect_reserved(self, destination: Destination) -> socket.socket:
        now = self._clock()
        if now < self._rests_until.get(destination, now):
            raise RangeUsedUpError(*destination.address[:2])
        source_ports = self._source_ports(self._unit_random())
        try:
            return await reserved.connect_from(destination, source_ports)
        except RangeUsedUpError:
            resting = {each: end for each, end in self._rests_until.items() if end > now}
            self._rests_until = resting | {destination: self._clock() + REST_S}
            raise

    def _try(self) -> None:
        """Find out whether we may have a reserved port: bind one, and give it back."""
        try:
            for port in self._source_ports(self._unit_random()):
                sock = reserved.bound(socket.AF_INET, port)
                if sock is not None:
                    sock.close()
                    return
        except NoRightError:
            self._missing()
        except OSError as exc:  # no IPv4 here: a dial will tell
            _log.debug("reserved_ports_not_tried", error=str(exc))

    def _missing(self) -> None:
        self._right = False
        if not self._told:
            self._told = True
            _log.warning("no_reserved_ports", error=_MISSING, hint=_CURE)
