"""A gateway and a strict NFS server on the machine that systemd has booted, for its service.

The machine is host and gateway at once: services on 127.0.0.1, forwards on 127.0.0.2.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from hostnfsd.errors import Exit
from tests.bed.nfs_server import NfsOptions, exports_line, ganesha_conf
from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until
from tests.support.systemd_service import UNIT, hostnfsd_in, write

SSHD: Final = """\
Port 2222
ListenAddress 127.0.0.1
HostKey /etc/gateway/host_key
AuthorizedKeysFile /etc/gateway/authorized_keys
PasswordAuthentication no
GatewayPorts clientspecified
UsePAM no
StrictModes no
"""
TUNNEL: Final = """\
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
ALIAS: Final = """\
Host gw
    HostName 127.0.0.1
    Port 2222
    User ada
"""
SHARE: Final = "/run/share"
TOLD: Final = "through the tunnel\n"
NFS_PORT: Final = 12049
URL: Final = f"nfs://127.0.0.2{SHARE}/told?nfsport={NFS_PORT}&mountport=12048"
SSH_FOLDER: Final = "/var/lib/hostnfsd/.ssh"


def lay_out(box: SystemdBox) -> None:
    """Files of both ends, and a key of the service's own that ``ada`` of the gateway admits.

    The accounts ``hostnfsd`` and ``ada`` are there, and the service does not run.
    """
    write(box, "/etc/gateway/sshd_config", SSHD)
    write(box, "/etc/gateway/ganesha.conf", ganesha_conf(NfsOptions(privileged=True), SHARE))
    # For everybody: the clients come from the gateway's own loopback, which no export names.
    write(box, "/etc/exports", exports_line(SHARE))
    box.run(
        "sh",
        "-ec",
        f"""
        mkdir -p /run/sshd /run/rpcbind /run/ganesha {SHARE} {SSH_FOLDER}
        printf '{TOLD}' >{SHARE}/told
        # Without an address of its own the machine has no IPv4 for getaddrinfo(3).
        ip address replace 192.0.2.1/32 dev lo
        cd /etc/gateway
        rm -f host_key*
        ssh-keygen -q -t ed25519 -N '' -f host_key
        rm -f {SSH_FOLDER}/id_ed25519*
        ssh-keygen -q -t ed25519 -N '' -f {SSH_FOLDER}/id_ed25519
        cp {SSH_FOLDER}/id_ed25519.pub authorized_keys
        echo "[127.0.0.1]:2222 $(cat host_key.pub)" >{SSH_FOLDER}/known_hosts
        """,
    )
    write(box, f"{SSH_FOLDER}/config", ALIAS)
    box.run("chown", "-R", "hostnfsd:", SSH_FOLDER)


@contextmanager
def running(box: SystemdBox) -> Iterator[None]:
    """sshd, rpcbind and the NFS server, until the end of the block."""
    ganesha = ("-F", "-f", "/etc/gateway/ganesha.conf", "-L", "STDERR", "-p", "/run/ganesha.pid")
    programs = {
        "gateway-sshd": ("/usr/sbin/sshd", "-D", "-e", "-f", "/etc/gateway/sshd_config"),
        "host-rpcbind": ("rpcbind", "-w", "-f"),
        "host-ganesha": ("ganesha.nfsd", *ganesha),
    }
    for name, command in programs.items():
        box.run("systemd-run", f"--unit={name}", "--quiet", *command)
    wait_until(
        lambda: box.run("showmount", "-e", "127.0.0.1", check=False).status == 0,
        "the NFS server",
        timeout_s=30,
        poll_s=0.2,
        seen=lambda: box.journal("host-ganesha"),
    )
    yield
    box.run("systemctl", "stop", *programs)
    box.run("rm", "-rf", SSH_FOLDER, SHARE)


def await_ready(box: SystemdBox) -> None:
    """Wait until the daemon says that all services are ready."""
    wait_until(
        lambda: hostnfsd_in(box, "status", check=False).status == Exit.OK,
        "all services to be ready",
        timeout_s=30,
        poll_s=0.2,
        seen=lambda: box.journal(UNIT) + box.journal("gateway-sshd"),
    )
