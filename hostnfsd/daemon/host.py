"""The host's NFS server: where its services are, and how they take our calls."""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Final, Protocol

from hostnfsd.config.model import Carried, Config
from hostnfsd.daemon import host_calls
from hostnfsd.daemon.joint import Joint
from hostnfsd.server.finding import Denial, HostFinding, Origin, Place
from hostnfsd.services import Service

#: Seconds the host's service has to accept a connection: it is near.
DIAL_TIMEOUT_S: Final = 3.0


class Sources(Protocol):
    """Dials from the source port that a service wants."""

    async def connect(
        self, service: Service, address: str, port: int, *, within_s: float
    ) -> socket.socket:
        """A connected non-blocking socket; ``address`` may be a name. Raises OSError."""
        ...


class Host:
    """The :class:`~hostnfsd.daemon.host_face.HostServices` of the daemon.

    Args:
        config: gives the configuration in force.
        sources: dials.
    """

    def __init__(self, *, config: Callable[[], Config], sources: Sources) -> None:
        self._config = config
        self._sources = sources
        self._probes: Joint[HostFinding] = Joint()

    def place(self, carried: Carried) -> Place:
        """See :class:`~hostnfsd.daemon.host_face.HostServices`."""
        origin = Origin.ASSUMED if carried.ask_rpcbind else Origin.CONFIGURED
        return Place(self._config().host.address, carried.host_port, origin)

    def versions(self, _service: Service) -> tuple[int, ...]:
        """See :class:`~hostnfsd.daemon.host_face.HostServices`."""
        return ()

    async def dial(self, carried: Carried) -> socket.socket:
        """See :class:`~hostnfsd.daemon.host_face.HostServices`."""
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            return await self._connect(carried.service, self.place(carried))

    async def probe(self, carried: Carried, timeout_s: float) -> HostFinding:
        """See :class:`~hostnfsd.daemon.host_face.HostServices`."""
        key = carried.service, self.place(carried)
        return await self._probes.do(key, lambda: self._probe(carried, timeout_s))

    def denial(self, _service: Service) -> Denial | None:
        """See :class:`~hostnfsd.daemon.host_face.HostServices`."""
        return None

    def doubt(self, service: Service) -> None:
        """See :class:`~hostnfsd.daemon.host_face.HostServices`."""

    async def _probe(self, carried: Carried, timeout_s: float) -> HostFinding:
        started = time.perf_counter()
        place = self.place(carried)
        try:
            async with asyncio.timeout(timeout_s):
                sock = await self._connect(carried.service, place)
        except OSError as exc:
            reading = host_calls.unreached(exc, timeout_s)
        else:
            left_s = max(0.0, timeout_s - (time.perf_counter() - started))
            versions = self.versions(carried.service)
            reading = await host_calls.null(sock, carried.service, versions, left_s)
        return HostFinding(
            reading.reached, place, reading.text, reading.hint, time.perf_counter() - started
        )

    async def _connect(self, service: Service, place: Place) -> socket.socket:
        return await self._sources.connect(
            service, place.address, place.port, within_s=DIAL_TIMEOUT_S
        )
