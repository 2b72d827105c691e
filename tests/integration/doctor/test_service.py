"""What is wrong with the service and its machine, which a real systemd has booted."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hostnfsd
from hostnfsd.errors import Exit
from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until
from tests.integration.doctor.faults import named
from tests.support.systemd_service import (
    CONFIG,
    PREFIX,
    UNIT,
    VALID,
    deploy,
    hostnfsd_in,
    state,
    write,
)

pytestmark = pytest.mark.timeout(180)

#: nfs-kernel-server is unpacked, not installed: packaging/install-test-packages.sh.
CACHE = Path(os.environ.get("HOSTNFSD_CACHE", Path(__file__).parents[3] / ".cache"))
EXPORTS = "/etc/exports"
VERSION = f'__version__ = "{hostnfsd.__version__}"'


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdBox]:
    with SystemdBox(tmp_path_factory.mktemp("systemd") / "machine") as box:
        deploy(box, Path(hostnfsd.__file__).parent)
        for program in ("exportfs", "rpc.mountd"):
            shutil.copy(CACHE / "nfs-kernel-server/usr/sbin" / program, box.root / "usr/sbin")
        # A Python below /root is nobody else's to run; here it is.
        box.open_to_everybody(Path(os.path.realpath(sys.executable)), Path(os.__file__))
        box.boot()
        write(box, CONFIG, VALID)
        yield box


@pytest.fixture
def installed(machine: SystemdBox) -> Iterator[SystemdBox]:
    hostnfsd_in(machine, "install", "--system")
    yield machine
    hostnfsd_in(machine, "uninstall", "--system")


def rows(box: SystemdBox, *codes: str) -> list[dict[str, Any]]:
    """What the doctor says under these codes. There is no gateway, and no NFS server."""
    done = hostnfsd_in(box, "doctor", "--json", check=False)
    assert done.status in {Exit.OK, Exit.UNHEALTHY}, done.text
    checks: list[dict[str, Any]] = json.loads(done.output)["checks"]
    return [row for row in named(checks) if row["code"] in codes]


def do_it(box: SystemdBox, row: dict[str, Any]) -> None:
    """Run the commands of its cure, which root need not be allowed."""
    commands = [step[2:].removeprefix("sudo ") for step in row["cure"] if step.startswith("$ ")]
    assert commands, row
    for command in commands:
        box.run("sh", "-c", command, env={"PATH": f"{PREFIX}/bin:/usr/sbin:/usr/bin:/sbin:/bin"})


@pytest.mark.produces("daemon-not-running")
def test_a_service_that_was_stopped_is_started(installed: SystemdBox) -> None:
    installed.run("systemctl", "stop", UNIT)
    (row,) = rows(installed, "daemon-not-running")

    assert "journalctl -u hostnfsd" in row["cure"][0]
    do_it(installed, row)
    assert state(installed)["ActiveState"] == "active"
    assert rows(installed, "daemon-not-running") == []


@pytest.mark.produces("version-skew")
def test_a_service_that_still_runs_what_was_before_an_upgrade_is_restarted(
    installed: SystemdBox,
) -> None:
    (module,) = (installed.root / PREFIX.relative_to("/")).glob("lib/*/*/hostnfsd/__init__.py")
    module.write_text(module.read_text().replace(VERSION, '__version__ = "9.9.9"'))
    try:
        (row,) = rows(installed, "version-skew")
        assert "9.9.9" in row["text"]
        assert row["cure"] == ["restart it:", "$ sudo systemctl restart hostnfsd"]
        do_it(installed, row)
        assert rows(installed, "version-skew", "daemon-not-running") == []
    finally:
        module.write_text(module.read_text().replace('__version__ = "9.9.9"', VERSION))


@pytest.mark.produces("host-sleeps")
def test_a_machine_that_sleeps_when_it_is_idle_is_kept_awake(machine: SystemdBox) -> None:
    write(machine, CONFIG, VALID + '[host]\nkeep_awake = "never"\n')
    write(machine, "/etc/systemd/logind.conf.d/idle.conf", "[Login]\nIdleAction=suspend\n")
    machine.run("systemctl", "restart", "systemd-logind")
    wait_until(lambda: rows(machine, "host-sleeps"), "logind to want it", timeout_s=20)
    (row,) = rows(machine, "host-sleeps")

    assert row["outcome"] == "WARN"
    assert "(suspend)" in row["text"]
    write(machine, CONFIG, VALID)
    assert rows(machine, "host-sleeps") == []  # while clients work it does not sleep
    write(machine, CONFIG, VALID + '[host]\nkeep_awake = "never"\n')
    do_it(machine, row)
    assert rows(machine, "host-sleeps") == []
    write(machine, CONFIG, VALID)


@pytest.fixture
def mountd(machine: SystemdBox) -> Iterator[SystemdBox]:
    """The machine with rpcbind and the mountd of Linux's own server, which export one folder."""
    machine.run("mkdir", "-p", "/srv/first", "/srv/second", "/var/lib/nfs")
    machine.run("touch", "/var/lib/nfs/etab", "/var/lib/nfs/rmtab")
    write(machine, EXPORTS, export("/srv/first", 1))
    machine.run("exportfs", "-ra")
    machine.run("systemd-run", "--quiet", "--unit=the-rpcbind", "rpcbind", "-f")
    machine.run("systemd-run", "--quiet", "--unit=the-mountd", "rpc.mountd", "-F", "-p", "20048")
    listed = ("showmount", "--no-headers", "-e", "127.0.0.1")
    wait_until(
        lambda: "/srv/first" in machine.run(*listed, check=False).output,
        "mountd to export it",
        timeout_s=20,
        poll_s=0.1,
        seen=lambda: machine.journal("the-mountd"),
    )
    yield machine
    machine.run("systemctl", "stop", "the-mountd", "the-rpcbind")
    machine.run("rm", EXPORTS)


