"""Plans of plain files and commands, carried out in a scratch directory."""

from pathlib import Path

import pytest

from hostnfsd.errors import CannotWriteError
from hostnfsd.install.execute import carry_out, settled, unchanged
from hostnfsd.install.plan import (
    MARK,
    Action,
    AwaitFailure,
    Check,
    MakeDirectory,
    Plan,
    RemoveFile,
    Run,
    WriteFile,
)

OLD = f"# {MARK} 1\n"
NEW = f"# {MARK} 2\n"
FAIL = Run(("sh", "-c", "echo broken >&2; exit 9"))


def ignore(_line: str) -> None:
    pass


def replacing(path: Path, *more: Action) -> Plan:
    return Plan(
        actions=(WriteFile(path, NEW), *more),
        settled=(),
        undo=(RemoveFile(path),),
        revive=(Run(("sh", "-c", f"cat {path} >{path}.revived")),),
    )


def test_a_file_is_written_with_its_mode_and_no_litter(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    file = folder / "x.service"
    carry_out(
        Plan(actions=(MakeDirectory(folder), WriteFile(file, NEW, 0o640)), settled=()), ignore
    )
    assert file.read_text() == NEW
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(folder.iterdir()) == [file]


def test_a_file_as_planned_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text(NEW)
    file.chmod(0o644)
    before = file.stat().st_ino
    said: list[str] = []
    carry_out(replacing(file), said.append)
    assert file.stat().st_ino == before
    assert said == []
    assert unchanged(replacing(file)) == {file}


def test_a_file_with_the_wrong_mode_is_not_as_planned(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text(NEW)
    file.chmod(0o666)
    assert unchanged(replacing(file)) == frozenset()


def test_a_failed_step_restores_the_file_and_revives_the_service(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text(OLD)
    file.chmod(0o600)
    with pytest.raises(CannotWriteError, match="failed with status 9: broken"):
        carry_out(replacing(file, FAIL), ignore)
    assert file.read_text() == OLD
    assert file.stat().st_mode & 0o777 == 0o600
    # Revived with the old file, not the new one.
    assert (tmp_path / "x.revived").read_text() == OLD


def test_a_failed_write_runs_nothing_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text(OLD)
    unwritable = WriteFile(tmp_path / "missing" / "y", NEW)
    with pytest.raises(CannotWriteError, match=r"cannot write .*missing/y"):
        carry_out(replacing(file, unwritable), ignore)
    assert file.read_text() == OLD
    assert not (tmp_path / "x.revived").exists()


def test_a_failed_first_installation_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CannotWriteError):
        carry_out(replacing(tmp_path / "x", FAIL), ignore)
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_putting_back_is_told_and_does_not_hide_the_first() -> None:
    plan = Plan(actions=(FAIL,), settled=(), undo=(Run(("sh", "-c", "exit 8")),))
    said: list[str] = []
    with pytest.raises(CannotWriteError, match="status 9"):
        carry_out(plan, said.append)
    assert any("status 8" in line for line in said)


def test_somebody_elses_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("mine\n")
    for plan in (replacing(file), Plan(actions=(RemoveFile(file),), settled=())):
        with pytest.raises(CannotWriteError, match="was not written by hostnfsd"):
            carry_out(plan, ignore)
    assert file.read_text() == "mine\n"


def test_a_masked_unit_is_left_masked(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.symlink_to("/dev/null")
    with pytest.raises(CannotWriteError, match="symbolic link to /dev/null"):
        carry_out(replacing(file), ignore)
    assert file.is_symlink()


def test_what_a_command_says_is_passed_on() -> None:
    said: list[str] = []
    carry_out(
        Plan(actions=(Run(("sh", "-c", "echo Created symlink >&2")),), settled=()), said.append
    )
    assert said[-1] == "    Created symlink"


def test_a_tolerated_status_is_success_and_silent() -> None:
    said: list[str] = []
    run = Run(("sh", "-c", "echo not loaded >&2; exit 5"), tolerated=frozenset({5}))
    carry_out(Plan(actions=(run,), settled=()), said.append)
    assert len(said) == 1


def test_a_passing_status_is_tried_again_within_its_time(tmp_path: Path) -> None:
    once = f"test -e {tmp_path}/x || {{ touch {tmp_path}/x; exit 5; }}"
    patient = Run(("sh", "-c", once), passing=frozenset({5}), patience_s=20.0)
    carry_out(Plan(actions=(patient,), settled=()), ignore)
    never = Run(("sh", "-c", "exit 5"), passing=frozenset({5}), patience_s=0.1)
    with pytest.raises(CannotWriteError, match="status 5"):
        carry_out(Plan(actions=(never,), settled=()), ignore)


def test_waiting_ends_when_the_thing_is_gone_or_the_time_is_up(tmp_path: Path) -> None:
    once = f"rm {tmp_path}/x"
    (tmp_path / "x").touch()
    carry_out(Plan(actions=(AwaitFailure(("sh", "-c", once), 20.0),), settled=()), ignore)
    with pytest.raises(CannotWriteError, match=r"still finds it after 0\.1 s"):
        carry_out(Plan(actions=(AwaitFailure(("true",), 0.1),), settled=()), ignore)


def test_a_machine_without_the_service_manager_is_told_before_anything_is_written(
    tmp_path: Path,
) -> None:
    plan = replacing(tmp_path / "x", Run(("no-such-manager", "start")))
    with pytest.raises(CannotWriteError, match="no-such-manager is not there"):
        carry_out(plan, ignore)
    assert list(tmp_path.iterdir()) == []


def test_settled_means_files_and_checks(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text(NEW)
    file.chmod(0o644)
    write = WriteFile(file, NEW)
    assert settled(Plan(actions=(write,), settled=(Check(("true",), succeeds=True),)))
    assert settled(Plan(actions=(write,), settled=(Check(("false",), succeeds=False),)))
    assert not settled(Plan(actions=(write,), settled=(Check(("false",), succeeds=True),)))
    assert not settled(Plan(actions=(RemoveFile(file),), settled=()))
