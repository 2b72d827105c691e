"""The machine is kept awake by the real systemd-logind, asked by the confined service.

Nothing here falls asleep: what is seen is the lock, as ``systemd-inhibit --list`` shows it. The
five minutes after a client's last work, and the seconds between two looks, are shortened.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until
from tests.support.boxed_gateway import TOLD, URL, await_ready
from tests.support.systemd_service import (
    CONFIG,
    PREFIX,
    PYTHON,
    UNIT,
    VALID,
    await_restart,
    hostnfsd_in,
    state,
    status_json,
    write,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ALWAYS = VALID + '[host]\nkeep_awake = "always"\n'
NEVER = VALID + '[host]\nkeep_awake = "never"\n'
SHORTER = {
    "tunnel/awake.py": ("LINGER_S: Final = 300.0", "LINGER_S: Final = 2.0"),
    "daemon/awake.py": ("LOOK_S: Final = 5.0", "LOOK_S: Final = 0.2"),
}
SLEEPY = "[Login]\nIdleAction=suspend\nIdleActionSec=1d\n"
LOGIND = "/etc/systemd/logind.conf.d/idle.conf"
HOLDS = """\
import asyncio
from hostnfsd.daemon.wakelock import WakeLock
async def main():
    cannot = await WakeLock().hold()
    assert cannot is None, cannot
    await asyncio.sleep(60)
