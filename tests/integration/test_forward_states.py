"""What keeps a forward from serving, injected for real: policy, rights, holders, addresses."""

from collections.abc import Callable

import pytest

from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.gateway import SshdOptions
from tests.bed.nfs_server import EXPORT

MakeBed = Callable[[BedOptions], Bed]


@pytest.mark.parametrize("addresses", [("0.0.0.0",), ("0.0.0.0", "::"), (network.GATEWAY,)])
def test_squatted_port_is_taken_over_when_it_is_freed(
    own_bed: Bed, addresses: tuple[str, ...]
) -> None:
    with own_bed.squatter(2049, *addresses) as squatter:
        daemon = own_bed.daemon()
        daemon.await_service("nfs", "refused")
        daemon.await_service("mountd", "serving")
        status = daemon.command("status").output
        assert "ss -ltnp 'sport = :2049'" in status
        assert not daemon.ready()
        squatter.release()

        daemon.await_service("nfs", "serving")

    assert daemon.metric("hostnfsd_tunnel_connect_attempts_total") == 1
    assert daemon.ready()


def test_low_port_without_the_right_is_told_apart_from_a_busy_one(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(low_ports=False))
    daemon = bed.daemon()

    daemon.await_service("rpcbind", "refused")

    daemon.await_service("nfs", "serving")
    status = daemon.command("status").output
    assert "may not bind port 111" in status
    assert "ip_unprivileged_port_start" in status


def test_permit_listen_refuses_one_service_and_the_others_serve(make_bed: MakeBed) -> None:
    listen = " ".join(f"*:{p}" for p in (111, 2049, 32803, 662, 875))
    bed = make_bed(BedOptions(sshd=SshdOptions(permit_listen=listen)))
    daemon = bed.daemon()

    daemon.await_service("mountd", "refused")

    daemon.await_service("nfs", "serving")
    assert daemon.status()["gateways"][0]["phase"] == "up"
    assert "PermitListen" in daemon.command("status").output


@pytest.mark.parametrize("allowed", ["no", "local"])
def test_forbidden_forwarding_blocks_the_tunnel(make_bed: MakeBed, allowed: str) -> None:
    bed = make_bed(BedOptions(sshd=SshdOptions(allow_tcp_forwarding=allowed)))
    daemon = bed.daemon()

    daemon.await_phase("blocked")

    status = daemon.command("status").output
    assert "AllowTcpForwarding" in status
    assert daemon.metric("hostnfsd_tunnel_connect_attempts_total") == 1


def test_gateway_that_runs_no_command_is_served_all_the_same(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(sshd=SshdOptions(extra=("ForceCommand /bin/false",))))
    daemon = bed.daemon()

    daemon.await_ready()

    # Its addresses are not known, but probes come from the one that they dial.
    for service in ("rpcbind", "nfs", "mountd"):
        assert daemon.metric("hostnfsd_connections_total", service=service) == 0


def test_client_address_is_discovered(own_bed: Bed) -> None:
    """Of two addresses of IPv4 nothing tells which is the clients' network: it is taken to be the
    one that our session reached (SSH_CONNECTION). Of IPv6 the gateway has one.
    """
    daemon = own_bed.daemon({"gateway": {"dev-gw": {"client_address": None}}})

    daemon.await_ready()

    assert daemon.status()["gateways"][0]["client_address"] == [
        network.GATEWAY_SSH,
        network.GATEWAY_V6,
    ]


def test_of_two_addresses_the_one_where_admitted_clients_are_is_discovered(own_bed: Bed) -> None:
    """SSH_CONNECTION names the other one, where no client gets in."""
    daemon = own_bed.daemon(
        {
            "gateway": {"dev-gw": {"client_address": None, "listen": ["0.0.0.0", "::"]}},
            "access": {"allow": ["172.22.0.0/16", "fd22::/64"]},
        }
    )

    daemon.await_ready()

    def addresses() -> list[str]:
        told: list[str] = daemon.status()["gateways"][0]["client_address"]
        return told

    assert addresses() == [network.GATEWAY, network.GATEWAY_V6]
    assert not own_bed.network.pod.accepts(network.GATEWAY_SSH, 2049)
    printed = daemon.command("mount", "--for", "linux", EXPORT).output
    assert f"{network.GATEWAY}:{EXPORT}" in printed
    shown = own_bed.network.pod.run("rpcinfo", network.GATEWAY).output
    assert f"{network.GATEWAY}.8.1" in shown
    assert network.GATEWAY_SSH not in shown

    daemon.change(access={"allow": ["10.77.0.0/30"]})
    assert daemon.command("reload").status == 0
    daemon.wait_until(
        lambda: addresses() == [network.GATEWAY_SSH, network.GATEWAY_V6],
        "the address on the other network to be taken",
    )


def test_both_families_are_served_and_probed(own_bed: Bed) -> None:
    daemon = own_bed.daemon(
        {
            "gateway": {
                "dev-gw": {
                    "listen": ["0.0.0.0", "::"],
                    "client_address": [network.GATEWAY, network.GATEWAY_V6],
                }
            }
        }
    )
    daemon.await_ready()

    families = daemon.status()["gateways"][0]["services"][1]["families"]
    assert {name: view["state"] for name, view in families.items()} == {
        "ipv4": "serving",
        "ipv6": "serving",
    }
    assert own_bed.network.pod.accepts(network.GATEWAY_V6, 2049)
