"""What is wrong in files: hostnfsd's own and ssh's."""

import pytest

from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.daemon import merge
from tests.bed.waiting import wait_until
from tests.integration.doctor.faults import PLAIN, ask, dev_gw, well


@pytest.mark.produces("config-invalid")
def test_a_configuration_with_errors_is_told_with_its_line(shared: Bed) -> None:
    doctor = shared.daemon(PLAIN, start=False)
    good = doctor.config_file.read_text(encoding="utf-8")
    doctor.write(good.replace("[host]", '[host]\nexprots = "x"'))

    row = ask(doctor).row("config-invalid")

    assert row["outcome"] == "FAIL"
    assert "exprots" in row["text"]
    assert any("exports" in step for step in row["cure"]), row
    doctor.write(good)
    well(ask(doctor))


@pytest.mark.produces("own-ssh")
def test_an_alias_with_remote_forward_is_told_with_its_lines(shared: Bed) -> None:
    """The very alias with which this began: RemoteForward and ControlPersist."""
    config, more = shared.folder / "ssh_config", shared.folder / "more_forwards"
    more.write_text("Host other\n  RemoteForward 662 h:662\nHost d*\n  RemoteForward 111 h:111\n")
    more.chmod(0o600)
    lines = [
        f"Include {more}",
        "Host other",
        "  RemoteForward 20048 127.0.0.1:20048",
        "Host dev-gw",
        f"  HostName {network.GATEWAY_SSH}",
        "  User admin",
        f"  IdentityFile {shared.key}",
        f"  UserKnownHostsFile {shared.known_hosts}",
        "  ControlMaster auto",
        f"  ControlPath {shared.folder}/%r",
        "  ControlPersist yes",
        "  RemoteForward 2049 127.0.0.1:2049",
        "  RemoteForward 8080 127.0.0.1:8080",
    ]
    config.write_text("\n".join(lines) + "\n")
    config.chmod(0o600)
    tables = dict.fromkeys(("host", "port", "user", "identity_files", "known_hosts"))
    doctor = shared.daemon(
        merge(dict(PLAIN), dev_gw(**tables, ssh_config=str(config))), start=False
    )
    shared.network.host.run("ssh", "-F", str(config), "-o", "BatchMode=yes", "-fN", "dev-gw")
    wait_until(lambda: bool(shared.gateway.sessions()), "the session of the user's own")

    report = ask(doctor)

    rows = [c for c in report.checks if c["code"] == "own-ssh"]
    assert f"({more}, line 4; {config}, line 12)" in rows[0]["text"], "of no other Host"
    assert "2049" in rows[0]["text"]
    assert "8080" not in rows[0]["text"]
    assert "a session with them stands (pid " in rows[0]["text"]
    busy = [c for c in report.checks if c["code"] == "port-busy"]
    assert {c["outcome"] for c in busy} == {"FAIL"}
    assert len(busy) == 2
    (command,) = report.commands("own-ssh")
    assert command == f"ssh -F {config} -O exit dev-gw"
    for row in busy:
        assert row["cure"][0].startswith("it may be: pid "), row
        assert "-fN dev-gw" in row["cure"][0], "the session that stands"
        assert row["cure"][-1] == f"$ {command}"
    shared.network.host.run("sh", "-c", command)
    more.write_text("")
    config.write_text("\n".join(line for line in lines if "RemoteForward 2049" not in line) + "\n")
    wait_until(lambda: not shared.gateway.sessions(), "it to end")
    well(ask(doctor))


def test_a_gateway_that_ssh_config_spells_otherwise_is_told_with_the_right_name(
    shared: Bed,
) -> None:
    more = shared.folder / "more_config"
    more.write_text(
        f"Host dev-gateway\n  HostName {network.GATEWAY_SSH}\n  User admin\n"
        f"  IdentityFile {shared.key}\n  UserKnownHostsFile {shared.known_hosts}\n"
    )
    config = shared.folder / "ssh_config"
    config.write_text(f"Include {more}\n")
    for file in (config, more):
        file.chmod(0o600)
    keys = {"ssh_config": str(config), "client_address": network.GATEWAY}
    doctor = shared.daemon(PLAIN, start=False)
    doctor.configure(merge(dict(PLAIN), {"gateway": {"dev-gatewya": keys}}))

    report = ask(doctor)

    row = report.row("gateway-unknown")
    assert (row["check"], row["outcome"]) == ("ssh-config", "FAIL"), report.describe()
    assert f"{config} has no Host dev-gatewya" in row["text"]
    assert row["cure"] == ["name the table [gateway.dev-gateway]"]
    assert report.codes() == {"gateway-unknown"}, "the rest waits for it"
    doctor.configure(merge(dict(PLAIN), {"gateway": {"dev-gateway": keys}}))
    well(ask(doctor))
