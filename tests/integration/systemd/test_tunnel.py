"""The confined system service with a real gateway and a key of its own."""

from collections.abc import Iterator

import pytest

from hostnfsd.errors import Exit
from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until
from tests.support.boxed_gateway import TOLD, TUNNEL, URL, lay_out, running
from tests.support.systemd_service import (
    CONFIG,
    UNIT,
    UNIT_FILE,
    hostnfsd_in,
    status_json,
    write,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


WITHOUT_RIGHTS = """\
[Service]
AmbientCapabilities=
CapabilityBoundingSet=
"""


@pytest.fixture
def gateway(machine: SystemdBox) -> Iterator[SystemdBox]:
    """The machine with an sshd that admits the service's key as ada, and a strict NFS server."""
    write(machine, CONFIG, TUNNEL)
    # The account exists from the first installation on: its keys can be laid out before it runs.
    hostnfsd_in(machine, "install", "--system")
    machine.run("systemctl", "stop", UNIT)
    lay_out(machine)
    with running(machine):
        yield machine


def test_the_sandbox_lets_the_tunnel_do_its_work(gateway: SystemdBox) -> None:
    gateway.run("systemctl", "start", UNIT)
    wait_until(
        lambda: hostnfsd_in(gateway, "status", check=False).status == Exit.OK,
        "all services to be ready",
        timeout_s=30,
        poll_s=0.2,
        seen=lambda: gateway.journal(UNIT) + gateway.journal("gateway-sshd"),
    )
    assert gateway.run("nfs-cat", URL).output == TOLD
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
