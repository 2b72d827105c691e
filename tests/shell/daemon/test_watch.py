"""A file that changes in any way is noticed, one that does not is not."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from hostnfsd.daemon import watch
from hostnfsd.daemon.watch import Signature, changed_files, login_files, signature, signatures
from tests.support.conditions import eventually


class Looks:
    """How often files were looked at."""

    def __init__(self) -> None:
        self.count = 0
        self.then: dict[int, Callable[[], object]] = {}

    def look(self, paths: Iterable[Path]) -> dict[Path, Signature]:
        found = signatures(paths)
        self.count += 1
        self.then.get(self.count, lambda: None)()
        return found


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Look more often, and count."""
    looks = Looks()
    monkeypatch.setattr(watch, "STEP_S", 0.005)
    monkeypatch.setattr(watch, "signatures", looks.look)
    return looks


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("before")
    return path


def edit(path: Path) -> None:
    path.write_text("before and after")


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("before")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.rename(path)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [edit, touch, replace, remove])
async def test_a_change_is_noticed(
    change: Callable[[Path], None], file: Path, looks: Looks
) -> None:
    still = file.with_name("still")
    still.write_text("")
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        waiting = group.create_task(changed_files(signatures([still, file])))
        await eventually(lambda: looks.count > 0, "the first look")
        change(file)

    assert waiting.result() == (file,)


async def test_a_file_that_appears_is_noticed(tmp_path: Path, looks: Looks) -> None:
    path = tmp_path / "new"
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        waiting = group.create_task(changed_files(signatures([path])))
        await eventually(lambda: looks.count > 0, "the first look")
        path.write_text("")

    assert waiting.result() == (path,)


async def test_what_stays_is_waited_for(file: Path, looks: Looks) -> None:
    looks.then[20] = lambda: edit(file)
    async with asyncio.timeout(10):
        assert await changed_files(signatures([file])) == (file,)
    assert looks.count == 21


async def test_a_look_that_hangs_is_no_change(
    file: Path, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 0.02)
    over = threading.Event()
    looks.then = {2: over.wait, 3: lambda: edit(file)}
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        waiting = group.create_task(changed_files(signatures([file])))
        await eventually(lambda: looks.count == 2, "the look that hangs")
        over.set()

    assert waiting.result() == (file,)


def test_a_name_that_comes_or_goes_changes_its_folder(tmp_path: Path) -> None:
    name = tmp_path / "new"
    for change in (name.touch, name.unlink):
        os.utime(tmp_path, ns=(1, 1))  # two changes may fall into one tick of the kernel's clock
        before = signature(tmp_path)
        change()
        assert signature(tmp_path) != before


def test_what_a_link_leads_to_is_what_counts(file: Path) -> None:
    link, other = file.with_name("link"), file.with_name("other")
    other.write_text("before")
    link.symlink_to(file)
    before = signature(link)
    edit(file)
    edited = signature(link)
    link.unlink()
    link.symlink_to(other)

    assert len({before, edited, signature(link)}) == 3


def test_a_missing_file_has_no_signature(tmp_path: Path) -> None:
    assert signature(tmp_path / "none") is None


def test_what_a_login_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    files = login_files(
        ssh_config="~/.ssh/config",
        known_hosts=["~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"],
        identities=["~/.ssh/id", "credential:key", "~nobody-of-that-name/id"],
        agent=None,
        environ={"SSH_AUTH_SOCK": "/run/agent"},
    )

    assert [str(path) for path in files] == [
        "/home/me/.ssh/config",
        "/home/me/.ssh/known_hosts",
        "/etc/ssh/ssh_known_hosts",
        "/home/me/.ssh/id",
        "~nobody-of-that-name/id",
        "/run/agent",
    ]


def test_the_agent_that_ssh_config_names_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    environ = {"SSH_AUTH_SOCK": "/run/agent"}

    files = login_files(
        ssh_config="none", known_hosts=[], identities=[], agent="~/.agent", environ=environ
    )

    assert [str(path) for path in files] == ["/home/me/.agent"]


def test_a_file_that_may_be_read_now_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("the same")
    file.chmod(0o000)
    before = signature(file)

    file.chmod(0o600)

    assert signature(file) != before


def test_what_is_switched_off_is_not_watched() -> None:
    assert (
        login_files(ssh_config="none", known_hosts=[], identities=[], agent=None, environ={}) == ()
    )
