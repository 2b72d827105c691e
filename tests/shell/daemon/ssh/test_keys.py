"""What there is to authenticate with: files by ssh-keygen, and a real ssh-agent."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from hostnfsd.daemon.ssh import keys
from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.daemon.ssh.keys import (
    Held,
    Ring,
    agent_socket,
    collect,
    explain_refusal,
    held,
    offered,
)
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import Failure
from tests.support.agent import Agent, ssh_agent
from tests.support.keys import make_key

AUTH = Failure(FailureKind.AUTH, "refused", "authorise it")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with ssh_agent(tmp_path / "agent") as made:
        yield made


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    make_key(tmp_path / "plain")
    return tmp_path / "plain"


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    make_key(tmp_path / "locked", passphrase="secret")
    return tmp_path / "locked"


def public(path: Path) -> bytes:
    return asyncssh.read_public_key(f"{path}.pub").public_data


def ring(*paths: Path | str, agent: Agent | None = None, only: bool = True, **environ: str) -> Ring:
    return collect(
        [str(path) for path in paths],
        named=True,
        only=only,
        agent=None if agent is None else agent.socket,
        environ=environ,
    )


def failure(
    *paths: Path | str, agent: Agent | None = None, named: bool = True, **environ: str
) -> Failure:
    with pytest.raises(TunnelFailureError) as caught:
        collect(
            [str(path) for path in paths],
            named=named,
            only=True,
            agent=None if agent is None else agent.socket,
            environ=environ,
        )
    assert caught.value.failure.kind is FailureKind.KEY
    assert caught.value.failure.hint
    return caught.value.failure


# -- files -------------------------------------------------------------------------------------


def test_a_key_is_read(plain: Path) -> None:
    found = ring(plain)

    assert [key.public_data for key in found.keys] == [public(plain)]
    assert (found.files, found.locked, found.troubles) == ((plain,), (), ())


def test_home_and_variables_are_expanded(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(plain.parent))

    assert ring("~/plain").files == (plain,)
    assert ring("${KEYS}/plain", KEYS=str(plain.parent)).files == (plain,)


@pytest.mark.parametrize("name", ["~nobody-of-that-name/id", "${UNKNOWN}/id", "/there/is/none"])
def test_a_named_key_that_is_missing_is_named(name: str) -> None:
    assert failure(name).text == f"there is no private key {name}"


def test_one_that_is_missing_beside_one_that_works_does_no_harm(plain: Path) -> None:
    found = ring("/there/is/none", plain)

    assert len(found.keys) == 1
    assert explain_refusal(found, AUTH) is AUTH


def test_default_names_may_all_be_missing(tmp_path: Path) -> None:
    found = failure(tmp_path / "id_rsa", tmp_path / "id_ed25519", named=False)

    assert found.text == (
        "there is no private key, and no agent to ask"
        f" (looked for {tmp_path}/id_rsa, {tmp_path}/id_ed25519)"
    )
    assert "ssh-keygen" in (found.hint or "")
    assert "looked for nowhere" in failure(named=False).text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"\x00\xff" * 100,
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        b"ssh-ed25519 AAAA",
    ],
)
def test_garbage_is_no_key(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "id"
    path.write_bytes(content)

    assert str(path) in failure(path).text


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    assert failure(tmp_path).text == f"the private key {tmp_path} cannot be read: Is a directory"


def test_a_key_that_may_not_be_read_is_told(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root may read everything

    assert failure(plain).text == f"the private key {plain} cannot be read: Permission denied"


# -- credentials -------------------------------------------------------------------------------


def test_a_credential_is_read_where_systemd_put_it(plain: Path) -> None:
    found = ring("credential:plain", CREDENTIALS_DIRECTORY=str(plain.parent))

    assert found.files == (plain,)
    assert len(found.keys) == 1


def test_a_credential_that_was_not_handed_over_names_the_line_to_add() -> None:
    found = failure("credential:key")

    assert "systemd handed over no credentials" in found.text
    assert "LoadCredential=key:" in (found.hint or "")


def test_a_credential_that_is_missing_is_a_missing_key(tmp_path: Path) -> None:
    found = failure("credential:key", CREDENTIALS_DIRECTORY=str(tmp_path))

    assert found.text == f"there is no private key {tmp_path}/key"


# -- agents ------------------------------------------------------------------------------------


def test_an_encrypted_key_without_an_agent_is_told_with_its_cure(locked: Path) -> None:
    found = failure(locked)

    assert found.text == f"the private key {locked} is encrypted and there is no agent to ask"
    assert f"ssh-add {locked}" in (found.hint or "")


def test_an_encrypted_key_is_asked_of_the_agent_and_no_other(locked: Path, agent: Agent) -> None:
    found = ring(locked, agent=agent)

    assert (found.keys, found.agent, found.locked) == ((), agent.socket, (locked,))
    assert found.agent_identities == (public(locked),)


def test_the_public_half_is_also_in_the_encrypted_key(locked: Path, agent: Agent) -> None:
    half = public(locked)
    locked.with_name("locked.pub").unlink()

    assert ring(locked, agent=agent).agent_identities == (half,)


def test_a_key_that_is_encrypted_whole_may_be_any_of_the_agents(
    plain: Path, tmp_path: Path, agent: Agent
) -> None:
    pem = tmp_path / "pem"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ecdsa", "-m", "PEM", "-N", "secret", "-f", str(pem)], check=True
    )
    (tmp_path / "pem.pub").unlink()
    plain.unlink()
    found = ring(plain, pem, agent=agent)

    assert (found.locked, found.agent_identities) == ((pem,), None)


def test_a_public_half_alone_names_a_key_of_the_agent(plain: Path, agent: Agent) -> None:
    plain.unlink()
    half = plain.with_name("plain.pub")

    for name in (plain, half):
        found = ring(name, agent=agent)
        assert (found.keys, found.troubles) == ((), ())
        assert found.agent_identities == (asyncssh.read_public_key(half).public_data,)
    assert "no private key" in failure(half).text


def test_a_key_that_can_be_read_needs_no_agent(plain: Path, agent: Agent) -> None:
    assert ring(plain, agent=agent).agent is None


def test_without_restriction_the_agent_may_offer_all(plain: Path, agent: Agent) -> None:
    found = ring(plain, agent=agent, only=False)

    assert (found.agent, found.agent_identities) == (agent.socket, None)
    assert len(found.keys) == 1


def test_with_restriction_an_agent_does_not_stand_in_for_a_missing_key(agent: Agent) -> None:
    assert failure("/there/is/none", agent=agent).text == "there is no private key /there/is/none"


def test_an_agent_will_do_where_no_key_was_named(tmp_path: Path, agent: Agent) -> None:
    found = collect(
        [str(tmp_path / "id_rsa")], named=False, only=False, agent=agent.socket, environ={}
    )

    assert (found.keys, found.agent) == ((), agent.socket)


async def test_the_agent_signs_with_the_key_that_was_asked_of_it(
    plain: Path, tmp_path: Path, agent: Agent
) -> None:
    make_key(tmp_path / "other")
    agent.add(tmp_path / "other")
    agent.add(plain)
    plain.unlink()
    found = ring(plain, agent=agent)
    async with asyncssh.connect_agent(found.agent) as client:
        offered = await client.get_keys(found.agent_identities)

    assert [pair.public_data for pair in offered] == [public(plain)]


async def test_the_agents_keys_are_offered_before_the_files(
    plain: Path, tmp_path: Path, agent: Agent
) -> None:
    make_key(tmp_path / "other")
    agent.add(tmp_path / "other")
    told: list[Held] = []
    async with offered(ring(plain, agent=agent, only=False), told.append) as offer:
        assert [key.public_data for key in offer] == [public(tmp_path / "other"), public(plain)]
    assert told == [frozenset({public(tmp_path / "other")})]


def nobody_is_asked(_held: Held) -> None:
    raise AssertionError("there is no agent")


async def test_without_an_agent_the_files_are_offered(plain: Path) -> None:
    async with offered(ring(plain), nobody_is_asked) as offer:
        assert [key.public_data for key in offer] == [public(plain)]


async def test_an_agent_that_has_gone_is_passed_over(plain: Path, agent: Agent) -> None:
    found = ring(plain, agent=agent, only=False)
    Path(agent.socket).unlink()
    async with offered(found, lambda _held: None) as offer:
        assert [key.public_data for key in offer] == [public(plain)]


# -- why a login was refused ---------------------------------------------------------------------


def test_a_locked_key_explains_a_refusal(locked: Path, agent: Agent) -> None:
    explained = explain_refusal(ring(locked, agent=agent), AUTH)

    assert explained.kind is FailureKind.KEY
    assert explained.text.endswith("is encrypted and the agent does not hold it")
    assert explained.hint == f"ssh-add {locked}"


def test_a_missing_key_explains_a_refusal(agent: Agent) -> None:
    explained = explain_refusal(ring("/there/is/none", agent=agent, only=False), AUTH)

    assert explained.text == "there is no private key /there/is/none"


def test_a_key_that_was_offered_explains_nothing(plain: Path, locked: Path, agent: Agent) -> None:
    assert explain_refusal(ring(plain, locked, agent=agent), AUTH) is AUTH


# -- where the agent is ------------------------------------------------------------------------


def test_the_agents_socket_is_found(agent: Agent, tmp_path: Path) -> None:
    there = {"SSH_AUTH_SOCK": agent.socket, "MINE": agent.socket}

    assert agent_socket(None, there) == agent.socket
    assert agent_socket("$MINE", there) == agent_socket("${MINE}", there) == agent.socket
    assert agent_socket(agent.socket, {}) == agent.socket
    assert agent_socket("none", there) is None
    assert agent_socket(None, {}) is None
    assert agent_socket("$MINE", {}) is None
    assert agent_socket(str(tmp_path / "gone"), there) is None


def test_home_is_expanded_in_the_sockets_name(
    agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert agent_socket("~/agent", {}) == agent.socket


async def test_what_an_agent_holds(agent: Agent, plain: Path) -> None:
    assert await held(agent.socket) == frozenset()
    agent.add(plain)
    assert await held(agent.socket) == frozenset({public(plain)})


async def test_an_agent_that_does_not_answer_holds_nothing_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_AGENT_TIMEOUT_S", 0.05)
    dumb = tmp_path / "dumb"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(dumb))
        listener.listen()
        assert await held(str(dumb)) is None
    assert await held(str(dumb)) is None
    assert await held(None) is None
