"""The server is told by one command with a deadline, or by a unit that may; failures are told."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon.exports import apply as exports_apply
from hostnfsd.daemon.exports.apply import Applying
from hostnfsd.exports.model import Dialect
from hostnfsd.exports.verdict import Standing
from hostnfsd.problem import Severity
from hostnfsd.snapshot import ApplyView
from tests.support.conditions import eventually
from tests.support.exports_following import following

pytestmark = pytest.mark.patient


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that comes before all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def program(folder: Path, text: str, name: str = "exportfs") -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


class Told:
    """What came of telling the server."""

    def __init__(self, folder: Path, *, root: bool, runtime: str) -> None:
        self.views: list[ApplyView] = []
        self.request = folder / "exports.request"
        self.answer = folder / "answer"
        self.applying = Applying(
            self.views.append,
            root=root,
            runtime=runtime,
            request=self.request,
            answer=self.answer,
        )

    async def once(self, dialect: Dialect = Dialect.LINUX) -> ApplyView:
        before = len(self.views)
        self.applying.want(dialect)
        assert self.applying.busy
        await eventually(lambda: len(self.views) > before, "the server to be told")
        assert not self.applying.busy
        return self.views[-1]


@asynccontextmanager
async def telling(folder: Path, *, root: bool = True, runtime: str = "") -> AsyncIterator[Told]:
    told = Told(folder, root=root, runtime=runtime)
    task = asyncio.create_task(told.applying.run())
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def test_root_runs_the_command(programs: Path, tmp_path: Path) -> None:
    program(programs, f'echo "$@" >{tmp_path}/arguments; echo "exportfs: a warning" >&2')
    async with telling(tmp_path) as told:
        with capture_logs() as log:
            view = await told.once()

    assert (view.ok, view.text, view.hint) == (True, "exportfs -ra", None)
    assert (tmp_path / "arguments").read_text() == "-ra\n"
    assert [(line["event"], line["said"]) for line in log] == [
        ("exports_applied", "exportfs: a warning")
    ]


async def test_what_a_command_that_fails_says_is_told(programs: Path, tmp_path: Path) -> None:
    program(programs, "echo 'exportfs: Failed to stat /srv'; exit 1")
    async with telling(tmp_path) as told:
        with capture_logs() as log:
            view = await told.once()

    assert (view.ok, view.hint) == (False, "run it by hand: sudo exportfs -ra")
    assert view.text == "exportfs -ra: exit status 1: exportfs: Failed to stat /srv"
    assert [(line["event"], line["error"]) for line in log] == [("exports_not_applied", view.text)]


async def test_a_command_that_hangs_is_ended_with_its_children(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports_apply, "WITHIN_S", 0.3)
    program(programs, f"sleep 600 & echo $! >{tmp_path}/child; wait")
    async with telling(tmp_path) as told:
        view = await told.once()

    assert not view.ok
    assert view.text == "exportfs -ra did not end within 0.3 s: it was ended"
    child = int((tmp_path / "child").read_text())
    await eventually(lambda: not alive(child), "the child to end")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_machine_without_the_command_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(exports_apply, "_SYSTEM_PATH", str(tmp_path))
    async with telling(tmp_path) as told:
        view = await told.once()

    assert view.text == "there is no exportfs on this machine"


async def test_a_user_is_told_what_to_run(tmp_path: Path) -> None:
    async with telling(tmp_path, root=False) as told:
        view = await told.once()

    assert (view.ok, view.hint) == (False, "run: sudo exportfs -ra")


async def test_a_bug_ends_nothing(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs, "exit 0")
    async with telling(tmp_path) as told:
        with monkeypatch.context() as broken:
            broken.setattr(exports_apply, "run", lambda _argv: 1 / 0)
            assert not (await told.once()).ok
        assert (await told.once()).ok


# -- by a unit of systemd that may ---------------------------------------------------------------


@asynccontextmanager
async def asking(folder: Path) -> AsyncIterator[Told]:
    async with telling(folder, root=False, runtime="/run/hostnfsd") as told:
        yield told


async def test_a_unit_that_may_does_it(tmp_path: Path) -> None:
    async with asking(tmp_path) as told:
        told.answer.write_text("1\nof the time before\n")
        told.applying.want(Dialect.LINUX)
        await eventually(told.request.exists, "the request")
        # What the unit does, in its order.
        told.answer.unlink()
        told.request.unlink()
        new = told.answer.with_name("new")
        new.write_text("0\nexportfs: all is well\n")
        new.rename(told.answer)
        await eventually(lambda: told.views, "the answer")

    assert (told.views[0].ok, told.views[0].text) == (True, "exportfs -ra")


async def test_a_unit_that_fails_tells_why(tmp_path: Path) -> None:
    async with asking(tmp_path) as told:
        told.applying.want(Dialect.LINUX)
        await eventually(told.request.exists, "the request")
        told.request.unlink()
        told.answer.write_text("1\nexportfs: no")
        await eventually(lambda: told.views, "the answer")

    assert told.views[0].text == "exportfs -ra: exit status 1: exportfs: no"


async def test_a_unit_that_is_not_there_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports_apply, "TAKEN_S", 0.05)
    async with asking(tmp_path) as told:
        view = await told.once()

    assert view.text == "hostnfsd-exports.path did not take the request up within 0.05 s"
    assert "sudo hostnfsd install --system" in str(view.hint)
    assert not told.request.exists()


async def test_a_unit_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports_apply, "WITHIN_S", 0.05)
    async with asking(tmp_path) as told:
        told.applying.want(Dialect.LINUX)
        await eventually(told.request.exists, "the request")
        told.request.unlink()
        await eventually(lambda: told.views, "it to be given up")

    assert told.views[0].text == "exportfs -ra did not end within 0.05 s"


async def test_a_runtime_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    async with asking(tmp_path / "gone") as told:
        view = await told.once()

    assert view.text.startswith("no request can be made: ")


# -- as part of following a file -----------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "exports"
    path.write_text(f"{tmp_path} 127.0.0.1(rw,sync)\n")
    return path


def change(file: Path, options: str) -> None:
    file.write_text(f"{file.parent} 127.0.0.1({options})\n")


async def test_only_a_valid_change_is_applied(
    programs: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    calls = programs / "calls"
    program(programs, f"echo >>{calls}")
    async with following(file, apply_exports="when-valid") as it:
        assert it.view.applied is None  # nothing has changed yet
        change(file, "rwx")
        await it.until(file.parent, standing=Standing.INVALID)
        change(file, "ro,sync")
        await eventually(lambda: it.view.applied, "the server to be told")

        assert calls.read_text() == "\n"
        assert it.view.applied is not None
        assert it.view.applied.ok
        # It is asked what it exports once it was told, not before.
        assert it.looks == [True]
        it.hear({str(file.parent): ["127.0.0.1"]})
        assert it.view.applied.ok
        assert it.view.problems == () or not it.events("exports_differ")


async def test_a_server_that_took_no_notice_is_a_failure(
    programs: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    program(programs, "exit 0")
    async with following(file, apply_exports="when-valid") as it:
        change(file, "ro,sync")
        await eventually(lambda: it.view.applied, "the server to be told")
        it.hear({"/other": []})

        applied = it.view.applied
        assert applied is not None
        assert not applied.ok
        assert applied.text.startswith("exportfs -ra: done, and the server still differs: ")
        codes = [problem.code for problem in it.view.problems]
        assert codes.count("not-applied") == 1
        assert it.view.counts[Severity.WARNING] >= 3  # and what differs
        assert len(it.events("exports_not_applied")) == 1


async def test_without_being_asked_to_nothing_is_run(
    programs: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    calls = programs / "calls"
    program(programs, f"echo >>{calls}")
    async with following(file) as it:
        change(file, "ro,sync")
        await eventually(lambda: it.events("exports_changed"), "the change")
        assert it.looks == [True]

        assert it.view.applied is None
        assert not calls.exists()
