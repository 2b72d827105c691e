"""Aliases are resolved by OpenSSH's own parser, then overridden by explicit keys."""

import asyncio
import getpass
import os
import pwd
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hostnfsd.config.model import Gateway
from hostnfsd.daemon.ssh.alias import config_file, resolve
from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import Failure
from hostnfsd.tunnel.ssh_config import DEFAULT_IDENTITIES, Alias
from tests.support.conditions import eventually

#: As its author had it: asyncssh would read it, and set up the forwards of it as well.
AUTHORS = """
Host *
    ServerAliveInterval 60
    ControlMaster auto
    ControlPath ~/.ssh/%h-%p-%r
    ControlPersist yes
    Compression yes
Host dev-gw
    HostName 127.0.0.1
    Port 122
    User admin
    IdentityFile ~/.ssh/id_rsa_fedora-dev
    RemoteForward 111 127.0.0.1:111
    RemoteForward 2049 127.0.0.1:2049
"""
#: What asyncssh 2.24 rejects and OpenSSH takes.
ONLY_OPENSSH = """
Host dev-gw   # a comment after a value
    HostName gw.example
    ServerAliveInterval 30s
    ConnectTimeout none
"""


Write = Callable[[str], Gateway]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_(text: str) -> Gateway:
        path = tmp_path / "config"
        path.write_text(text)
        return Gateway(ssh_config=str(path))

    return write_


def keyed(gateway: Gateway, **keys: Any) -> Gateway:
    return gateway.model_copy(update=keys)


async def failure(name: str, gateway: Gateway, within_s: float = 5.0) -> Failure:
    with pytest.raises(TunnelFailureError) as caught:
        await resolve(name, gateway, within_s)
    assert caught.value.failure.kind is FailureKind.CONFIG
    assert 'ssh_config = "none"' in (caught.value.failure.hint or "")
    return caught.value.failure


async def test_the_authors_own_file_is_understood(write: Write) -> None:
    alias = await resolve("dev-gw", write(AUTHORS))

    assert str(alias) == "admin@127.0.0.1:122"
    assert alias.identity_files == ("~/.ssh/id_rsa_fedora-dev",)
    assert not alias.identities_only
    assert not alias.default_identities


async def test_what_openssh_accepts_is_accepted(write: Write) -> None:
    alias = await resolve("dev-gw", write(ONLY_OPENSSH))

    assert (alias.host, alias.user) == ("gw.example", getpass.getuser())


async def test_a_name_without_an_entry_is_a_host(write: Write) -> None:
    alias = await resolve("other.example", write(AUTHORS))

    assert str(alias) == f"{getpass.getuser()}@other.example:22"
    assert alias.default_identities


async def test_a_change_of_the_file_counts_at_the_next_connect(write: Write) -> None:
    gateway = write("Host dev-gw\n  HostName before\n")
    assert (await resolve("dev-gw", gateway)).host == "before"

    write("Host dev-gw\n  HostName after\n")
    assert (await resolve("dev-gw", gateway)).host == "after"


async def test_proxies_agents_and_certificates_are_kept(write: Write) -> None:
    gateway = write(
        "Host dev-gw\n  ProxyJump one,two:2022\n  IdentityAgent none\n"
        "  CertificateFile ~/.ssh/c-cert.pub\n  HostKeyAlias filed\n"
    )
    alias = await resolve("dev-gw", gateway)

    assert alias.proxy_jump == "one,two:2022"
    assert alias.identity_agent == "none"
    assert alias.certificate_files == ("~/.ssh/c-cert.pub",)
    assert alias.host_key_alias == "filed"


async def test_explicit_keys_win(write: Write) -> None:
    gateway = keyed(
        write(AUTHORS + "    HostKeyAlias filed\n"),
        host="10.0.0.1",
        port=2222,
        user="root",
        identity_files=("~/.ssh/other",),
        known_hosts="~/known",
    )
    alias = await resolve("dev-gw", gateway)

    assert str(alias) == "root@10.0.0.1:2222"
    assert (alias.identity_files, alias.identities_only) == (("~/.ssh/other",), True)
    assert alias.known_hosts == ("~/known",)
    assert alias.host_key_alias is None  # it belonged to the host that ssh_config named


