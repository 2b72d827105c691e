"""One tunnel as status and metrics show it, out of all that keep books."""

import time

from hostnfsd.config.model import Config
from hostnfsd.daemon.gateway.account import Account
from hostnfsd.daemon.gateway.memory import Memory
from hostnfsd.daemon.gateway.service_views import service_views
from hostnfsd.daemon.host.face import HostServices
from hostnfsd.daemon.relay.gate import Gate
from hostnfsd.daemon.relay.ledger import Ledger
from hostnfsd.services import Service
from hostnfsd.snapshot import GatewayView
from hostnfsd.tunnel.machine import Tunnel


def gateway_view(
    config: Config,
    tunnel: Tunnel,
    *,
    account: Account,
    memory: Memory,
    host: HostServices,
    ledger: Ledger,
    gate: Gate,
) -> GatewayView:
    """The tunnel as it stands, its instants as seconds since the epoch.

    Args:
        config: the configuration that the gateway follows.
        tunnel: where it stands.
        account: its attempts, failures and losses.
        memory: what outlives its sessions.
        host: where the services are on the host.
        ledger: what was counted of clients.
        gate: who may come in.
    """
    name, now = memory.gateway, time.monotonic()
    offset = time.time() - now
    failure = tunnel.failure
    return GatewayView(
        name=name,
        address=account.address,
        client_address=memory.client_addresses(config),
        phase=tunnel.phase,
        since=account.since,
        up_since=None if tunnel.up_since is None else tunnel.up_since + offset,
        retry_at=None if tunnel.wake_at is None else tunnel.wake_at + offset,
        attempts=account.attempts,
        failures=dict(account.failures),
        losses=dict(account.losses),
        downtime_s=account.downtime_s(now),
        error=None if failure is None else failure.text,
        hint=None if failure is None else failure.hint,
        services=service_views(config, memory, host, ledger),
        optional=config.gateway[name].optional,
        off=tuple(s for s in Service if s not in config.carried(name)),
        access=gate.view(name),
        reclaims={} if memory.own is None else dict(memory.own.counts),
    )
