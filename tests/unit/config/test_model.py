import pytest
from pydantic import ValidationError

from hostnfsd.config.model import Access, Carried, CarriedService, Config, Gateway, Host, Tunnel
from hostnfsd.services import FACTS, Service


def test_the_port_set_is_carried_by_default() -> None:
    carried = Config(gateway={"a": Gateway()}).carried("a")

    assert list(carried) == list(Service)
    assert carried[Service.MOUNTD] == Carried(
        service=Service.MOUNTD,
        port=20048,
        host_port=20048,
        required=True,
        mode="virtual",
        ask_rpcbind=True,
    )
    assert {s for s, c in carried.items() if c.required} == {
        Service.RPCBIND,
        Service.NFS,
        Service.MOUNTD,
    }


def test_the_portmapper_is_virtual_unless_said_otherwise() -> None:
    entry = CarriedService(mode="relay")
    relayed = Config(gateway={"a": Gateway()}, services={Service.RPCBIND: entry})

    assert Config(gateway={"a": Gateway()}).carried("a")[Service.RPCBIND].mode == "virtual"
    assert relayed.carried("a")[Service.RPCBIND].mode == "relay"


def test_host_ports_are_asked_for_unless_they_are_given() -> None:
    services = {Service.NFS: CarriedService(host_port=2049)}
    carried = Config(gateway={"a": Gateway()}, services=services).carried("a")

    assert carried[Service.RPCBIND].ask_rpcbind
    assert not carried[Service.NFS].ask_rpcbind


def test_a_gateways_entry_wins_key_by_key() -> None:
    config = Config.model_validate(
        {
            "gateway": {"a": {"services": {"nfs": 12049, "status": {"required": True}}}, "b": {}},
            "services": {"nfs": {"host_port": 2050, "required": False}, "status": False},
        }
    )
    nfs = config.carried("a")[Service.NFS]

    assert (nfs.port, nfs.host_port, nfs.required) == (12049, 2050, False)
    assert config.carried("a")[Service.STATUS].port == FACTS[Service.STATUS].gateway_port
    assert Service.STATUS not in config.carried("b")
    assert config.carried("b")[Service.NFS].port == 2049


def test_false_takes_a_service_off_one_gateway_only() -> None:
    gateways = {"a": Gateway(services={Service.NFS: False}), "b": Gateway()}
    config = Config(gateway=gateways, services={Service.NFS: CarriedService(port=5)})

    assert Service.NFS not in config.carried("a")
    assert config.entries("a", Service.NFS) is None
    assert config.carried("b")[Service.NFS].port == 5


@pytest.mark.parametrize(
    ("service", "assumed"),
    [(Service.NFS, 2049), (Service.RPCBIND, 111), (Service.MOUNTD, 5), (Service.STATUS, 5)],
)
def test_where_rpcbind_cannot_tell_the_usual_host_port_is_assumed(
    service: Service, assumed: int
) -> None:
    config = Config(gateway={"a": Gateway()}, services={service: CarriedService(port=5)})
    carried = config.carried("a")[service]

    assert (carried.host_port, carried.ask_rpcbind) == (assumed, True)


def test_one_string_is_a_list_of_one() -> None:
    gateway = Gateway.model_validate(
        {"listen": "::", "client_address": "a", "identity_files": "~/k"}
    )

    assert gateway.listen == ("::",)
    assert gateway.client_address == ("a",)
    assert gateway.identity_files == ("~/k",)


def test_numbers_are_numbers() -> None:
    assert Tunnel.model_validate({"connect_timeout_s": 5}).connect_timeout_s == 5.0
    for wrong in (True, "5", None, [5]):
        with pytest.raises(ValidationError):
            Tunnel.model_validate({"connect_timeout_s": wrong})
        with pytest.raises(ValidationError):
            Tunnel.model_validate({"keepalive_count_max": wrong})


def test_networks_are_kept_in_their_order() -> None:
    assert Access.model_validate({"allow": ["10.0.0.0/8", "::1"]}).allow == ("10.0.0.0/8", "::1")


def test_an_empty_list_of_networks_is_refused() -> None:
    with pytest.raises(ValidationError, match="admits nobody"):
        Access.model_validate({"allow": []})


def test_tables_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Host().address = "x"  # type: ignore[misc]  # this is what must not work


def test_what_a_file_names_is_known() -> None:
    config = Config.model_validate(
        {"gateway": {"a": {"port": 22}}, "tunnel": {"steady_after_s": 60}}
    )

    assert config.gateway["a"].model_fields_set == {"port"}
    assert config.tunnel.model_fields_set == {"steady_after_s"}
    assert config.model_fields_set == {"gateway", "tunnel"}
