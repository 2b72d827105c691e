"""Why a gateway cannot be logged in at: the hop, the name and the command, for each kind."""

import pytest

from hostnfsd.doctor.ssh_verdict import code, hop, judge
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import Failure
from hostnfsd.tunnel.ssh_config import Alias

ALIAS = Alias(
    "127.0.0.1", 122, "admin", identity_files=("~/.ssh/id",), known_hosts=("~/.ssh/known_hosts",)
)
K = FailureKind


@pytest.mark.parametrize(
    ("kind", "text", "where", "name"),
    [
        (K.CONFIG, "known_hosts cannot be used", "gateway", "ssh-config-unusable"),
        (K.UNREACHABLE, "x: connection refused", "gateway", "gateway-down"),
        (K.UNREACHABLE, "the name of x does not resolve", "gateway", "gateway-unknown"),
        (K.TIMEOUT, "x did not answer", "gateway", "gateway-silent"),
        (K.TIMEOUT, "x shows its banner, and the login was not done", "gateway", "gateway-slow"),
        (K.BUSY, "x turns us away", "gateway", "gateway-turns-away"),
        (K.PROTOCOL, "x", "gateway", "ssh-protocol"),
        (K.CLOSED, "x", "gateway", "gateway-down"),
        (K.KEEPALIVE, "x", "gateway", "gateway-silent"),
        (K.HOST_KEY, "the host key of x is not known", "host-key", "host-key-unknown"),
        (K.HOST_KEY, "the host key of x has CHANGED", "host-key", "host-key-changed"),
        (K.AUTH, "x refused our login", "login", "login-refused"),
        (K.AUTH, "Too many authentication failures", "login", "too-many-keys"),
        (K.KEY, "the private key k is encrypted", "login", "key-encrypted"),
        (K.KEY, "there is no private key k", "login", "key-missing"),
        (K.INTERNAL, "KeyError", "gateway", "doctor-bug"),
        (K.FORBIDDEN, "x", "login", "gateway-down"),
    ],
)
def test_each_kind(kind: FailureKind, text: str, where: str, name: str) -> None:
    failure = Failure(kind, text, "hint")

    assert (hop(failure), code(failure)) == (where, name)
    assert judge(failure, "dev-gw", ALIAS, daemon=False).code == name


def command(kind: FailureKind, text: str, alias: Alias = ALIAS) -> str:
    return judge(Failure(kind, text), "dev-gw", alias, daemon=False).commands[0]


def test_commands_have_the_names_filled_in() -> None:
    assert command(K.HOST_KEY, "is not known") == (
        "ssh-keyscan -p 122 127.0.0.1 >> ~/.ssh/known_hosts"
    )
    assert command(K.HOST_KEY, "CHANGED").startswith(
        "ssh-keygen -R '[127.0.0.1]:122' -f ~/.ssh/known_hosts && ssh-keyscan"
    )
    assert command(K.AUTH, "refused") == "ssh-copy-id -i ~/.ssh/id.pub -p 122 admin@127.0.0.1"
    assert command(K.UNREACHABLE, "does not resolve") == "ssh -G dev-gw"
    nobody = Alias("h", 22, identity_files=("/k",))
    assert command(K.AUTH, "refused", nobody) == "ssh-copy-id -i /k.pub h"


def test_a_key_that_is_not_there_is_made_where_it_is_looked_for() -> None:
    failure = Failure(K.KEY, "there is no private key /my keys/id")

    assert judge(failure, "dev-gw", ALIAS, daemon=True).commands == (
        "ssh-keygen -t ed25519 -f '/my keys/id'",
        "ssh-copy-id -i '/my keys/id'.pub -p 122 admin@127.0.0.1",
        "hostnfsd reconnect",
    )


def test_a_host_key_that_is_filed_under_an_alias() -> None:
    alias = Alias("10.0.0.1", 22, "root", known_hosts=("/a b",), host_key_alias="gw")

    assert command(K.HOST_KEY, "is not known", alias) == (
        "ssh-keyscan 10.0.0.1 | sed 's/^[^ #]*/gw/' >> '/a b'"
    )
    assert command(K.HOST_KEY, "CHANGED", alias).startswith("ssh-keygen -R gw -f '/a b'")


def test_what_is_no_sshd_is_told_with_what_to_set() -> None:
    told = judge(Failure(K.PROTOCOL, "no sshd", "set port"), "dev-gw", ALIAS, daemon=False)

    assert told.cure == ("set port", "see what it says:", "$ ssh -v -p 122 admin@127.0.0.1")
    bare = judge(Failure(K.PROTOCOL, "x"), "dev-gw", ALIAS, daemon=False)
    assert bare.cure[0] == "see what it says:"


def test_a_name_server_that_does_not_answer_is_the_one_to_mend() -> None:
    text = "the name of x does not resolve: no name server answered within 4.5 s"
    failure = Failure(K.UNREACHABLE, text, "let one answer")

    assert judge(failure, "dev-gw", ALIAS, daemon=True).cure == ("let one answer",)


def test_a_daemon_is_told_to_try_again_after_a_command() -> None:
    failure = Failure(K.AUTH, "refused")

    assert judge(failure, "dev-gw", ALIAS, daemon=True).commands[-1] == "hostnfsd reconnect"
    assert judge(failure, "dev-gw", ALIAS, daemon=False).commands[-1] != "hostnfsd reconnect"


def test_an_alias_that_could_not_be_read_has_the_failures_own_hint() -> None:
    assert judge(Failure(K.CONFIG, "x", "mend"), "g", None, daemon=True).cure == ("mend",)
    assert judge(Failure(K.CONFIG, "x"), "g", None, daemon=True).cure
