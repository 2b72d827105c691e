"""The host's services as one test decides them: what is found, and where a dial ends."""

import socket

from hostnfsd.config.model import Carried
from hostnfsd.server.finding import Denial, HostFinding, Origin, Place, Reached
from hostnfsd.services import Service
from tests.support.ports import LOOPBACK, connected


class HostStandIn:
    """A :class:`~hostnfsd.daemon.host.face.HostServices`.

    Attributes:
        port: where every dial goes.
        reached: how every probe ends, ``text`` why.
        later: how every probe but the first ends, if not like that.
        denials: what is denied.
        untried: whether it is not known yet what is denied.
        probes: how often each service was probed.
        doubts: services that were doubted, in order.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.reached = Reached.ANSWERED
        self.later: Reached | None = None
        self.text: str | None = None
        self.known: tuple[int, ...] = ()
        self.denials: dict[Service, Denial] = {}
        self.untried = False
        self.probes: list[Service] = []
        self.doubts: list[Service] = []

    def place(self, carried: Carried) -> Place:
        del carried
        return Place(LOOPBACK, self.port, Origin.RPCBIND)

    def versions(self, service: Service) -> tuple[int, ...]:
        del service
        return self.known

    async def dial(self, carried: Carried) -> socket.socket:
        del carried
        return await connected(self.port)

    async def dial_plainly(self, carried: Carried) -> socket.socket:
        return await self.dial(carried)

    async def probe(self, carried: Carried, timeout_s: float) -> HostFinding:
        del timeout_s
        reached = self.later if self.probes and self.later else self.reached
        self.probes.append(carried.service)
        return HostFinding(reached, self.place(carried), self.text, None, 0.001)

    def denial(self, carried: Carried) -> Denial | None:
        return self.denials.get(carried.service)

    def pending(self, carried: Carried) -> bool:
        del carried
        return self.untried

    def doubt(self, service: Service) -> None:
        self.doubts.append(service)
