"""A healthy set-up, the screen, and what --fix does."""

import os

from tests.bed.bed import Bed
from tests.bed.daemon import merge
from tests.integration.doctor.faults import PLAIN, ask, dev_gw, injected, nothing_left, well
from tests.integration.doctor.host_faults import SERVER_DOWN


def test_a_healthy_set_up_without_a_daemon(shared: Bed) -> None:
    doctor = shared.daemon(PLAIN, start=False)

    report = ask(doctor)

    well(report)
    names = [c["check"] for c in report.checks]
    assert names == [c["check"] for c in ask(doctor).checks], "always in the same order"
    assert names.index("rpcbind") < names.index("gateway") < names.index("forward")
    assert names[-1] != "forward"
    nothing_left(shared)


def test_a_daemon_is_asked_and_keeps_its_ports(shared: Bed) -> None:
    daemon = shared.daemon(PLAIN)
    try:
        daemon.await_ready()
        attempts = daemon.metric("hostnfsd_tunnel_connect_attempts_total")

        report = ask(daemon)

        well(report)
        assert "tunnel" in [c["check"] for c in report.checks]
        assert daemon.ready()
        assert daemon.metric("hostnfsd_tunnel_connect_attempts_total") == attempts
        assert daemon.metric("hostnfsd_connections_total") == 0
    finally:
        daemon.close()
    nothing_left(shared)


def test_the_screen(shared: Bed) -> None:
    """Its last line is the first failure's cure."""
    doctor = shared.daemon(PLAIN, start=False)
    with injected(shared, SERVER_DOWN):
        done = doctor.command("doctor", timeout_s=40)

    assert done.status == 1
    assert done.output.splitlines()[-1].startswith("sudo systemctl enable --now nfs")
    wide = [line for line in done.output.splitlines() if len(line) > 80]
    assert [line for line in wide if os.sep not in line] == []


def test_fix_does_what_is_safe_and_looks_again(shared: Bed) -> None:
    key = shared.folder / "open_key"
    key.write_bytes(shared.key.read_bytes())
    key.chmod(0o644)
    known = shared.folder / "known"
    known.write_text("")
    tables = dev_gw(identity_files=[str(key)], known_hosts=str(known))
    doctor = shared.daemon(merge(dict(PLAIN), tables), start=False)

    refused = doctor.command("doctor", "--fix", timeout_s=40)
    assert refused.status == 1
    assert f"  chmod 600 {key}" in refused.output
    assert "Nothing was done" in refused.output
    assert key.stat().st_mode & 0o777 == 0o644

    done = doctor.command("doctor", "--fix", "--yes", "--accept-host-key", timeout_s=60)
    assert done.status == 0, done.output
    assert f"done: chmod 600 {key}" in done.output
    assert "done: ssh-keyscan" in done.output
    assert key.stat().st_mode & 0o777 == 0o600
    well(ask(doctor))
    nothing_left(shared)
