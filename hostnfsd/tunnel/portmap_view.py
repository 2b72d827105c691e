"""What the portmapper of one gateway has to tell."""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping

from hostnfsd.config.model import Carried
from hostnfsd.services import Service
from hostnfsd.snapshot import Family
from hostnfsd.sunrpc import portmapper
from hostnfsd.sunrpc.portmapper import PortmapView
from hostnfsd.sunrpc.rpcbind import IPAddress
from hostnfsd.tunnel.forward import Spec


def portmap_view(
    carried: Mapping[Service, Carried],
    *,
    specs: Iterable[Spec],
    versions: Callable[[Service], tuple[int, ...]],
    configured: tuple[str, ...],
    discovered: tuple[str, ...],
) -> PortmapView:
    """What is told now.

    Args:
        carried: the services that the gateway carries.
        specs: its listeners.
        versions: those that the host has of a service, or had when it was last seen.
        configured: ``client_address``. A name says nothing about addresses: where there are names
            only, the gateway's own word counts.
        discovered: how clients reach the gateway by its own word.
    """
    families = tuple(sorted({family for spec in specs for family in spec.families}))
    known = tuple(_addresses(configured)) or tuple(_addresses(discovered))
    return PortmapView(
        services=tuple(
            portmapper.Carried(service, each.port, versions(service))
            for service, each in carried.items()
        ),
        addresses=tuple(address for address in known if family_of(address) in families),
        families=families,
    )


def family_of(address: IPAddress) -> Family:
    """The family of an address."""
    return Family.IPV4 if address.version == 4 else Family.IPV6  # noqa: PLR2004  # IP's


def _addresses(texts: Iterable[str]) -> Iterator[IPAddress]:
    """Those that can be told: numeric, and without a zone, which means nothing elsewhere."""
    for text in texts:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if "%" not in text:
            yield address
