"""The confined system service with a real gateway and a key of its own."""

from collections.abc import Iterator

import pytest

from hostnfsd.errors import Exit
from tests.bed.nfs_server import NfsOptions, ganesha_conf
from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until
from tests.support.systemd_service import (
    CONFIG,
    UNIT,
    UNIT_FILE,
    hostnfsd_in,
    status_json,
    write,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


SSHD = """\
Port 2222
ListenAddress 127.0.0.1
HostKey /etc/gateway/host_key
AuthorizedKeysFile /etc/gateway/authorized_keys
PasswordAuthentication no
GatewayPorts clientspecified
UsePAM no
StrictModes no
"""
# The machine is host and gateway at once: services on 127.0.0.1, forwards on 127.0.0.2.
TUNNEL = """\
[gateway.gw]
listen = "127.0.0.2"
client_address = "127.0.0.2"
[services]
rpcbind = 12111
nfs = 12049
mountd = 12048
nlockmgr = false
status = false
rquotad = false
"""
ALIAS = """\
Host gw
    HostName 127.0.0.1
    Port 2222
    User ada
"""
SHARE = "/run/share"
NFS = NfsOptions(privileged=True)
URL = f"nfs://127.0.0.2{SHARE}/told?nfsport=12049&mountport=12048"
WITHOUT_RIGHTS = """\
[Service]
AmbientCapabilities=
CapabilityBoundingSet=
"""


@pytest.fixture
def gateway(machine: SystemdBox) -> Iterator[SystemdBox]:
    """The machine with an sshd that admits the service's key as ada, and a strict NFS server."""
    write(machine, CONFIG, TUNNEL)
    write(machine, "/etc/gateway/sshd_config", SSHD)
    write(machine, "/etc/gateway/ganesha.conf", ganesha_conf(NFS, SHARE))
    # The account exists from the first installation on: its keys can be laid out before it runs.
    hostnfsd_in(machine, "install", "--system")
    machine.run(
        "sh",
        "-ec",
        f"""
        systemctl stop {UNIT}
        mkdir -p /run/sshd /run/rpcbind /run/ganesha {SHARE} /var/lib/hostnfsd/.ssh
        echo through the tunnel >{SHARE}/told
        # Without an address of its own the machine has no IPv4 for getaddrinfo(3).
        ip address replace 192.0.2.1/32 dev lo
        cd /etc/gateway
        rm -f host_key*
        ssh-keygen -q -t ed25519 -N '' -f host_key
        rm -f /var/lib/hostnfsd/.ssh/id_ed25519*
        ssh-keygen -q -t ed25519 -N '' -f /var/lib/hostnfsd/.ssh/id_ed25519
        cp /var/lib/hostnfsd/.ssh/id_ed25519.pub authorized_keys
        echo "[127.0.0.1]:2222 $(cat host_key.pub)" >/var/lib/hostnfsd/.ssh/known_hosts
        """,
    )
    write(machine, "/var/lib/hostnfsd/.ssh/config", ALIAS)
    machine.run("chown", "-R", "hostnfsd:", "/var/lib/hostnfsd/.ssh")
    ganesha = ("-F", "-f", "/etc/gateway/ganesha.conf", "-L", "STDERR", "-p", "/run/ganesha.pid")
    programs = {
        "gateway-sshd": ("/usr/sbin/sshd", "-D", "-e", "-f", "/etc/gateway/sshd_config"),
        "host-rpcbind": ("rpcbind", "-w", "-f"),
        "host-ganesha": ("ganesha.nfsd", *ganesha),
    }
    for name, command in programs.items():
        machine.run("systemd-run", f"--unit={name}", "--quiet", *command)
    wait_until(
        lambda: machine.run("showmount", "-e", "127.0.0.1", check=False).status == 0,
        "the NFS server",
        timeout_s=30,
        poll_s=0.2,
        seen=lambda: machine.journal("host-ganesha"),
    )
    yield machine
    machine.run("systemctl", "stop", *programs)
    machine.run("rm", "-rf", "/var/lib/hostnfsd/.ssh", SHARE)


def test_the_sandbox_lets_the_tunnel_do_its_work(gateway: SystemdBox) -> None:
    gateway.run("systemctl", "start", UNIT)
    wait_until(
        lambda: hostnfsd_in(gateway, "status", check=False).status == Exit.OK,
        "all services to be ready",
        timeout_s=30,
        poll_s=0.2,
        seen=lambda: gateway.journal(UNIT) + gateway.journal("gateway-sshd"),
    )
    assert gateway.run("nfs-cat", URL).output == "through the tunnel\n"
    assert status_json(gateway)["advice"] == []
    # Nothing it does was refused by the system call filter or the read-only file system.
    told = gateway.journal(UNIT)
    assert "Operation not permitted" not in told
    assert "Read-only file system" not in told


def test_without_its_capability_a_strict_server_refuses_and_the_cure_is_told(
    gateway: SystemdBox,
) -> None:
    write(gateway, f"{UNIT_FILE}.d/rights.conf", WITHOUT_RIGHTS)
    gateway.run("systemctl", "daemon-reload")
    gateway.run("systemctl", "start", UNIT)
    wait_until(
        lambda: "denied" in hostnfsd_in(gateway, "status", check=False).output,
        "nfs to be denied",
        timeout_s=30,
        poll_s=0.2,
        seen=lambda: gateway.journal(UNIT) + gateway.journal("gateway-sshd"),
    )
    (advice,) = status_json(gateway)["advice"]
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE" in advice["hint"]
    assert "no_reserved_ports" in gateway.journal(UNIT)
