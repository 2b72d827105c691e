"""The system service at work: started, reloaded, watched, restarted, stopped, confined."""

import json

import pytest

from hostnfsd.errors import Exit
from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until
from tests.support.systemd_service import (
    CONFIG,
    UNIT,
    UNIT_FILE,
    await_restart,
    state,
    status_json,
    write,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    # systemd 252 of Debian 12 where this machine has it, and 257.
    pytest.mark.parametrize("machine", ["booted", "newer"], indirect=True),
]

CAP_NET_BIND_SERVICE = 1 << 10  # linux/capability.h


def test_it_is_started_ready_and_tells_its_state(installed: SystemdBox) -> None:
    # restart, of which install is the last command, returns at READY=1.
    now = state(installed)
    assert (now["ActiveState"], now["SubState"], now["User"]) == ("active", "running", "hostnfsd")
    assert "dev-gw" in now["StatusText"]
    # It may change between two questions: there is no key yet, which ends the first attempt.
    wait_until(
        lambda: (
            f'Status: "{state(installed)["StatusText"]}"'
            in installed.run("systemctl", "status", UNIT).output
        ),
        "systemctl to show what it tells",
        poll_s=0.1,
        seen=lambda: installed.run("systemctl", "status", UNIT).output,
    )
    assert installed.run("systemctl", "is-enabled", UNIT).output.strip() == "enabled"


def test_the_units_are_what_this_systemd_understands(installed: SystemdBox) -> None:
    verify = ("systemd-analyze", "verify", "--man=no", "--recursive-errors=no")
    assert installed.run(*verify, UNIT_FILE).text == ""
    security = ("systemd-analyze", "security", "--no-pager", "--threshold=17", UNIT)
    installed.run(*security)
    # What a reader of the file alone would say, as CI does where no systemd runs.
    offline = ("--offline=true", "--threshold=17", UNIT_FILE)
    installed.run("systemd-analyze", "security", "--no-pager", *offline)


def test_the_journal_knows_how_severe_each_line_is(installed: SystemdBox) -> None:
    # What this very process has written; what systemd says before it becomes hostnfsd is no JSON.
    ours = f"_SYSTEMD_INVOCATION_ID={installed.show(UNIT, 'InvocationID')['InvocationID']}"

    def events(*arguments: str) -> dict[str, str]:
        lines = installed.run("journalctl", ours, "-o", "json", *arguments).output
        records = [r for r in map(json.loads, lines.splitlines()) if r["MESSAGE"].startswith("{")]
        return {json.loads(r["MESSAGE"])["event"]: r["PRIORITY"] for r in records}

    # The service has no key yet.
    wait_until(lambda: "tunnel_blocked" in events(), "the tunnel to be blocked", poll_s=0.1)
    severe = events("-p", "err")
    assert severe["tunnel_blocked"] == "3"
    assert "daemon_started" not in severe
    assert events()["daemon_started"] == "6"


def test_its_own_user_runs_it_with_the_right_to_low_ports_and_no_other(
    installed: SystemdBox,
) -> None:
    pid = state(installed)["MainPID"]
    status = dict(
        line.split(":\t", 1)
        for line in installed.run("cat", f"/proc/{pid}/status").output.splitlines()
        if ":\t" in line
    )
    account = installed.run("id", "-u", "hostnfsd").output.strip()
    assert set(status["Uid"].split()) == {account}
    assert int(account) != 0
    for kind in ("CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == CAP_NET_BIND_SERVICE
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_it_can_write_below_its_own_directories_only(installed: SystemdBox) -> None:
    pid = state(installed)["MainPID"]
    inside = ("nsenter", "--target", pid, "--mount", "--wdns=/")
    become = ("setpriv", "--reuid=hostnfsd", "--regid=hostnfsd", "--clear-groups")
    for folder in ("/var/lib/hostnfsd", "/run/hostnfsd", "/var/log/hostnfsd"):
        installed.run(*inside, *become, "touch", f"{folder}/probe")
    # What it remembers of its sessions is its own, and nobody else's.
    lock = installed.run("sh", "-c", "stat -c '%U %a' /var/lib/hostnfsd/sessions-*.lock")
    assert set(lock.output.splitlines()) == {"hostnfsd 600"}
    # As root even: the file system itself is read-only there.
    for folder in ("/etc", "/usr", "/var/lib"):
        refused = installed.run(*inside, "touch", f"{folder}/probe", check=False)
        assert "Read-only file system" in refused.errors


def test_reload_is_heard_and_keeps_the_process(installed: SystemdBox) -> None:
    before = state(installed)
    installed.run("systemctl", "reload", UNIT)
    # ExecReload returns once the signal is sent: the daemon tells when it is through.
    wait_until(
        lambda: status_json(installed)["reload"]["reloads"] == 1,
        "the reload to be counted",
        poll_s=0.1,
        seen=lambda: installed.journal(UNIT),
    )
    now = state(installed)
    assert (now["MainPID"], now["NRestarts"]) == (before["MainPID"], "0")
    assert now["ActiveState"] == "active"


def test_a_process_that_hangs_is_found_and_restarted(installed: SystemdBox) -> None:
    write(installed, f"{UNIT_FILE}.d/watchdog.conf", "[Service]\nWatchdogSec=2\n")
    installed.run("systemctl", "daemon-reload")
    installed.run("systemctl", "restart", UNIT)
    before = state(installed)
    installed.run("kill", "-STOP", before["MainPID"])
    now = await_restart(installed, 1)
    assert now["MainPID"] != before["MainPID"]
    assert "Watchdog timeout" in installed.journal(UNIT)


def test_a_busy_but_living_process_keeps_its_watchdog_fed(installed: SystemdBox) -> None:
    write(installed, f"{UNIT_FILE}.d/watchdog.conf", "[Service]\nWatchdogSec=2\n")
    installed.run("systemctl", "daemon-reload")
    installed.run("systemctl", "restart", UNIT)
    fed = wait_until(
        lambda: installed.show(UNIT, "WatchdogTimestampMonotonic"), "the watchdog to be armed"
    )
    # Fed at least three times, i.e. alive beyond the first deadline.
    for _ in range(3):
        last = fed
        fed = wait_until(
            lambda last=last: (  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                now if (now := installed.show(UNIT, "WatchdogTimestampMonotonic")) != last else {}
            ),
            "the watchdog to be fed",
            poll_s=0.1,
        )
    assert state(installed)["NRestarts"] == "0"


def test_a_crash_is_followed_by_a_restart(installed: SystemdBox) -> None:
    before = state(installed)
    installed.run("kill", "-KILL", before["MainPID"])
    now = await_restart(installed, 1)
    assert now["MainPID"] != before["MainPID"]


def test_stop_is_clean(installed: SystemdBox) -> None:
    installed.run("systemctl", "stop", UNIT)
    now = state(installed)
    assert now["ActiveState"] == "inactive"
    assert (now["Result"], now["ExecMainStatus"]) == ("success", "0")
    assert "Traceback" not in installed.journal(UNIT)
    assert not (installed.root / "run/hostnfsd").exists()


def test_a_broken_configuration_is_not_tried_again_and_again(installed: SystemdBox) -> None:
    write(installed, CONFIG, "[gateway.dev-gw]\nprot = 22\n")
    assert installed.run("systemctl", "restart", UNIT, check=False).status != 0
    now = state(installed)
    assert (now["ActiveState"], now["NRestarts"]) == ("failed", "0")
    assert now["ExecMainStatus"] == str(Exit.CONFIG_INVALID.value)
    assert "did you mean" in installed.journal(UNIT)
