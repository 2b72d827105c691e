"""A user's own service, started at boot as ``loginctl enable-linger`` makes it."""

from collections.abc import Iterator

import pytest

from hostnfsd.errors import Exit
from tests.bed.box import Completed
from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until
from tests.support.systemd_service import (
    COMMAND,
    UNIT,
    VALID,
    write,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

FOLDER = "/home/ada/.config/systemd/user"


@pytest.fixture
def ada(booted: SystemdBox) -> Iterator[SystemdBox]:
    booted.run("loginctl", "enable-linger", "ada")
    uid = booted.run("id", "-u", "ada").output.strip()
    wait_until(
        lambda: (
            systemctl(booted, "is-system-running", check=False).output.strip()
            in {"running", "degraded"}
        ),
        f"the user manager of {uid}",
        seen=booted.console,
    )
    booted.run("mkdir", "-p", "/home/ada/.config/hostnfsd")
    write(booted, "/home/ada/.config/hostnfsd/hostnfsd.toml", VALID)
    booted.run("chown", "-R", "ada:", "/home/ada/.config")
    yield booted
    hostnfsd_as_ada(booted, "uninstall")
    booted.run("loginctl", "disable-linger", "ada")


def as_ada(box: SystemdBox, *command: str, check: bool = True) -> Completed:
    uid = box.run("id", "-u", "ada").output.strip()
    return box.run(
        *command,
        check=check,
        user="ada",
        env={"HOME": "/home/ada", "XDG_RUNTIME_DIR": f"/run/user/{uid}"},
    )


def systemctl(box: SystemdBox, *arguments: str, check: bool = True) -> Completed:
    return as_ada(box, "systemctl", "--user", *arguments, check=check)


def hostnfsd_as_ada(box: SystemdBox, *arguments: str, check: bool = True) -> Completed:
    return as_ada(box, str(COMMAND), *arguments, check=check)


def test_it_runs_as_the_user_and_goes_without_a_trace(ada: SystemdBox) -> None:
    done = hostnfsd_as_ada(ada, "install")
    assert "installed\n" in done.output
    assert "loginctl enable-linger ada\n" in done.output
    assert systemctl(ada, "is-active", UNIT).output.strip() == "active"
    shown = systemctl(ada, "show", UNIT, "-pMainPID", "-pStatusText").output
    assert "dev-gw" in shown
    assert hostnfsd_as_ada(ada, "install").output.startswith("already installed")
    verify = ("systemd-analyze", "--user", "verify", "--man=no", "--recursive-errors=no")
    assert as_ada(ada, *verify, f"{FOLDER}/{UNIT}").text == ""
    state = "/home/ada/.local/state/hostnfsd"
    assert ada.run("stat", "-c", "%U %a", state).output.split() == ["ada", "700"]
    assert state in hostnfsd_as_ada(ada, "uninstall").output
    assert ada.run("find", FOLDER, "-name", "*hostnfsd*").output == ""
    assert systemctl(ada, "is-active", UNIT, check=False).output.strip() == "inactive"


def test_without_a_session_of_ones_own_the_cure_is_told(ada: SystemdBox) -> None:
    refused = ada.run(str(COMMAND), "install", check=False, user="ada", env={"HOME": "/home/ada"})
    assert refused.status == Exit.CANNOT_WRITE
    assert "XDG_RUNTIME_DIR=/run/user/" in refused.errors
    assert ada.run("find", FOLDER, "-name", "*hostnfsd*", check=False).output == ""
