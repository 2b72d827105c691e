"""The last hop from a real client: a firewall shows only there."""

import json
import shlex
from typing import Any

import pytest

from tests.bed.bed import Bed
from tests.bed.daemon import Daemon

PLAIN: dict[str, Any] = {"host": {"exports": "none"}, "access": {"allow": "any"}}
FIREWALL = """table inet firewall {
  chain incoming { type filter hook input priority 0; iifname "eth0" tcp dport 2049 ACTION; }
}
"""


def client_rows(bed: Bed, doctor: Daemon, command: str) -> dict[str, dict[str, Any]]:
    """What ``doctor --client`` says of the client, by service.

    It runs on the host's network with the tests' own processes around it, so that it may enter the
    pod, as ``docker exec`` does.
    """
    words = doctor._command("doctor", "--json", "--client", command)
    env = doctor._environment()
    done = bed.network.host.run(*words, env=env, timeout_s=40, kinds=("--net",), check=False)
    document = json.loads(done.output)
    checks = (c for c in document["checks"] if c["check"] == "client")
    return {check["subject"].partition("/")[2]: check for check in checks}


@pytest.mark.parametrize(("action", "why"), [("reject", "refused"), ("drop", "cannot reach")])
def test_a_firewall_before_a_client_is_named_and_its_end_cures(
    own_bed: Bed, action: str, why: str
) -> None:
    doctor = own_bed.daemon(PLAIN, start=False)
    pod, gateway = own_bed.network.pod, own_bed.network.gateway
    command = shlex.join(pod.enter())
    gateway.run("nft", "-f", "-", stdin=FIREWALL.replace("ACTION", action))

    rows = client_rows(own_bed, doctor, command)

    assert rows["nfs"]["code"] == "client-way-blocked", rows
    assert why in rows["nfs"]["text"]
    for service in ("rpcbind", "mountd"):
        assert rows[service]["outcome"] == "PASS", "the others are answered"
        assert "NULL call" in rows[service]["text"]

    gateway.run("nft", "delete", "table", "inet", "firewall")
    rows = client_rows(own_bed, doctor, command)
    assert {row["outcome"] for row in rows.values()} == {"PASS"}


def test_a_command_that_fails_is_told(own_bed: Bed) -> None:
    rows = client_rows(own_bed, own_bed.daemon(PLAIN, start=False), "no-such-program exec")

    assert rows["nfs"]["code"] == "client-command", rows
