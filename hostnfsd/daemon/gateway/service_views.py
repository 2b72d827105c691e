"""The services of one gateway as status and metrics show them, out of all that keep books."""

import time

from hostnfsd.config.model import Config
from hostnfsd.daemon.gateway.memory import Memory
from hostnfsd.daemon.host.face import HostServices
from hostnfsd.daemon.relay.ledger import Ledger
from hostnfsd.rpc_view import RpcView
from hostnfsd.services import Service
from hostnfsd.snapshot import ServiceView


def service_views(
    config: Config, memory: Memory, host: HostServices, ledger: Ledger
) -> tuple[ServiceView, ...]:
    """The services that are carried, in the order of the port set.

    Args:
        config: the configuration that the gateway follows.
        memory: of the gateway.
        host: where the services are on the host.
        ledger: what was counted.
    """
    gateway = memory.gateway
    views: list[ServiceView] = []
    for service, carried in config.carried(gateway).items():
        tally = ledger.tally(gateway, service)
        families = memory.board.views(service)
        if not families:
            continue
        place = host.place(carried)
        views.append(
            ServiceView(
                service=service,
                port=carried.port,
                host_port=place.port,
                host_port_origin=place.origin,
                versions=host.versions(service),
                mode=carried.mode if service is Service.RPCBIND else None,
                required=carried.required,
                families=families,
                connections=tally.connections,
                connections_total=tally.connections_total,
                bytes_to_host=tally.bytes_to_host,
                bytes_to_client=tally.bytes_to_client,
                refused=dict(tally.refused),
                revoked=tally.revoked,
                host_up=memory.host_up.get(service),
                rpc=_rpc(config, ledger, gateway, service),
            )
        )
    return tuple(views)


def _rpc(config: Config, ledger: Ledger, gateway: str, service: Service) -> RpcView | None:
    if not config.metrics.rpc:
        return None
    return ledger.books(gateway, service).view(time.monotonic())
