"""One SSH session with forwards, without supervision: what relays, intake and sessions need."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from hostnfsd.config.model import Gateway, Tunnel
from hostnfsd.daemon.gateway import session as ssh
from hostnfsd.daemon.relay.circle import Circle
from hostnfsd.daemon.relay.intake import Intake
from hostnfsd.daemon.relay.ledger import Ledger, Tally
from hostnfsd.daemon.relay.recognition import Candidate, Recognition
from hostnfsd.daemon.relay.relay import Relay
from hostnfsd.services import Service
from hostnfsd.sunrpc.portmapper import PortmapView
from hostnfsd.tunnel.forward import Spec
from tests.support.conditions import eventually
from tests.support.gates import AccessRules
from tests.support.ports import LOOPBACK, connected

GATEWAY = "dev-gw"


class Reachable(Protocol):
    """A gateway of either kind."""

    port: int
    identity: Path
    known_hosts: Path


def gateway_of(server: Reachable, **changes: Any) -> Gateway:
    """``[gateway.NAME]`` for a gateway of the tests."""
    keys: dict[str, Any] = {
        "host": LOOPBACK,
        "port": server.port,
        "identity_files": (str(server.identity),),
        "known_hosts": str(server.known_hosts),
        "ssh_config": "none",
        "listen": (LOOPBACK,),
        "client_address": (LOOPBACK,),
    }
    return Gateway(**(keys | changes))


class KeptWatch:
    """The prober, as the intake sees it: keeps what it is told."""

    def __init__(self) -> None:
        self.recognition = Recognition(lambda _address: False, time.monotonic)
        self.failed: list[Service] = []

    def look(self, service: Service, originator: str) -> Candidate | None:
        return self.recognition.look(service, originator)

    def service_failed(self, service: Service) -> None:
        self.failed.append(service)


class Rig:
    """A session, its relays and their books.

    Attributes:
        where: host ports by service.
        tell: gives what the portmapper tells; None while everything is relayed.
        access: who may come in: everybody, until a test says otherwise.
    """

    def __init__(self, session: ssh.Session, circle: Circle, limit: int) -> None:
        self.session = session
        self.circle = circle
        self.ledger = Ledger(limit)
        self.watch = KeptWatch()
        self.where: dict[Service, int] = {}
        self.tell: Callable[[], PortmapView] | None = None
        self.access = AccessRules(GATEWAY, allow="any")
        self.intake = Intake(
            gateway=GATEWAY,
            dial=lambda service: connected(self.where[service]),
            dial_plainly=lambda service: connected(self.where[service]),
            answered=lambda _service: self.tell,
            ledger=self.ledger,
            circle=circle,
            gate=self.access.gate,
            watch=self.watch,
        )
        session.on_lost(self._lost)

    def _lost(self) -> None:
        self.intake.lost = True

    async def carry(
        self, host_port: int, port: int = 20490, service: Service = Service.NFS
    ) -> Spec:
        """Forward ``port`` of the gateway to ``host_port``."""
        self.where[service] = host_port
        spec = Spec(service, LOOPBACK, port)
        granted, texts = await self.session.listen(spec, self.intake.door(spec))
        assert granted, texts
        return spec

    def tally(self, service: Service = Service.NFS) -> Tally:
        return self.ledger.tally(GATEWAY, service)

    @property
    def relayed(self) -> set[Relay]:
        """The relays that are open."""
        return {member for member in self.circle.relays if isinstance(member, Relay)}

    @property
    def channels(self) -> int:
        """SSH channels that asyncssh still knows."""
        return len(self.session._connection._channels)

    async def settled(self) -> None:
        """Wait until nothing is left of any connection, in no book."""
        await eventually(
            lambda: (
                not self.circle.relays
                and not self.channels
                and not self.ledger.open
                and not any(self.ledger.tally(GATEWAY, s).connections for s in Service)
            ),
            "every relay to end",
            seen=lambda: (len(self.circle.relays), self.channels, len(self.ledger.open)),
        )


@asynccontextmanager
async def rig(
    server: Reachable, *, limit: int = 1024, tunnel: Tunnel | None = None, **changes: Any
) -> AsyncIterator[Rig]:
    """A session with ``server`` for the length of a block."""
    circle = Circle()
    session = await ssh.connect(
        GATEWAY,
        gateway_of(server, **changes),
        tunnel or Tunnel(),
        on_congestion=circle.set_congested,
        dialling=lambda _alias: None,
        agent_holds=lambda _held: None,
    )
    try:
        yield Rig(session, circle, limit)
    finally:
        await session.close()
        await asyncio.sleep(0)