asyncio.run(main())
"""


def locks(box: SystemdBox) -> list[list[str]]:
    """Our locks: who, uid, user, process, its name, what, why, mode."""
    listed = box.run("systemd-inhibit", "--list", "--no-pager", "--no-legend").output
    rows = [re.split(r" {1,}", line.strip(), maxsplit=6) for line in listed.splitlines()]
    return [row for row in rows if row[0] == "hostnfsd"]


def await_lock(box: SystemdBox, *, held: bool) -> list[list[str]]:
    wait_until(
        lambda: bool(locks(box)) is held,
        "the lock to be held" if held else "the lock to be given back",
        timeout_s=20,
        poll_s=0.1,
        seen=lambda: box.journal(UNIT),
    )
    return locks(box)


def advised(box: SystemdBox) -> list[dict[str, str]]:
    """What a person is advised to do about it."""
    return [each for each in status_json(box)["advice"] if "kept awake" in each["text"]]


def told(box: SystemdBox, event: str) -> int:
    """How often the process that was started last has logged it."""
    return box.journal(UNIT).rpartition("Starting hostnfsd.service")[2].count(f'"{event}"')


@contextmanager
def logind(box: SystemdBox, *, configured: str | None) -> Iterator[None]:
    """logind configured so, or away, until the end of the block."""
    if configured is None:
        box.run("systemctl", "mask", "--runtime", "--now", "systemd-logind")
    else:
        write(box, LOGIND, configured)
        box.run("systemctl", "restart", "systemd-logind")
    try:
        yield
    finally:
        box.run("rm", "-f", LOGIND)
        box.run("systemctl", "unmask", "--runtime", "systemd-logind")
        box.run("systemctl", "restart", "systemd-logind")


def await_told(box: SystemdBox, key: str) -> str:
    """What status says of it, once it does."""
    text: str = wait_until(
        lambda: status_json(box)["keep_awake"][key],
        f"keep_awake's {key}",
        timeout_s=20,
        poll_s=0.2,
        seen=lambda: box.journal(UNIT),
    )
    return text


@pytest.fixture
def hasty(machine: SystemdBox) -> Iterator[SystemdBox]:
    files = {
        name: next(machine.root.glob(f"{PREFIX}/lib/*/site-packages/hostnfsd/{name}".lstrip("/")))
        for name in SHORTER
    }
    texts = {name: file.read_text() for name, file in files.items()}
    for name, (usual, shorter) in SHORTER.items():
        assert usual in texts[name]
        files[name].write_text(texts[name].replace(usual, shorter))
    yield machine
    for name, file in files.items():
        file.write_text(texts[name])


@pytest.mark.usefixtures("hasty")
def test_a_client_at_work_keeps_it_awake_and_a_mounted_one_does_not(gateway: SystemdBox) -> None:
    gateway.run("systemctl", "start", UNIT)
    await_ready(gateway)
    # By now every service was probed, and an export mounted for trial and looked at.
    assert status_json(gateway)["keep_awake"]["worked"] is None
    assert locks(gateway) == []

    assert gateway.run("nfs-cat", URL).output == TOLD

    ((_, _, user, _, _, what, rest),) = await_lock(gateway, held=True)
    assert (user, what) == ("hostnfsd", "idle")
    assert rest.endswith("clients work on the exports of this machine block")
    view = status_json(gateway)["keep_awake"]
    assert (view["mode"], view["held"], view["error"]) == ("while-connected", True, None)
    assert "this machine has been kept awake" in hostnfsd_in(gateway, "status", check=False).output

    await_lock(gateway, held=False)

    assert not status_json(gateway)["keep_awake"]["held"]
    assert (told(gateway, "awake_held"), told(gateway, "awake_let_go")) == (1, 1)
    assert status_json(gateway)["advice"] == []


def test_a_reload_changes_it_and_a_stop_lets_go(machine: SystemdBox) -> None:
    write(machine, CONFIG, ALWAYS)
    hostnfsd_in(machine, "install", "--system")
    await_lock(machine, held=True)
    pid = state(machine)["MainPID"]

    write(machine, CONFIG, NEVER)
    hostnfsd_in(machine, "reload")
    await_lock(machine, held=False)
    write(machine, CONFIG, ALWAYS)
    hostnfsd_in(machine, "reload")
    await_lock(machine, held=True)

    assert state(machine)["MainPID"] == pid
    machine.run("systemctl", "stop", UNIT)
    assert locks(machine) == []


def test_a_daemon_that_is_killed_leaves_no_lock(machine: SystemdBox) -> None:
    write(machine, CONFIG, ALWAYS)
    hostnfsd_in(machine, "install", "--system")
    (before,) = await_lock(machine, held=True)
    machine.run("kill", "-KILL", state(machine)["MainPID"])
    await_restart(machine, 1)
    wait_until(
        lambda: [lock[3] for lock in locks(machine)] not in ([], [before[3]]),
        "the lock of the next one",
        poll_s=0.1,
        seen=lambda: machine.journal(UNIT),
    )
    assert len(locks(machine)) == 1


def test_nor_does_one_whose_children_nobody_ends(booted: SystemdBox) -> None:
    alone = ("--unit=alone", "--quiet", "--property=KillMode=process")
    booted.run("systemd-run", *alone, str(PYTHON), "-c", HOLDS)
    await_lock(booted, held=True)
    booted.run("kill", "-KILL", booted.show("alone", "MainPID")["MainPID"])
    await_lock(booted, held=False)
    booted.run("systemctl", "reset-failed", "alone", check=False)


def test_its_user_may_do_it_without_a_session(booted: SystemdBox) -> None:
    alone = ("--unit=ada", "--quiet", "--uid=ada")
    booted.run("systemd-run", *alone, str(PYTHON), "-c", HOLDS)
    ((_, _, user, *_),) = await_lock(booted, held=True)
    assert user == "ada"
    booted.run("systemctl", "stop", "ada")
    await_lock(booted, held=False)


@pytest.mark.parametrize("machine", ["newer"], indirect=True)
def test_without_polkit_a_server_needs_no_lock_and_a_laptop_is_told_the_cure(
    machine: SystemdBox,
) -> None:
    write(machine, CONFIG, ALWAYS)
    hostnfsd_in(machine, "install", "--system")
    assert "leaves an idle machine on" in await_told(machine, "needless")
    assert advised(machine) == []
    assert told(machine, "awake_needless") == 1

    with logind(machine, configured=SLEEPY):
        hostnfsd_in(machine, "reload")
        assert "Access denied" in await_told(machine, "error")

        (advice,) = advised(machine)
        assert "Access denied" in advice["text"]
        assert "apt install polkitd" in advice["hint"]
        assert told(machine, "awake_failed") == 1
        doctor = hostnfsd_in(machine, "doctor", check=False).output
        assert "the daemon cannot keep it awake" in " ".join(doctor.split()), doctor


@pytest.mark.parametrize("machine", ["newer"], indirect=True)
def test_without_logind_nothing_is_to_be_held(machine: SystemdBox) -> None:
    with logind(machine, configured=None):
        write(machine, CONFIG, ALWAYS)
        hostnfsd_in(machine, "install", "--system")
        assert "no systemd-logind is here" in await_told(machine, "needless")
        assert advised(machine) == []