async def test_without_ssh_config_only_the_keys_count() -> None:
    alias = await resolve("dev-gw", Gateway(ssh_config="none", port=122))

    assert alias == Alias("dev-gw", 122, getpass.getuser(), DEFAULT_IDENTITIES)


async def test_without_an_ssh_program_only_the_keys_count(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)

    assert (await resolve("dev-gw", write(AUTHORS))).host == "dev-gw"


async def test_a_named_file_that_is_missing_is_told(tmp_path: Path) -> None:
    found = await failure("dev-gw", Gateway(ssh_config=str(tmp_path / "none")))

    assert found.text == f"ssh_config cannot be used: there is no file {tmp_path}/none"


async def test_a_file_with_a_mistake_is_told_with_its_line(write: Write) -> None:
    found = await failure("dev-gw", write("Host dev-gw\n  Prot 22\n"))

    assert "config: line 2: Bad configuration option: prot" in found.text


def program(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put another ``ssh`` first on the path."""
    path = folder / "ssh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


async def test_an_ssh_that_hangs_is_ended(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "exec sleep 60", monkeypatch)
    found = await failure("dev-gw", write(AUTHORS), 0.05)

    assert "ssh -G dev-gw did not end within 0.05 s" in found.text


@pytest.mark.patient
async def test_a_match_exec_that_hangs_is_ended_with_it(write: Write, tmp_path: Path) -> None:
    """It has the pipes of ssh, and whoever waited for their end would wait as long as it lives."""
    told = tmp_path / "pid"
    gateway = write(f'Match exec "echo $$ >{told}; sleep 60; true"\n  User x\n')
    async with asyncio.timeout(10):
        found = await failure("dev-gw", gateway, 0.5)

    assert "a `Match exec` of it may hang" in found.text
    # It was ended, and is reaped by whoever inherited it.
    gone = Path(f"/proc/{told.read_text().strip()}")
    await eventually(lambda: not gone.exists(), "the command to be gone")


async def test_a_cancelled_look_leaves_no_process(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, 'echo $$ > "$0.tmp"; mv "$0.tmp" "$0.pid"; exec sleep 60', monkeypatch)
    task = asyncio.create_task(resolve("dev-gw", write(AUTHORS)))
    await eventually((tmp_path / "ssh.pid").exists, "ssh to start")
    pid = (tmp_path / "ssh.pid").read_text().strip()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("echo nothing of use", "no hostname and port in the output of ssh -G"),
        ("exit 3", "ssh -G dev-gw failed"),
        ("echo so it is >&2; exit 255", "so it is"),
    ],
)
async def test_a_program_that_is_no_ssh_is_told(
    text: str, told: str, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, text, monkeypatch)

    assert (await failure("dev-gw", write(AUTHORS))).text == f"ssh_config cannot be used: {told}"


async def test_the_usual_file_is_left_to_ssh_to_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unnamed, ssh reads the user's file and the system's; -F would replace both."""
    program(tmp_path, 'echo "hostname $#"; echo "port 22"', monkeypatch)

    assert (await resolve("dev-gw", Gateway())).host == "2"
    named = tmp_path / "mine"
    named.write_text("")
    assert (await resolve("dev-gw", Gateway(ssh_config=str(named)))).host == "4"


def test_the_file_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    assert config_file(Gateway()) == Path("/home/me/.ssh/config")
    assert config_file(Gateway(ssh_config="/etc/mine")) == Path("/etc/mine")
    assert config_file(Gateway(ssh_config="none")) is None


async def test_a_user_without_a_name_and_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs with any uid."""

    def unknown(_uid: int) -> None:
        raise KeyError("no such user")

    for variable in ("HOME", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)

    assert config_file(Gateway()) == Path("~/.ssh/config")
    with pytest.raises(TunnelFailureError) as caught:
        await resolve("dev-gw", Gateway(ssh_config="none"))
    assert caught.value.failure.kind is FailureKind.CONFIG
    assert "set user in [gateway.NAME]" in str(caught.value.failure.hint)
    assert (await resolve("dev-gw", Gateway(ssh_config="none", user="me"))).user == "me"
