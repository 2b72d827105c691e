"""The last hop from a real client: a firewall shows only there."""

import json
import shlex
import tomllib
from dataclasses import replace
from typing import Any

import pytest

from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.box import CommandError
from tests.bed.daemon import Daemon, merge
from tests.bed.nfs_server import EXPORT, exports_line
from tests.bed.waiting import wait_until
from tests.integration.doctor.faults import PLAIN, named

FIREWALL = """table inet firewall {
  chain incoming { type filter hook input priority 0; iifname "eth0" tcp dport 2049 ACTION; }
}
"""


def rows(bed: Bed, doctor: Daemon, command: str) -> list[dict[str, Any]]:
    """The rows of ``doctor --client``.

    It runs on the host's network with the tests' own processes around it, so that it may enter the
    pod, as ``docker exec`` does.
    """
    words = doctor._command("doctor", "--json", "--client", command)
    env = doctor._environment()
    done = bed.network.host.run(*words, env=env, timeout_s=40, kinds=("--net",), check=False)
    checks: list[dict[str, Any]] = json.loads(done.output)["checks"]
    return named(checks)


def client_rows(bed: Bed, doctor: Daemon, command: str) -> dict[str, dict[str, Any]]:
    """What ``doctor --client`` says of the client, by service."""
    checks = (c for c in rows(bed, doctor, command) if c["check"] == "client")
    return {check["subject"].partition("/")[2]: check for check in checks}


@pytest.mark.produces("client-way-blocked")
@pytest.mark.parametrize(("action", "why"), [("reject", "refused"), ("drop", "cannot reach")])
def test_a_firewall_before_a_client_is_named_and_its_end_cures(
    own_bed: Bed, action: str, why: str
) -> None:
    doctor = own_bed.daemon(PLAIN, start=False)
    pod, gateway = own_bed.network.pod, own_bed.network.gateway
    command = shlex.join(pod.enter())
    gateway.run("nft", "-f", "-", stdin=FIREWALL.replace("ACTION", action))

    seen = client_rows(own_bed, doctor, command)

    assert seen["nfs"]["code"] == "client-way-blocked", seen
    assert why in seen["nfs"]["text"]
    for service in ("rpcbind", "mountd"):
        assert seen[service]["outcome"] == "PASS", "the others are answered"
        assert "NULL call" in seen[service]["text"]

    gateway.run("nft", "delete", "table", "inet", "firewall")
    seen = client_rows(own_bed, doctor, command)
    assert {row["outcome"] for row in seen.values()} == {"PASS"}


@pytest.mark.produces("client-command")
def test_a_command_that_fails_is_told(own_bed: Bed) -> None:
    doctor = own_bed.daemon(PLAIN, start=False)
    seen = client_rows(own_bed, doctor, "no-such-program exec")

    assert seen["nfs"]["code"] == "client-command", seen
    by_hand = seen["nfs"]["cure"][-1].removeprefix("$ ").replace("no-such-program exec", "{}")
    tried = [
        own_bed.network.host.run("sh", "-c", by_hand.format(command), check=False, kinds=("--net",))
        for command in ("no-such-program exec", shlex.join(own_bed.network.pod.enter()))
    ]
    assert [done.status == 0 for done in tried] == [False, True]
    assert tried[1].output == "well\n"
    seen = client_rows(own_bed, doctor, shlex.join(own_bed.network.pod.enter()))
    assert {row["outcome"] for row in seen.values()} == {"PASS"}


@pytest.mark.produces("client-not-admitted")
def test_whom_the_gate_keeps_out_is_named_and_the_line_shown_lets_him_in(own_bed: Bed) -> None:
    """With a daemon and without: the same name, the same line for the configuration."""
    # A socket that is seen from outside of the host's box, too: the doctor enters its network only.
    seen_outside = {"socket": str(own_bed.folder / "control.sock")}
    tables = merge(dict(PLAIN), {"access": {"allow": [network.POD]}, "control": seen_outside})
    alone, daemon = own_bed.daemon(tables, start=False), own_bed.daemon(tables, start=False)
    pod, other = (shlex.join(b.enter()) for b in (own_bed.network.pod, own_bed.network.pod2))
    line = f'allow = ["{network.POD}", "{network.POD2}"]'

    seen = client_rows(own_bed, alone, other)
    for service in ("nfs", "mountd"):
        assert seen[service]["code"] == "client-not-admitted", seen
        assert network.POD2 in seen[service]["text"]
        assert any(line in step for step in seen[service]["cure"]), seen
    assert seen["rpcbind"]["outcome"] == "PASS", "the portmapper answers everybody"
    assert {row["outcome"] for row in client_rows(own_bed, alone, pod).values()} == {"PASS"}

    daemon.start()
    daemon.await_ready()
    seen = client_rows(own_bed, daemon, other)
    assert seen["nfs"]["code"] == "client-not-admitted", seen
    assert network.POD2 in seen["nfs"]["text"]
    *told, step = seen["nfs"]["cure"]
    assert any(line in each for each in told), seen
    assert line in daemon.command("status", "--clients").output
    daemon.change(access=tomllib.loads(line))
    assert step == "$ hostnfsd reload"
    daemon.command(*step.split()[2:], check=True)
    assert {row["outcome"] for row in client_rows(own_bed, daemon, other).values()} == {"PASS"}


@pytest.mark.produces("nobody-admitted")
def test_where_nobody_may_come_in_it_says_so_and_its_cure_lets_clients_in(own_bed: Bed) -> None:
    """Exports for the host alone admit the gateway's networks, which nobody tells here."""
    own_bed.gateway.restart(replace(own_bed.gateway.options, extra=("ForceCommand /bin/false",)))
    own_bed.exports.write_text(exports_line(EXPORT, "127.0.0.1"))
    daemon = own_bed.daemon()
    daemon.await_phase("up")

    def denied() -> list[dict[str, Any]]:
        document = json.loads(daemon.command("doctor", "--json", timeout_s=40).output)
        return [c for c in named(document["checks"]) if c["code"] == "nobody-admitted"]

    wait_until(lambda: bool(denied()), "the gate to have decided", timeout_s=20)
    (row,) = denied()
    assert row["outcome"] == "FAIL"
    with pytest.raises(CommandError):
        own_bed.libnfs.names()

    told, command = row["cure"]
    shown = told[told.index("allow = [") :].partition("]")[0] + "]"
    daemon.change(access=tomllib.loads(shown))
    assert command == "$ hostnfsd reload"
    daemon.command(*command.split()[2:], check=True)

    assert denied() == []
    own_bed.libnfs.names()
