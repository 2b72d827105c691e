"""The confined system service with a real gateway and a key of its own."""

from collections.abc import Iterator

import pytest

from hostnfsd.errors import Exit
from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until
from tests.support.systemd_service import (
    CONFIG,
    PYTHON,
    UNIT,
    hostnfsd_in,
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
ECHO = """\
import asyncio
async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()
async def main():
    servers = [await asyncio.start_server(echo, "127.0.0.1", p) for p in (12111, 12049, 12048)]
    await asyncio.gather(*(server.serve_forever() for server in servers))
asyncio.run(main())
"""
CLIENT = """\
import socket
with socket.create_connection(("127.0.0.2", 12049), 10) as connection:
    connection.sendall(b"through the tunnel")
    connection.shutdown(socket.SHUT_WR)
    print(connection.makefile().read())
"""


@pytest.fixture
def gateway(machine: SystemdBox) -> Iterator[SystemdBox]:
    """The machine with an sshd that admits the service's key as ada, and services to carry."""
    write(machine, CONFIG, TUNNEL)
    write(machine, "/etc/gateway/sshd_config", SSHD)
    # The account exists from the first installation on: its keys can be laid out before it runs.
    hostnfsd_in(machine, "install", "--system")
    machine.run(
        "sh",
        "-ec",
        f"""
        systemctl stop {UNIT}
        mkdir -p /run/sshd /var/lib/hostnfsd/.ssh
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
    programs = {
        "gateway-sshd": ("/usr/sbin/sshd", "-D", "-e", "-f", "/etc/gateway/sshd_config"),
        "echo-services": (str(PYTHON), "-c", ECHO),
    }
    for name, command in programs.items():
        machine.run("systemd-run", f"--unit={name}", "--quiet", *command)
    yield machine
    machine.run("systemctl", "stop", *programs)
    machine.run("rm", "-rf", "/var/lib/hostnfsd/.ssh")


def test_the_sandbox_lets_the_tunnel_do_its_work(gateway: SystemdBox) -> None:
    gateway.run("systemctl", "start", UNIT)
    wait_until(
        lambda: hostnfsd_in(gateway, "status", check=False).status == Exit.OK,
        "all services to be ready",
        timeout_s=30,
        poll_s=0.2,
        seen=lambda: gateway.journal(UNIT) + gateway.journal("gateway-sshd"),
    )
    assert gateway.run(str(PYTHON), "-c", CLIENT).output.strip() == "through the tunnel"
    # Nothing it does was refused by the system call filter or the read-only file system.
    told = gateway.journal(UNIT)
    assert "Operation not permitted" not in told
    assert "Read-only file system" not in told
