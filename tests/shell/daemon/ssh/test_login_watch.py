"""Whatever a login depends on is watched; a person who has mended it need not say so."""

import asyncio
import os
import pwd
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hostnfsd.daemon import watch
from hostnfsd.daemon.ssh import keys, login_watch
from hostnfsd.daemon.ssh.login_watch import LoginWatch, watched
from hostnfsd.tunnel.ssh_config import Alias
from tests.support.agent import Agent, ssh_agent
from tests.support.conditions import eventually, never
from tests.support.keys import make_key


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    # Look more often.
    monkeypatch.setattr(login_watch, "AGENT_STEP_S", 0.02)
    monkeypatch.setattr(watch, "STEP_S", 0.02)
    return folder


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with ssh_agent(tmp_path / "agent") as made:
        yield made


def alias(**changes: object) -> Alias:
    none = {"identity_files": (), "known_hosts": ()}
    return Alias(host="127.0.0.1", **{**none, **changes})  # type: ignore[arg-type]  # fields


async def begun(ssh_config: str = "none", found: Alias | None = None, **environ: str) -> LoginWatch:
    """The watch of a login that was tried just now."""
    made = LoginWatch(environ)
    made.begin(ssh_config, found)
    setting = None if found is None else found.identity_agent
    made.agent_holds(await keys.held(keys.agent_socket(setting, environ)))
    return made


@asynccontextmanager
async def waiting(
    ssh_config: str = "none", found: Alias | None = None, **environ: str
) -> AsyncIterator["asyncio.Task[None]"]:
    login = await begun(ssh_config, found, **environ)
    task = asyncio.create_task(login.changed())
    await never(task.done, "nothing has changed", for_s=0.15)
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_key_that_is_added_to_the_agent_is_noticed(agent: Agent, tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    async with waiting(found=alias(), SSH_AUTH_SOCK=agent.socket) as changed:
        agent.add(tmp_path / "key")
        await eventually(changed.done, "the key")
    async with waiting(found=alias(), SSH_AUTH_SOCK=agent.socket) as changed:
        agent.forget()
        await eventually(changed.done, "its end")


async def test_the_agent_of_ssh_config_is_the_one_that_is_asked(
    agent: Agent, tmp_path: Path
) -> None:
    make_key(tmp_path / "key")
    nobody = str(tmp_path / "nobody")
    async with waiting(found=alias(identity_agent=agent.socket), SSH_AUTH_SOCK=nobody) as changed:
        agent.add(tmp_path / "key")
        await eventually(changed.done, "the key")


async def test_what_is_mended_while_the_login_is_tried_is_noticed(
    agent: Agent, tmp_path: Path, home: Path
) -> None:
    make_key(tmp_path / "key")
    login = await begun(found=alias(), SSH_AUTH_SOCK=agent.socket)
    agent.add(tmp_path / "key")
    async with asyncio.timeout(10):
        await login.changed()

    login = await begun("~/.ssh/config")
    (home / ".ssh" / "config").write_text("Host dev-gw\n")
    async with asyncio.timeout(10):
        await login.changed()


async def test_a_file_that_changes_is_noticed(home: Path) -> None:
    async with waiting("~/.ssh/config", None) as changed:
        (home / ".ssh" / "config").write_text("Host dev-gw\n")
        await eventually(changed.done, "the file")


async def test_who_gives_up_leaves_nothing_behind(agent: Agent) -> None:
    before = asyncio.all_tasks()
    async with waiting(found=alias(), SSH_AUTH_SOCK=agent.socket):
        pass
    await eventually(lambda: asyncio.all_tasks() <= before, "every task to end")


def names(*paths: str | Path) -> set[Path]:
    return {Path(path) for path in paths}


def test_keys_their_public_halves_and_certificates(home: Path) -> None:
    found = alias(identity_files=("~/.ssh/id",), certificate_files=("~/.ssh/id-cert.pub",))
    ssh = home / ".ssh"

    assert set(watched("none", found, {})) >= names(ssh / "id", ssh / "id.pub", ssh / "id-cert.pub")


def test_included_files_and_folders_where_more_may_appear(home: Path, tmp_path: Path) -> None:
    ssh, extra = home / ".ssh", tmp_path / "extra"
    (ssh / "config.d").mkdir()
    (ssh / "config").write_text(f"Include config.d/*.conf\nHost x\n Include {extra}\n")
    (ssh / "config.d" / "one.conf").write_text("Include deeper\n")
    (ssh / "config.d" / "two.txt").write_text("Include not-read\n")

    found = set(watched("~/.ssh/config", None, {}))

    assert found >= names(
        ssh / "config",
        ssh / "config.d",
        ssh / "config.d" / "one.conf",
        ssh / "deeper",
        extra,
        "/etc/ssh/ssh_config",
    )
    assert ssh / "not-read" not in found


def test_a_file_that_is_named_stands_alone(tmp_path: Path) -> None:
    assert watched(str(tmp_path / "config"), None, {}) == (tmp_path / "config",)


def test_files_that_include_each_other_are_an_end(home: Path) -> None:
    ssh = home / ".ssh"
    (ssh / "config").write_text("Include other\n")
    (ssh / "other").write_text("Include config\nInclude other\n")

    assert set(watched("~/.ssh/config", None, {})) >= names(ssh / "config", ssh / "other")


def test_a_folder_in_place_of_a_file_is_no_error(home: Path) -> None:
    (home / ".ssh" / "config").write_text("Include config.d\n")
    (home / ".ssh" / "config.d").mkdir()
    os.chmod(home / ".ssh" / "config.d", 0)  # noqa: PTH101

    assert home / ".ssh" / "config.d" in watched("~/.ssh/config", None, {})


def test_a_user_without_a_home_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_uid: int) -> None:
        raise KeyError("no such user")

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    found = alias(identity_files=("~/.ssh/id",))

    assert Path("/etc/ssh/ssh_config") in watched("~/.ssh/config", found, {})
