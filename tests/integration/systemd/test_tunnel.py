"""The confined system service with a real gateway and a key of its own."""

import pytest

from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until
from tests.support.boxed_gateway import (
    SHARE,
    SSH_FOLDER,
    TOLD,
    TUNNEL,
    URL,
    await_ready,
)
from tests.support.systemd_service import (
    CONFIG,
    UNIT,
    UNIT_FILE,
    hostnfsd_in,
    state,
    status_json,
    write,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


CREDENTIAL = "/etc/credstore/hostnfsd.ssh_key"
BY_CREDENTIAL = 'identity_files = ["credential:ssh_key"]\n'
WITHOUT_RIGHTS = """\
[Service]
AmbientCapabilities=
CapabilityBoundingSet=
"""


BIG = 96 << 20


def fetching(box: SystemdBox, name: str) -> None:
    """Start a client that reads a large file through the tunnel, with at most one call open."""
    box.run("sh", "-c", f"head -c {BIG} /dev/urandom >{SHARE}/big; rm -f /run/{name}")
    url = URL.replace("/told?", "/big?")
    box.run("systemd-run", "--quiet", f"--unit={name}", "nfs-cp", url, f"/run/{name}")
    wait_until(
        lambda: box.run("test", "-s", f"/run/{name}", check=False).status == 0,
        "the first bytes",
        poll_s=0.02,
        seen=lambda: box.journal(name),
    )
    assert box.show(name, "ActiveState") == {"ActiveState": "active"}


def await_fetched(box: SystemdBox, name: str) -> None:
    wait_until(
        lambda: box.run("cmp", f"{SHARE}/big", f"/run/{name}", check=False).status == 0,
        "the whole file to have come through",
        timeout_s=60,
        poll_s=0.3,
        seen=lambda: box.journal(name) + box.journal(UNIT),
    )


def test_the_sandbox_lets_the_tunnel_do_its_work(gateway: SystemdBox) -> None:
    gateway.run("systemctl", "start", UNIT)
    await_ready(gateway)
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


def test_a_reload_during_a_transfer_is_not_noticed(gateway: SystemdBox) -> None:
    gateway.run("systemctl", "start", UNIT)
    await_ready(gateway)
    fetching(gateway, "reloaded")
    before = status_json(gateway)
    for _ in range(3):
        gateway.run("systemctl", "reload", UNIT)
    await_fetched(gateway, "reloaded")
    after = status_json(gateway)
    assert after["reload"]["reloads"] > before["reload"]["reloads"]
    assert after["pid"] == before["pid"]


def test_a_client_lives_on_over_a_stop_and_a_start(gateway: SystemdBox) -> None:
    gateway.run("systemctl", "start", UNIT)
    await_ready(gateway)
    fetching(gateway, "restarted")
    gateway.run("systemctl", "stop", UNIT)
    now = state(gateway)
    assert (now["ActiveState"], now["Result"], now["ExecMainStatus"]) == (
        "inactive",
        "success",
        "0",
    )
    assert "timed out" not in gateway.journal(UNIT)
    gateway.run("systemctl", "start", UNIT)
    await_fetched(gateway, "restarted")


def test_a_credential_is_a_key_that_only_root_can_read(gateway: SystemdBox) -> None:
    write(gateway, CONFIG, TUNNEL.replace("[services]", f"{BY_CREDENTIAL}[services]"))
    gateway.run("install", "-d", "-m", "700", "/etc/credstore")
    gateway.run("install", "-m", "600", f"{SSH_FOLDER}/id_ed25519", CREDENTIAL)
    gateway.run("sh", "-c", f"rm {SSH_FOLDER}/id_*")
    gateway.run("systemctl", "start", UNIT)
    await_ready(gateway)
    assert gateway.run("nfs-cat", URL).output == TOLD
    assert gateway.run("cat", CREDENTIAL, user="hostnfsd", check=False).status != 0
    gateway.run("rm", CREDENTIAL)
