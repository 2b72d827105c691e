"""The service on a machine booted by a real systemd, installed by the real command.

No gateway is there: a daemon that supervises is ready, whatever the far end does.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hostnfsd
from hostnfsd.errors import Exit
from tests.bed.box import Completed
from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

UNIT = "hostnfsd.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
CONFIG = "/etc/hostnfsd/hostnfsd.toml"
VALID = """\
[gateway.dev-gw]
host = "127.0.0.1"
port = 9
user = "admin"
ssh_config = "none"
"""
COMMAND = Path(sys.prefix) / "bin" / "hostnfsd"


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdBox]:
    with SystemdBox(tmp_path_factory.mktemp("systemd") / "machine") as box:
        # A checkout below /root is nobody else's to read; here it is.
        box.open_to_everybody(
            COMMAND,
            Path(hostnfsd.__file__),
            Path(sys.executable),
            Path(os.path.realpath(sys.executable)),
            Path(os.__file__),
        )
        box.boot()
        # A password that fits nothing: without PAM, sshd turns a locked account away.
        box.run("useradd", "--create-home", "--shell", "/bin/sh", "--password", "*", "ada")
        yield box


@pytest.fixture
def machine(booted: SystemdBox) -> Iterator[SystemdBox]:
    """The machine with a valid configuration and nothing installed."""
    write(booted, CONFIG, VALID)
    yield booted
    booted.run("rm", "-rf", f"{UNIT_FILE}.d")
    hostnfsd_in(booted, "uninstall", "--system")


@pytest.fixture
def installed(machine: SystemdBox) -> SystemdBox:
    """The machine with the system service installed and running."""
    hostnfsd_in(machine, "install", "--system")
    return machine


def write(box: SystemdBox, path: str, text: str, mode: int = 0o644) -> None:
    inside = box.root / path.lstrip("/")
    inside.parent.mkdir(parents=True, exist_ok=True)
    inside.write_text(text)
    inside.chmod(mode)


def hostnfsd_in(box: SystemdBox, *arguments: str, check: bool = True) -> Completed:
    return box.run(str(COMMAND), *arguments, check=check)


def state(box: SystemdBox) -> dict[str, str]:
    return box.show(
        UNIT,
        "ActiveState",
        "SubState",
        "MainPID",
        "NRestarts",
        "Result",
        "ExecMainStatus",
        "StatusText",
        "User",
    )


def await_restart(box: SystemdBox, count: int) -> dict[str, str]:
    """Wait until it was restarted that often and is ready again."""

    def restarted() -> dict[str, str] | None:
        now = state(box)
        back = now["NRestarts"] == str(count) and now["SubState"] == "running"
        return now if back else None

    seen = wait_until(
        restarted, f"restart {count}", timeout_s=30, poll_s=0.1, seen=lambda: box.journal(UNIT)
    )
    assert seen is not None
    return seen


def test_it_is_started_ready_and_tells_its_state(installed: SystemdBox) -> None:
    # restart, of which install is the last command, returns at READY=1.
    now = state(installed)
    assert (now["ActiveState"], now["SubState"], now["User"]) == ("active", "running", "hostnfsd")
    assert "dev-gw" in now["StatusText"]
    status = installed.run("systemctl", "status", UNIT).output
    assert f'Status: "{now["StatusText"]}"' in status
    assert installed.run("systemctl", "is-enabled", UNIT).output.strip() == "enabled"


def test_the_units_are_what_this_systemd_understands(installed: SystemdBox) -> None:
    verify = ("systemd-analyze", "verify", "--man=no", "--recursive-errors=no")
    assert installed.run(*verify, UNIT_FILE).text == ""
    security = ("systemd-analyze", "security", "--no-pager", "--threshold=15", UNIT)
    installed.run(*security)


def test_its_own_user_without_rights_runs_it(installed: SystemdBox) -> None:
    pid = state(installed)["MainPID"]
    status = dict(
        line.split(":\t", 1)
        for line in installed.run("cat", f"/proc/{pid}/status").output.splitlines()
        if ":\t" in line
    )
    account = installed.run("id", "-u", "hostnfsd").output.strip()
    assert set(status["Uid"].split()) == {account}
    assert int(account) != 0
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_it_can_write_below_its_own_directories_only(installed: SystemdBox) -> None:
    pid = state(installed)["MainPID"]
    inside = ("nsenter", "--target", pid, "--mount", "--wdns=/")
    become = ("setpriv", "--reuid=hostnfsd", "--regid=hostnfsd", "--clear-groups")
    for folder in ("/var/lib/hostnfsd", "/run/hostnfsd", "/var/log/hostnfsd"):
        installed.run(*inside, *become, "touch", f"{folder}/probe")
    # As root even: the file system itself is read-only there.
    for folder in ("/etc", "/usr", "/var/lib"):
        refused = installed.run(*inside, "touch", f"{folder}/probe", check=False)
        assert "Read-only file system" in refused.errors


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


def status_json(box: SystemdBox) -> dict[str, dict[str, object]]:
    # 1 is the verdict "unhealthy": there is no gateway.
    answer = hostnfsd_in(box, "status", "--json", check=False)
    assert answer.status in {Exit.OK, Exit.UNHEALTHY}, answer.text
    document: dict[str, dict[str, object]] = json.loads(answer.output)
    return document


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
    write(installed, f"{UNIT_FILE}.d/watchdog.conf", "[Service]\nWatchdogSec=1\n")
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


def assert_nothing_left(box: SystemdBox) -> None:
    assert state(box)["ActiveState"] == "inactive"
    assert box.show(UNIT, "LoadState") == {"LoadState": "not-found"}
    left = box.run("sh", "-c", "ls -d /etc/sysusers.d/hostnfsd* /run/hostnfsd", check=False)
    assert left.output == ""
    found = box.run("find", "/etc/systemd", "-name", "*hostnfsd*").output
    assert found == ""
    processes = box.run("ps", "-eo", "user:32,args").output.splitlines()
    assert [line for line in processes if line.startswith("hostnfsd ")] == []


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
        "echo-services": (sys.executable, "-c", ECHO),
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
    assert gateway.run(sys.executable, "-c", CLIENT).output.strip() == "through the tunnel"
    # Nothing it does was refused by the system call filter or the read-only file system.
    told = gateway.journal(UNIT)
    assert "Operation not permitted" not in told
    assert "Read-only file system" not in told


class TestUserUnit:
    """A user's own service, started at boot as loginctl enable-linger makes it."""

    FOLDER = "/home/ada/.config/systemd/user"

    @pytest.fixture
    def ada(self, booted: SystemdBox) -> Iterator[SystemdBox]:
        booted.run("loginctl", "enable-linger", "ada")
        uid = booted.run("id", "-u", "ada").output.strip()
        wait_until(
            lambda: (
                self.systemctl(booted, "is-system-running", check=False).output.strip()
                in {"running", "degraded"}
            ),
            f"the user manager of {uid}",
            seen=booted.console,
        )
        booted.run("mkdir", "-p", "/home/ada/.config/hostnfsd")
        write(booted, "/home/ada/.config/hostnfsd/hostnfsd.toml", VALID)
        booted.run("chown", "-R", "ada:", "/home/ada/.config")
        yield booted
        self.hostnfsd(booted, "uninstall")
        booted.run("loginctl", "disable-linger", "ada")

    def as_ada(self, box: SystemdBox, *command: str, check: bool = True) -> Completed:
        uid = box.run("id", "-u", "ada").output.strip()
        return box.run(
            *command,
            check=check,
            user="ada",
            env={"HOME": "/home/ada", "XDG_RUNTIME_DIR": f"/run/user/{uid}"},
        )

    def systemctl(self, box: SystemdBox, *arguments: str, check: bool = True) -> Completed:
        return self.as_ada(box, "systemctl", "--user", *arguments, check=check)

    def hostnfsd(self, box: SystemdBox, *arguments: str, check: bool = True) -> Completed:
        return self.as_ada(box, str(COMMAND), *arguments, check=check)

    def test_it_runs_as_the_user_and_goes_without_a_trace(self, ada: SystemdBox) -> None:
        done = self.hostnfsd(ada, "install")
        assert "installed\n" in done.output
        assert "loginctl enable-linger ada\n" in done.output
        assert self.systemctl(ada, "is-active", UNIT).output.strip() == "active"
        shown = self.systemctl(ada, "show", UNIT, "-pMainPID", "-pStatusText").output
        assert "dev-gw" in shown
        assert self.hostnfsd(ada, "install").output.startswith("already installed")
        verify = ("systemd-analyze", "--user", "verify", "--man=no", "--recursive-errors=no")
        assert self.as_ada(ada, *verify, f"{self.FOLDER}/{UNIT}").text == ""
        self.hostnfsd(ada, "uninstall")
        assert ada.run("find", self.FOLDER, "-name", "*hostnfsd*").output == ""
        assert self.systemctl(ada, "is-active", UNIT, check=False).output.strip() == "inactive"

    def test_without_a_session_of_ones_own_the_cure_is_told(self, ada: SystemdBox) -> None:
        refused = ada.run(
            str(COMMAND), "install", check=False, user="ada", env={"HOME": "/home/ada"}
        )
        assert refused.status == Exit.CANNOT_WRITE
        assert "XDG_RUNTIME_DIR=/run/user/" in refused.errors
        assert ada.run("find", self.FOLDER, "-name", "*hostnfsd*", check=False).output == ""
