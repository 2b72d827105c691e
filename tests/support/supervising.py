"""A supervisor on its own, with a configuration that a test can change while it runs."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import tomli_w

from hostnfsd.config.model import Config
from hostnfsd.config.reader import parse
from hostnfsd.daemon.gateway.session_book import SessionBook
from hostnfsd.daemon.gateway.supervisor import Supervisor
from hostnfsd.daemon.host.host import Host
from hostnfsd.daemon.relay.gate import Gate
from hostnfsd.daemon.relay.ledger import Ledger
from hostnfsd.dial.sources import Sources
from hostnfsd.services import Service
from hostnfsd.snapshot import Family, GatewayView, Phase, ServiceState
from tests.support.conditions import eventually
from tests.support.meters import KeptMeters
from tests.support.ports import LOOPBACK
from tests.support.relaying import GATEWAY, Reachable

Tables = dict[str, Any]


def tables(
    server: Reachable, ports: Mapping[Service, tuple[int, int]], **over: Mapping[str, Any]
) -> Tables:
    """A configuration file for a gateway on loopback, as tables.

    Args:
        server: the gateway.
        ports: gateway port and host port of each service that is carried.
        over: keys of further tables, or of ``gateway`` for this gateway's.
    """
    gateway: Tables = {
        "host": LOOPBACK,
        "port": server.port,
        "identity_files": [str(server.identity)],
        "known_hosts": str(server.known_hosts),
        "ssh_config": "none",
        "listen": LOOPBACK,
        "client_address": LOOPBACK,
    }
    services: Tables = {
        str(service): {"port": ports[service][0], "host_port": ports[service][1]}
        if service in ports
        else False
        for service in Service
    }
    return {
        "gateway": {GATEWAY: gateway | dict(over.pop("gateway", {}))},
        "services": services,
        "access": {"allow": "any"},
        **{name: dict(keys) for name, keys in over.items()},
    }


def read(written: Tables) -> Config:
    """The configuration that these tables make."""
    reading = parse(tomli_w.dumps(written).encode(), "hostnfsd.toml")
    assert reading.config is not None, [problem.render() for problem in reading.problems]
    return reading.config


class Supervised:
    """One supervisor at work, and what it has reported."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.ledger = Ledger(config.access.max_connections)
        self.meters = KeptMeters()
        self.phases: list[Phase] = []
        self.host = Host(config=lambda: self.config, sources=Sources("never"))
        self.gate = Gate(
            gateways=lambda: self.config.gateway, allow=lambda: self.config.access.allow
        )
        self.supervisor = Supervisor(
            GATEWAY,
            config=lambda: self.config,
            host=self.host,
            gate=self.gate,
            ledger=self.ledger,
            meters=self.meters,
            sessions=SessionBook(None),
            changed=self._changed,
        )
        self.task: asyncio.Task[None] | None = None
        self.host_task: asyncio.Task[None] | None = None

    def _changed(self) -> None:
        phase = self.supervisor._tunnel.phase
        if not self.phases or self.phases[-1] is not phase:
            self.phases.append(phase)

    @property
    def view(self) -> GatewayView:
        return self.supervisor.view()

    @property
    def phase(self) -> Phase:
        return self.supervisor._tunnel.phase

    def state(self, service: Service = Service.NFS) -> ServiceState:
        views = [v for v in self.view.services if v.service is service]
        return views[0].families[Family.IPV4].state if views else ServiceState.WAITING

    @property
    def serving(self) -> bool:
        services = self.view.services
        return self.phase is Phase.UP and all(s.ready for s in services)

    async def until_serving(self, timeout_s: float = 10.0) -> None:
        await eventually(
            lambda: self.serving, "every service to serve", timeout_s=timeout_s, seen=self.seen
        )

    async def until(self, phase: Phase, timeout_s: float = 10.0) -> None:
        await eventually(
            lambda: self.phase is phase, f"phase {phase}", timeout_s=timeout_s, seen=self.seen
        )

    def seen(self) -> object:
        view = self.view
        states = {str(s.service): s.worst for s in view.services}
        return view.phase, view.error, states, self.phases

    def start(self) -> None:
        self.host_task = asyncio.create_task(self.host.run())
        self.task = asyncio.create_task(self.supervisor.run())

    async def stop(self, timeout_s: float = 15.0) -> None:
        """Stop as SIGTERM does."""
        self.supervisor.stop()
        if self.task is not None:
            async with asyncio.timeout(timeout_s):
                await self.task


@asynccontextmanager
async def supervised(written: Tables) -> AsyncIterator[Supervised]:
    """A supervisor for the length of a block."""
    made = Supervised(read(written))
    made.start()
    assert made.task is not None
    try:
        yield made
    finally:
        if not made.task.done():
            made.config = made.config.model_copy(
                update={"tunnel": made.config.tunnel.model_copy(update={"drain_timeout_s": 0.0})}
            )
            await made.stop()
        await made.task
        if made.host_task is not None:
            made.host_task.cancel()
            with suppress(asyncio.CancelledError):
                await made.host_task
