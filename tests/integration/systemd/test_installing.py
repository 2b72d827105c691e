"""The system service installed, brought up to date and removed by the real command."""

import pytest

from hostnfsd.errors import Exit
from tests.bed.systemd_box import SystemdBox
from tests.support.systemd_service import (
    COMMAND,
    CONFIG,
    UNIT_FILE,
    VALID,
    assert_nothing_left,
    hostnfsd_in,
    state,
    write,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_installing_again_disturbs_nothing(installed: SystemdBox) -> None:
    before = state(installed)
    again = hostnfsd_in(installed, "install", "--system")
    assert again.output.startswith("already installed: nothing to do\n")
    assert state(installed)["MainPID"] == before["MainPID"]


def test_another_configuration_is_taken_over_by_installing_again(installed: SystemdBox) -> None:
    before = state(installed)
    write(installed, "/etc/hostnfsd/other.toml", VALID)
    hostnfsd_in(installed, "--config", "/etc/hostnfsd/other.toml", "install", "--system")
    now = state(installed)
    assert now["MainPID"] != before["MainPID"]
    command = installed.run("cat", f"/proc/{now['MainPID']}/cmdline").output.split("\0")
    assert command[-4:] == ["--config", "/etc/hostnfsd/other.toml", "run", ""]


def test_an_invalid_configuration_is_not_installed(machine: SystemdBox) -> None:
    write(machine, CONFIG, "[gateway.dev-gw]\nprot = 22\n")
    refused = hostnfsd_in(machine, "install", "--system", check=False)
    assert refused.status == Exit.CONFIG_INVALID
    assert f"{CONFIG}:2:" in refused.errors
    assert not (machine.root / UNIT_FILE.lstrip("/")).exists()


def test_a_service_that_does_not_start_is_replaced_by_the_one_before(
    installed: SystemdBox,
) -> None:
    # Root, who installs, can read it; the service's own user cannot.
    write(installed, "/etc/hostnfsd/private.toml", VALID, mode=0o600)
    before = (installed.root / UNIT_FILE.lstrip("/")).read_text()
    failed = hostnfsd_in(
        installed, "--config", "/etc/hostnfsd/private.toml", "install", "--system", check=False
    )
    assert failed.status == Exit.CANNOT_WRITE
    assert "journalctl" in failed.errors
    assert (installed.root / UNIT_FILE.lstrip("/")).read_text() == before
    assert state(installed)["SubState"] == "running"


def test_a_first_installation_that_fails_leaves_nothing(machine: SystemdBox) -> None:
    write(machine, CONFIG, VALID, mode=0o600)
    failed = hostnfsd_in(machine, "install", "--system", check=False)
    assert failed.status == Exit.CANNOT_WRITE
    assert_nothing_left(machine)


def test_a_program_that_only_root_can_reach_is_not_installed_for_another_user(
    machine: SystemdBox,
) -> None:
    machine.run("mkdir", "-p", "--mode=0700", "/root/hidden")
    machine.run("ln", "-sf", str(COMMAND), "/root/hidden/hostnfsd")
    refused = machine.run("/root/hidden/hostnfsd", "install", "--system", check=False)
    assert refused.status == Exit.NO_PERMISSION
    assert "/root/hidden/hostnfsd cannot be run by the service's own user" in refused.errors
    assert_nothing_left(machine)


def test_dry_run_shows_the_plan_and_changes_nothing(machine: SystemdBox) -> None:
    shown = hostnfsd_in(machine, "install", "--system", "--dry-run").output
    assert f"write {UNIT_FILE} (mode 0644)\n" in shown
    assert f"--config {CONFIG} run\n" in shown
    assert "run systemctl restart hostnfsd.service\n" in shown
    assert_nothing_left(machine)


def test_uninstall_leaves_nothing_and_can_be_repeated(installed: SystemdBox) -> None:
    assert hostnfsd_in(installed, "uninstall", "--system").output.startswith("uninstalled\n")
    assert_nothing_left(installed)
    again = hostnfsd_in(installed, "uninstall", "--system")
    assert again.output.startswith("already uninstalled: nothing to do\n")
