"""The Debian package on a machine that systemd has booted: installed, upgraded, purged."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import hostnfsd
from hostnfsd.errors import Exit
from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until
from tests.integration.packages.conftest import Artefacts
from tests.support.boxed_gateway import NFS_PORT, TOLD, TUNNEL, URL, lay_out, running
from tests.support.systemd_service import CONFIG, UNIT, state, write

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PACKAGE = "/run/packages"
NEXT = "99.0.0"
INIT = "usr/lib/hostnfsd/lib/python3.*/site-packages/hostnfsd/__init__.py"


@pytest.fixture(scope="module")
def following(artefacts: Artefacts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a later version: the same program, which says that it is another."""
    tree = tmp_path_factory.mktemp("following")
    subprocess.run(["dpkg-deb", "--raw-extract", artefacts.deb, tree], check=True)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {NEXT}-1", control.read_text()))
    (init,) = tree.glob(INIT)
    init.write_text(f'__version__ = "{NEXT}"\n')
    made = tree.with_name("following.deb")
    build = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(made)]
    subprocess.run(build, check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def machine(
    artefacts: Artefacts, following: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemdBox]:
    with SystemdBox(tmp_path_factory.mktemp("deb") / "machine") as box:
        # Here packages may start their services.
        (box.root / "usr/sbin/policy-rc.d").unlink(missing_ok=True)
        folder = box.root / "opt/packages"
        folder.mkdir(parents=True)
        (folder / "first.deb").write_bytes(artefacts.deb.read_bytes())
        (folder / "next.deb").write_bytes(following.read_bytes())
        box.boot()
        box.run("useradd", "--create-home", "--shell", "/bin/sh", "--password", "*", "ada")
        yield box


def dpkg(box: SystemdBox, *arguments: str) -> str:
    # Containers are often told to leave manuals and documentation out.
    whole = "--path-include=*"
    return box.run("dpkg", whole, *arguments, env={"DEBIAN_FRONTEND": "noninteractive"}).text


def ready(box: SystemdBox) -> bool:
    return box.run("hostnfsd", "status", check=False).status == Exit.OK


def await_ready(box: SystemdBox) -> None:
    wait_until(
        lambda: ready(box),
        "all services to be ready",
        timeout_s=30,
        poll_s=0.1,
        seen=lambda: box.journal(UNIT) + box.journal("gateway-sshd"),
    )


def test_a_life_of_the_package(machine: SystemdBox) -> None:
    # -- installed: there, and waiting for its configuration
    dpkg(machine, "--install", "/opt/packages/first.deb")
    assert machine.run("hostnfsd", "--version").output == f"hostnfsd {hostnfsd.__version__}\n"
    assert machine.run("systemctl", "is-enabled", UNIT).output.strip() == "enabled"
    assert state(machine)["ActiveState"] == "inactive"
    failed = machine.run("systemctl", "list-units", "--state=failed", "--no-legend").output
    assert "hostnfsd" not in failed
    assert machine.run("systemctl", "show", "-pFragmentPath", "--value", UNIT).output.strip() == (
        "/lib/systemd/system/hostnfsd.service"
    )
    for page in ("hostnfsd", "hostnfsd.toml"):
        assert machine.run("man", "-w", page).output.startswith("/usr/share/man/")
    verify = ("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", UNIT)
    assert machine.run(*verify).text == ""
    machine.run("systemd-analyze", "security", "--no-pager", "--threshold=17", UNIT)

    # -- configured and started
    write(machine, CONFIG, TUNNEL)
    machine.run("mkdir", "-p", "/var/lib/hostnfsd")
    lay_out(machine)
    with running(machine):
        machine.run("systemctl", "start", UNIT)
        await_ready(machine)
        assert machine.run("nfs-cat", URL).output == TOLD
        before = state(machine)
        assert before["User"] == "hostnfsd"

        # -- upgraded, with a client connected
        held = f"exec 3<>/dev/tcp/127.0.0.2/{NFS_PORT}; echo open; cat <&3; echo closed $?"
        machine.run("systemd-run", "--quiet", "--unit=held", "bash", "-c", held)
        wait_until(lambda: "open" in machine.journal("held"), "the client to be connected")
        begun = time.monotonic()
        dpkg(machine, "--install", "/opt/packages/next.deb")
        await_ready(machine)
        took_s = time.monotonic() - begun
        assert machine.run("nfs-cat", URL).output == TOLD
        assert machine.run("hostnfsd", "--version").output == f"hostnfsd {NEXT}\n"
        now = state(machine)
        assert now["MainPID"] != before["MainPID"]
        assert (now["SubState"], now["NRestarts"]) == ("running", "0")
        assert f'"version": "{NEXT}"' in machine.run("hostnfsd", "status", "--json").output
        # An orderly end, not a reset: its next call goes over a connection of its own.
        assert "closed 0" in machine.journal("held")
        assert took_s < 60

        # -- removed: stopped, what is the administrator's stays
        dpkg(machine, "--remove", "hostnfsd")
        assert state(machine)["ActiveState"] == "inactive"
        machine.run("test", "-e", CONFIG)
        machine.run("test", "!", "-e", "/usr/lib/hostnfsd")

        # -- purged: nothing is left but the account
        dpkg(machine, "--purge", "hostnfsd")
    left = machine.run(
        "find",
        "/etc",
        "/usr",
        "/var",
        "/run",
        "/lib/systemd",
        "-name",
        "*hostnfsd*",
        "-not",
        "-path",
        "/var/log/journal/*",
        "-not",
        "-path",
        "/usr/src/*",
    ).output.splitlines()
    assert left == []
    assert machine.run("systemctl", "show", "-pLoadState", "--value", UNIT).output.strip() in {
        "not-found",
        "masked",
    }
