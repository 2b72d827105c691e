"""What goes wrong at the gateway, its sshd and the ports we ask it for, made so."""

from tests.bed import network, squatter
from tests.bed.bed import Bed
from tests.bed.waiting import wait_until
from tests.integration.doctor.faults import Fault, Undo, dev_gw, sshd


def _no_gateway(bed: Bed) -> Undo:
    bed.gateway.stop()
    return bed.gateway.start


def _paused_gateway(bed: Bed) -> Undo:
    bed.gateway.freeze()
    return bed.gateway.thaw


def _squatter(bed: Bed) -> Undo:
    return bed.squatter(2049, "0.0.0.0", "::").release


def _squatter_of_ours(bed: Bed) -> Undo:
    """A process of the login's own user, whose descriptors the doctor may look at there."""
    user = ("setpriv", "--reuid", "3022", "--regid", "3022", "--clear-groups")
    words = (*user, "/usr/bin/python3", "-c", squatter._PROGRAM)
    holder = bed.network.gateway.start("holder", *words, "3022", "0.0.0.0", "20048", "::", "20048")
    wait_until(
        lambda: ("0.0.0.0", 20048) in bed.network.gateway.listening(),
        "it to listen",
        seen=holder.tail,
    )
    return holder.kill


def _squatter_in_one_family(bed: Bed) -> Undo:
    return bed.squatter(2049, "::").release


def _no_low_ports(bed: Bed) -> Undo:
    set_ = ("sysctl", "-qw")
    bed.network.gateway.run(*set_, "net.ipv4.ip_unprivileged_port_start=1024")
    return lambda: bed.network.gateway.run(*set_, "net.ipv4.ip_unprivileged_port_start=0")


def _own_ssh(bed: Bed) -> Undo:
    return bed.plain_ssh(2049).stop


def _dead_client(bed: Bed) -> Undo:
    """Another machine's tunnel that froze: sshd does not notice, and its session has a port."""
    trusting = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
    words = ("ssh", "-F", "none", "-i", str(bed.key), *trusting, "-N", "-R", "2049:127.0.0.1:2049")
    dead = bed.network.pod2.start("dead-client", *words, f"{bed.options.user}@{network.GATEWAY}")
    wait_until(
        lambda: 2049 in {port for _, port in bed.network.gateway.listening()},
        "its port",
        seen=dead.tail,
    )
    dead.freeze()
    return dead.kill


def _too_many_starting(bed: Bed) -> Undo:
    undo = sshd(extra=("MaxStartups 1:100:1", "LoginGraceTime 60"))(bed)
    waiting = bed.network.host.connect(network.GATEWAY_SSH, 22)
    assert waiting.recv(200).startswith(b"SSH-2.0")

    def end() -> None:
        waiting.close()
        undo()

    return end


GATEWAY_TURNS_AWAY = Fault("sshd turns us away", "gateway-turns-away", _too_many_starting)

FAULTS = (
    Fault("the gateway is down", "gateway-down", _no_gateway),
    Fault("the gateway is paused", "gateway-silent", _paused_gateway),
    Fault(
        "the gateway's name does not resolve",
        "gateway-unknown",
        lambda _bed: lambda: None,
        tables=dev_gw(host="no-such-gateway.invalid"),
        cured=dev_gw(host=network.GATEWAY_SSH),
    ),
    GATEWAY_TURNS_AWAY,
    Fault("AllowTcpForwarding no", "forwarding-forbidden", sshd(allow_tcp_forwarding="no")),
    Fault(
        "PermitListen leaves mountd out",
        "forwarding-forbidden",
        sshd(permit_listen="*:111 *:2049 *:32803 *:662 *:875"),
        says="20048",
    ),
    Fault("GatewayPorts no", "gateway-ports-no", sshd(gateway_ports="no"), says="172.22.0.12"),
    Fault(
        "AllowTcpForwarding remote",
        "unverified",
        sshd(allow_tcp_forwarding="remote"),
        outcome="WARN",
    ),
    Fault("a port is taken", "port-busy", _squatter, says="ss -ltnp 'sport = :2049'"),
    Fault(
        "a port is taken by a process that can be seen", "port-busy", _squatter_of_ours, says="pid"
    ),
    Fault(
        "a port is taken in one address family",
        "foreign-holder",
        _squatter_in_one_family,
        tables=dev_gw(listen="*", client_address=[network.GATEWAY, network.GATEWAY_V6]),
        says="ipv6",
    ),
    Fault(
        "low ports are forbidden", "low-port-forbidden", _no_low_ports, run_in=network.GATEWAY_NAME
    ),
    Fault("an ssh of the user's own", "port-busy", _own_ssh, says="it may be", run_in="host"),
    Fault(
        "the session of a client that is dead",
        "port-busy",
        _dead_client,
        says="a login of ours that is still there",
        run_in="host",
    ),
)
