"""Gateways that are no sshd, or an odd one, and what leads to them: named, and cured."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.waiting import wait_until
from tests.integration.doctor.faults import (
    PLAIN,
    Fault,
    Undo,
    ask,
    dev_gw,
    explained,
    injected,
    is_named_and_cured,
    sshd,
)

RESOLV_CONF = "/etc/resolv.conf"
NO_NAMES = """table inet nowhere {
  chain in { type filter hook input priority 0; udp dport 53 drop; }
}
"""
OLD_SSHD = Fault(
    "an sshd that only has what nobody should use any more",
    "ssh-protocol",
    sshd(extra=("KexAlgorithms diffie-hellman-group1-sha1",)),
    says="KexAlgorithms",
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Bed]:
    with Bed(BedOptions(host_files=(RESOLV_CONF,))) as bed:
        yield bed


def _web_server(bed: Bed) -> Undo:
    web = bed.network.gateway.start("web", "/usr/bin/python3", "-m", "http.server", "8080")
    wait_until(
        lambda: ("0.0.0.0", 8080) in bed.network.gateway.listening(), "it to listen", seen=web.tail
    )
    return web.kill


def _silent_name_server(bed: Bed) -> Undo:
    """What is sent to it is dropped, at its side: a refusal would be an answer."""
    bed.network.gateway.run("nft", "-f", "-", stdin=NO_NAMES)
    # The host of the bed asks files only.
    sources = bed.folder / "host/etc/nsswitch.conf"
    before = sources.read_text(encoding="utf-8")
    sources.write_text("hosts: files dns\n")
    bed.host_file(RESOLV_CONF).write_text(f"nameserver {network.GATEWAY_SSH}\n")

    def end() -> None:
        bed.network.gateway.run("nft", "delete", "table", "inet", "nowhere")
        sources.write_text(before)

    return end


def _no_shell(bed: Bed) -> Undo:
    """A login that may do nothing but forward, as images of gateways make it."""
    accounts = bed.gateway.folder / "etc/passwd"
    before = accounts.read_text(encoding="utf-8")
    accounts.write_text(before.replace("/run/home/admin:/bin/sh", "/run/home/admin:/bin/false"))
    return lambda: accounts.write_text(before)


def _wrong_option(bed: Bed) -> Undo:
    _ssh_config(bed, "Host dev-gw", "  User admin", "  ForwardEverything yes")
    return lambda: None


def _hanging_match(bed: Bed) -> Undo:
    """As a test for a VPN may hang that is not there."""
    _ssh_config(bed, 'Match host dev-gw exec "sleep 60"', "  User admin")
    return lambda: None


def _ssh_config(bed: Bed, *lines: str) -> None:
    path = bed.folder / "ssh_config"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)


def _slow_clock(bed: Bed) -> Undo:
    """The clock that programs see there, as of a VM that has slept: by libfaketime."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    clock = bed.network.gateway.run_folder / "clock"
    clock.write_text("-90\n")
    words = f"LD_PRELOAD={library} FAKETIME_TIMESTAMP_FILE=/run/clock FAKETIME_NO_CACHE=1"
    undo = sshd(extra=(f"SetEnv {words}",))(bed)
    assert abs(_seconds_there(bed) - _seconds_there(bed, plain=True) + 90) <= 2

    def set_it() -> None:
        clock.write_text("+0\n")
        undo()

    return set_it


def _seconds_there(bed: Bed, *, plain: bool = False) -> int:
    ssh = ("ssh", "-F", "none", "-i", str(bed.key), "-o", f"UserKnownHostsFile={bed.known_hosts}")
    words = (*ssh, f"admin@{network.GATEWAY_SSH}") if not plain else ()
    return int(bed.network.host.run(*words, "date", "+%s").output)


FAULTS = (
    OLD_SSHD,
    Fault(
        "a web server where sshd should be",
        "ssh-protocol",
        _web_server,
        tables=dev_gw(port=8080),
        cured=dev_gw(port=22),
        says="no sshd",
    ),
    Fault(
        "a name server that does not answer",
        "gateway-unknown",
        _silent_name_server,
        tables=dev_gw(host="gateway.example"),
        cured=dev_gw(host=network.GATEWAY_SSH),
        says="no name server answered",
    ),
    Fault(
        "a login that may do nothing but copy files",
        "address-unknown",
        sshd(extra=("ForceCommand internal-sftp",)),
        tables=dev_gw(client_address=None),
        cured=dev_gw(client_address=network.GATEWAY),
        outcome="WARN",
        says="client_address",
    ),
    Fault(
        "a login without a shell",
        "address-unknown",
        _no_shell,
        tables=dev_gw(client_address=None),
        cured=dev_gw(client_address=network.GATEWAY),
        outcome="WARN",
    ),
    Fault(
        "an ssh_config with a word that ssh does not know",
        "ssh-config-unusable",
        _wrong_option,
        tables=dev_gw(ssh_config="{folder}/ssh_config"),
        cured=dev_gw(ssh_config="none"),
        says="line 3",
    ),
    Fault(
        "an ssh_config that runs a command which hangs",
        "ssh-config-unusable",
        _hanging_match,
        tables=dev_gw(ssh_config="{folder}/ssh_config"),
        cured=dev_gw(ssh_config="none"),
        says="Match exec",
    ),
    Fault(
        "a clock that is behind",
        "clock-off",
        _slow_clock,
        outcome="WARN",
        says="behind ours",
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_failure_is_named_and_its_cure_cures_it(shared: Bed, fault: Fault) -> None:
    is_named_and_cured(shared, fault)


def test_what_ssh_prints_of_an_old_sshd_is_explained(shared: Bed) -> None:
    """The cure's own command shows what is missing, and that text is known."""
    doctor = shared.daemon(PLAIN, start=False)
    with injected(shared, OLD_SSHD):
        (command,) = ask(doctor).commands("ssh-protocol")
        printed = shared.network.host.run("sh", "-c", f"{command} -o BatchMode=yes", check=False)

    assert "no matching key exchange method" in printed.errors
    assert explained(doctor, printed.errors.splitlines()[-1])["code"] == "ssh-protocol"
