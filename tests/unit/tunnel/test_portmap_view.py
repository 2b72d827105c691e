"""hostnfsd.tunnel.portmap_view."""

import ipaddress

import pytest

from hostnfsd.config.model import Config
from hostnfsd.reload import specs
from hostnfsd.services import Service
from hostnfsd.snapshot import Family
from hostnfsd.sunrpc.portmapper import Carried, PortmapView
from hostnfsd.tunnel.gateway import Survey, client_addresses
from hostnfsd.tunnel.portmap_view import family_of, portmap_view

VERSIONS = {Service.NFS: (3,), Service.MOUNTD: (1, 3)}
SURVEY = Survey(
    addresses=("172.22.0.12", "fd22::12"), loopback=("127.0.0.1",), session_address="10.77.0.2"
)


def view(
    gateway: dict[str, object] | None = None,
    services: dict[str, object] | None = None,
    survey: Survey | None = SURVEY,
) -> PortmapView:
    """What is told for a configuration."""
    config = Config.model_validate(
        {"gateway": {"dev-gw": gateway or {}}, "services": services or {}}
    )
    return portmap_view(
        config.carried("dev-gw"),
        specs=specs(config, "dev-gw"),
        versions=lambda service: VERSIONS.get(service, ()),
        configured=config.gateway["dev-gw"].client_address,
        discovered=client_addresses(survey, ()),
    )


def told(view: PortmapView) -> list[str]:
    """Its addresses as texts."""
    return [str(address) for address in view.addresses]


def test_gateway_ports_and_the_hosts_versions_are_told() -> None:
    off: dict[str, object] = dict.fromkeys(("nlockmgr", "status"), False)

    assert view(services={**off, "mountd": 892}).services == (
        Carried(Service.RPCBIND, 111, ()),
        Carried(Service.NFS, 2049, (3,)),
        Carried(Service.MOUNTD, 892, (1, 3)),
        Carried(Service.RQUOTAD, 875, ()),
    )


@pytest.mark.parametrize(
    ("listen", "families", "addresses"),
    [
        ("0.0.0.0", (Family.IPV4,), ["172.22.0.12"]),
        ("::", (Family.IPV6,), ["fd22::12"]),
        (["0.0.0.0", "::"], (Family.IPV4, Family.IPV6), ["172.22.0.12", "fd22::12"]),
        ("*", (Family.IPV4, Family.IPV6), ["172.22.0.12", "fd22::12"]),
    ],
)
def test_only_families_that_are_listened_to_are_told(
    listen: object, families: tuple[Family, ...], addresses: list[str]
) -> None:
    made = view({"listen": listen})

    assert made.families == families
    assert told(made) == addresses


@pytest.mark.parametrize(
    ("configured", "addresses"),
    [
        ("10.0.0.9", ["10.0.0.9"]),
        (["10.0.0.9", "172.22.0.99"], ["10.0.0.9", "172.22.0.99"]),
        ("dev-gw", ["172.22.0.12"]),
        (["dev-gw", "10.0.0.9"], ["10.0.0.9"]),
        ("fd22::99", []),
    ],
)
def test_configured_addresses_come_before_discovered_ones(
    configured: object, addresses: list[str]
) -> None:
    assert told(view({"client_address": configured})) == addresses


@pytest.mark.parametrize("gateway", [{}, {"client_address": "dev-gw"}])
def test_nothing_is_known_of_a_gateway_that_tells_nothing(gateway: dict[str, object]) -> None:
    assert told(view(gateway, survey=None)) == []


def test_a_zone_means_nothing_to_clients() -> None:
    survey = Survey(addresses=("fd22::12",))
    made = portmap_view(
        {},
        specs=specs(Config.model_validate({"gateway": {"g": {"listen": "::"}}}), "g"),
        versions=lambda _service: (),
        configured=("fe80::1%eth0",),
        discovered=client_addresses(survey, ()),
    )

    assert told(made) == ["fd22::12"]


def test_families_of_addresses() -> None:
    assert family_of(ipaddress.ip_address("10.0.0.1")) is Family.IPV4
    assert family_of(ipaddress.ip_address("::1")) is Family.IPV6
