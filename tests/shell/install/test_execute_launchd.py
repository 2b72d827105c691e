"""The launchd plan carried out against a stand-in for launchctl, in a scratch home."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from hostnfsd.errors import CannotWriteError
from hostnfsd.install.bundled import for_launchd
from hostnfsd.install.execute import carry_out, settled
from hostnfsd.install.launchd import LABEL, install, uninstall
from hostnfsd.install.plan import Person, Plan
from tests.support import fake_launchctl
from tests.support.deployments import MAC_ADA, PROGRAM
from tests.support.fake_launchctl import FakeLaunchctl

TARGET = f"gui/501/{LABEL}"


@pytest.fixture
def launchctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeLaunchctl:
    fake = fake_launchctl.make(tmp_path / "launchctl")
    monkeypatch.setenv("PATH", f"{fake.bin}:{os.environ['PATH']}")
    return fake


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return replace(MAC_ADA, home=tmp_path / "home")


def plan_for(person: Person, version: str = "1.0") -> Plan:
    return install(person, replace(PROGRAM, version=version), for_launchd(), system=False)


def plist(person: Person) -> Path:
    return Path(person.home) / "Library" / "LaunchAgents" / f"{LABEL}.plist"


def ignore(_line: str) -> None:
    pass


def test_first_installation_loads_and_starts(launchctl: FakeLaunchctl, person: Person) -> None:
    carry_out(plan_for(person), ignore)
    assert launchctl.take_log() == [
        f"bootout {TARGET}",
        f"print {TARGET}",
        f"enable {TARGET}",
        f"bootstrap gui/501 {plist(person)}",
        f"kickstart {TARGET}",
    ]
    assert launchctl.loaded == plist(person).read_text()
    # launchd refuses a property list that others can write.
    assert plist(person).stat().st_mode & 0o777 == 0o644


def test_a_second_installation_has_nothing_to_do(launchctl: FakeLaunchctl, person: Person) -> None:
    carry_out(plan_for(person), ignore)
    launchctl.take_log()
    assert settled(plan_for(person))
    assert launchctl.take_log() == [f"print {TARGET}"]


def test_an_upgrade_waits_for_the_old_one_to_be_gone(
    launchctl: FakeLaunchctl, person: Person
) -> None:
    carry_out(plan_for(person, "1.0"), ignore)
    launchctl.take_log()
    launchctl.label_stays_taken()
    assert not settled(plan_for(person, "1.1"))
    carry_out(plan_for(person, "1.1"), ignore)
    log = launchctl.take_log()
    # One print asks whether it is settled or finds it stopping, the next finds it gone.
    assert log.count(f"print {TARGET}") >= 2
    assert log.count(f"bootstrap gui/501 {plist(person)}") == 2
    assert launchctl.loaded is not None
    assert "hostnfsd 1.1" in launchctl.loaded


def test_a_service_unloaded_by_hand_is_not_settled(
    launchctl: FakeLaunchctl, person: Person
) -> None:
    carry_out(plan_for(person), ignore)
    (launchctl.folder / "loaded").unlink()
    assert not settled(plan_for(person))


def test_a_failed_upgrade_brings_the_old_one_back(launchctl: FakeLaunchctl, person: Person) -> None:
    carry_out(plan_for(person, "1.0"), ignore)
    old = plist(person).read_text()
    launchctl.refuse_bootstrap()
    said: list[str] = []
    with pytest.raises(CannotWriteError, match=r"status 125: Bootstrap failed: 125") as caught:
        carry_out(plan_for(person, "1.1"), said.append)
    assert plist(person).read_text() == old
    assert launchctl.loaded == old
    assert caught.value.hint is not None
    assert "putting things back" in "\n".join(said)


def test_a_failed_first_installation_leaves_nothing(
    launchctl: FakeLaunchctl, person: Person
) -> None:
    launchctl.refuse_bootstrap()
    with pytest.raises(CannotWriteError):
        carry_out(plan_for(person), ignore)
    assert not plist(person).exists()
    assert list(plist(person).parent.iterdir()) == []
    assert launchctl.loaded is None


def test_uninstall_unloads_and_removes_and_is_idempotent(
    launchctl: FakeLaunchctl, person: Person
) -> None:
    carry_out(plan_for(person), ignore)
    carry_out(uninstall(person, system=False), ignore)
    assert launchctl.loaded is None
    assert not plist(person).exists()
    assert settled(uninstall(person, system=False))
    carry_out(uninstall(person, system=False), ignore)