def export(path: str, number: int) -> str:
    return f"{path} 127.0.0.1(rw,sync,no_subtree_check,insecure,fsid={number})\n"


@pytest.mark.produces("not-applied")
def test_a_file_that_was_edited_is_read_by_the_server(mountd: SystemdBox) -> None:
    assert rows(mountd, "not-applied", "exports-missing") == []
    write(mountd, EXPORTS, export("/srv/first", 1) + export("/srv/second", 2))
    (row,) = rows(mountd, "not-applied")

    assert row["outcome"] == "WARN"
    assert "/srv/second" in row["text"]
    assert "/srv/first" not in row["text"]
    do_it(mountd, row)
    assert rows(mountd, "not-applied") == []


@pytest.mark.produces("server-not-enabled", "server-down")
def test_a_server_started_by_hand_or_not_at_all_starts_with_the_machine(
    machine: SystemdBox,
) -> None:
    server = "nfs-ganesha.service"
    write(machine, "/etc/ganesha/ganesha.conf", "NFS_CORE_PARAM { Protocols = 3; }\n")
    machine.run("systemctl", "start", server)
    try:
        wait_until(
            lambda: rows(machine, "server-not-enabled"),
            "it to listen",
            timeout_s=30,
            poll_s=0.2,
            seen=lambda: machine.journal(server),
        )
        (row,) = rows(machine, "server-not-enabled")

        assert row["outcome"] == "WARN"
        assert f"{server} does not start with the machine" in row["text"]
        assert machine.run("systemctl", "is-enabled", server, check=False).output == "disabled\n"
        do_it(machine, row)
        assert machine.run("systemctl", "is-enabled", server).output == "enabled\n"
        wanted = machine.show("multi-user.target", "Wants")["Wants"]
        assert server in wanted.split(), "which the machine starts with"
        assert rows(machine, "server-not-enabled") == []

        machine.run("systemctl", "disable", "--now", server)
        row, *_ = wait_until(lambda: rows(machine, "server-down"), "it to be gone", poll_s=0.2)
        assert row["outcome"] == "FAIL"
        assert f"{server} is not enabled" in row["text"]
        do_it(machine, row)
        wait_until(
            lambda: rows(machine, "server-down", "server-not-enabled") == [],
            "it to listen",
            timeout_s=30,
            poll_s=0.2,
            seen=lambda: machine.journal(server),
        )
    finally:
        machine.run("systemctl", "disable", "--now", server)
