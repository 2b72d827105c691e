"""A file that changes in any way is noticed, one that does not is not."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hostnfsd.daemon import watch
from hostnfsd.daemon.watch import changed_files, login_files, signature


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look more often."""
    monkeypatch.setattr(watch, "_STEP_S", 0.005)


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
async def test_a_change_is_noticed(change: Callable[[Path], None], file: Path) -> None:
    still = file.with_name("still")
    still.write_text("")
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        waiting = group.create_task(changed_files([still, file]))
        await asyncio.sleep(0)  # it looks once before it waits
        change(file)

    assert waiting.result() == (file,)


async def test_a_file_that_appears_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "new"
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        waiting = group.create_task(changed_files([path]))
        await asyncio.sleep(0)
        path.write_text("")

    assert waiting.result() == (path,)


async def test_what_stays_is_waited_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def count(path: Path) -> object:
        nonlocal looks
        looks += 1
        if looks == 20:
            edit(path)
        return signature(path)

    monkeypatch.setattr(watch, "signature", count)
    async with asyncio.timeout(10):
        assert await changed_files([file]) == (file,)
    assert looks == 20


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
