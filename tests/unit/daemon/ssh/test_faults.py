"""Every exception asyncssh or the network can raise has its class. The table is the contract."""

import errno
import os
import socket

import asyncssh
import pytest

from hostnfsd.daemon.ssh.faults import (
    TunnelFailureError,
    of_connecting,
    of_greeting,
    of_loss,
    of_proxy,
)
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import Failure

WHERE = "admin@127.0.0.1:122"
MINE = Failure(FailureKind.HOST_KEY, "classified before")


def system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


CONNECTING: list[tuple[Exception, FailureKind]] = [
    (TunnelFailureError(MINE), FailureKind.HOST_KEY),
    # The network.
    (TimeoutError(), FailureKind.TIMEOUT),
    (system(errno.ETIMEDOUT), FailureKind.TIMEOUT),
    (system(errno.ECONNREFUSED), FailureKind.UNREACHABLE),
    (system(errno.ECONNRESET), FailureKind.UNREACHABLE),
    (system(errno.EHOSTUNREACH), FailureKind.UNREACHABLE),
    (system(errno.ENETUNREACH), FailureKind.UNREACHABLE),
    (system(errno.EPIPE), FailureKind.UNREACHABLE),
    (OSError("Multiple exceptions: [Errno 111] Connect call failed"), FailureKind.UNREACHABLE),
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), FailureKind.UNREACHABLE),
    (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), FailureKind.UNREACHABLE),
    # SSH.
    (asyncssh.PermissionDenied("Permission denied"), FailureKind.AUTH),
    (asyncssh.IllegalUserName("no such"), FailureKind.AUTH),
    (asyncssh.ProtocolError("Too many authentication failures"), FailureKind.AUTH),
    (asyncssh.HostKeyNotVerifiable("Host key is revoked"), FailureKind.HOST_KEY),
    (asyncssh.ConnectionLost("Connection lost"), FailureKind.UNREACHABLE),
    (asyncssh.ConnectionLost("Login timeout expired"), FailureKind.TIMEOUT),
    (asyncssh.DisconnectError(12, "full (error 12)"), FailureKind.BUSY),
    (asyncssh.ServiceNotAvailable("no"), FailureKind.PROTOCOL),
    (asyncssh.ProtocolError("bad"), FailureKind.PROTOCOL),
    (asyncssh.ProtocolNotSupported("old"), FailureKind.PROTOCOL),
    (asyncssh.KeyExchangeFailed("No matching encryption algorithm"), FailureKind.PROTOCOL),
    (asyncssh.MACError("bad"), FailureKind.PROTOCOL),
    (asyncssh.CompressionError("bad"), FailureKind.PROTOCOL),
    (asyncssh.ChannelOpenError(1, "prohibited"), FailureKind.PROTOCOL),
    (asyncssh.DisconnectError(2, "so"), FailureKind.PROTOCOL),
    # Keys and options.
    (asyncssh.KeyImportError("Invalid private key"), FailureKind.KEY),
    (asyncssh.KeyEncryptionError("no bcrypt"), FailureKind.KEY),
    (asyncssh.ConfigParseError("config line 3"), FailureKind.CONFIG),
    (ValueError("Unknown algorithm"), FailureKind.CONFIG),
    (UnicodeError("label too long"), FailureKind.CONFIG),
    # What nobody thought of.
    (asyncssh.ChannelListenError("no"), FailureKind.INTERNAL),
    (asyncssh.PasswordChangeRequired("now"), FailureKind.INTERNAL),  # we offer keys only
    (RuntimeError("odd"), FailureKind.INTERNAL),
]

LOSSES: list[tuple[Exception | None, FailureKind]] = [
    (None, FailureKind.CLOSED),
    (TunnelFailureError(MINE), FailureKind.HOST_KEY),
    (asyncssh.ConnectionLost("Connection lost"), FailureKind.CLOSED),
    (asyncssh.ConnectionLost("Server not responding to keepalive"), FailureKind.KEEPALIVE),
    (TimeoutError(), FailureKind.KEEPALIVE),
    (system(errno.ETIMEDOUT), FailureKind.KEEPALIVE),
    (system(errno.ECONNRESET), FailureKind.CLOSED),
    (system(errno.EPIPE), FailureKind.CLOSED),
    (asyncssh.MACError("bad"), FailureKind.PROTOCOL),
    (asyncssh.ProtocolError("bad"), FailureKind.PROTOCOL),
    (asyncssh.DisconnectError(2, "so"), FailureKind.PROTOCOL),
    (RuntimeError("odd"), FailureKind.INTERNAL),
]


def name(value: object) -> str | None:
    return type(value).__name__ if isinstance(value, Exception) else None


@pytest.mark.parametrize(("exc", "kind"), CONNECTING, ids=name)
def test_what_a_connection_attempt_raises_has_a_class(exc: Exception, kind: FailureKind) -> None:
    failure = of_connecting(exc, WHERE, timeout_s=10)

    assert failure.kind is kind
    assert failure.text
    assert "None" not in failure.text


@pytest.mark.parametrize(("exc", "kind"), LOSSES, ids=name)
def test_how_a_session_ends_has_a_class(exc: Exception | None, kind: FailureKind) -> None:
    failure = of_loss(exc)

    assert failure.kind is kind
    assert failure.text
    assert not failure.needs_a_person or failure is MINE


def test_every_exception_of_asyncssh_is_in_the_table() -> None:
    kinds = {
        value
        for value in vars(asyncssh).values()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    # SFTP, SCP, processes and key making are not spoken here; a change of terminal size neither.
    beside = {k for k in kinds if k.__name__.startswith(("SFTP", "Process", "Break", "Signal"))}
    beside |= {k for k in kinds if k.__name__.startswith(("KeyGeneration", "Soft", "Terminal"))}
    beside |= {k for k in kinds if k.__name__ == "TimeoutError"}
    tried = {type(exc) for exc, _ in CONNECTING}

    assert {kind.__name__ for kind in kinds - beside - {asyncssh.Error} - tried} == {
        "KeyExportError",  # we export public keys only
    }


@pytest.mark.parametrize(
    "exc", [exc for exc, kind in CONNECTING if kind is FailureKind.UNREACHABLE]
)
def test_the_place_is_named(exc: Exception) -> None:
    assert WHERE in of_connecting(exc, WHERE, timeout_s=10).text


@pytest.mark.parametrize(
    "exc",
    [
        system(errno.ECONNREFUSED),
        OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 122), [Errno 111] …"),
    ],
)
def test_a_refused_port_has_a_cure(exc: OSError) -> None:
    assert "nothing listens there" in (of_connecting(exc, WHERE, timeout_s=10).hint or "")


def test_reasons_are_told() -> None:
    revoked = of_connecting(
        asyncssh.HostKeyNotVerifiable("Host key is revoked"), WHERE, timeout_s=1
    )
    silent = of_connecting(TimeoutError(), WHERE, timeout_s=2.5)

    assert revoked.text.endswith("is not trusted: Host key is revoked")
    assert silent.text == f"{WHERE} did not answer within 2.5 s"


@pytest.mark.parametrize(
    "said",
    [
        b"Not allowed at this time\r\n",
        b"Exceeded MaxStartups\r\n",
        b"\xff\xfe noise\r\nNot allowed at this time\r\n",
    ],
)
def test_sshd_that_turns_us_away_is_busy(said: bytes) -> None:
    failure = of_greeting(said, WHERE, banner=False)

    assert failure is not None
    assert failure.kind is FailureKind.BUSY
    assert "PerSourcePenaltyExemptList" in (failure.hint or "")


@pytest.mark.parametrize(
    ("said", "banner"), [(b"", False), (b"", True), (b"\r\n", False), (b"Welcome\r\n", True)]
)
def test_other_greetings_say_nothing(said: bytes, banner: bool) -> None:
    assert of_greeting(said, WHERE, banner=banner) is None


def test_what_is_no_sshd_is_told_with_its_words() -> None:
    said = b"HTTP/1.1 400 Bad\x1b[2J Request\r\nServer: x\r\n"
    failure = of_greeting(said, WHERE, banner=False)

    assert failure is not None
    assert failure.kind is FailureKind.PROTOCOL
    assert "no sshd: it says 'HTTP/1.1 400 Bad\\x1b[2J Request'" in failure.text
    assert "port" in (failure.hint or "")
    long = of_greeting(b"x" * 512, WHERE, banner=False)
    assert long is not None
    assert len(long.text) < 200


def test_a_login_that_takes_too_long_is_no_silence() -> None:
    failure = of_connecting(TimeoutError(), WHERE, timeout_s=4.5, banner=True)

    assert failure.kind is FailureKind.TIMEOUT
    assert "the login was not done within 4.5 s" in failure.text
    assert "connect_timeout_s" in (failure.hint or "")


def test_a_name_server_that_does_not_answer_is_no_silent_gateway() -> None:
    failure = of_connecting(TimeoutError(), WHERE, timeout_s=2.5, resolving=True)

    assert failure.kind is FailureKind.UNREACHABLE
    assert "does not resolve: no name server answered within 2.5 s" in failure.text


def test_a_failure_travels_as_an_exception() -> None:
    error = TunnelFailureError(MINE)

    assert (str(error), error.failure) == ("classified before", MINE)


AWAY = Failure(FailureKind.UNREACHABLE, "gw closed the connection", "is sshd running there?")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("ssh: connect to host jump port 22: Connection refused", FailureKind.UNREACHABLE),
        ("me@jump: Permission denied (publickey).", FailureKind.AUTH),
        ("Received disconnect: Too many authentication failures", FailureKind.AUTH),
        ("No ED25519 host key is known\nHost key verification failed.", FailureKind.HOST_KEY),
    ],
)
def test_what_the_proxy_command_said_is_told_and_counts(said: str, kind: FailureKind) -> None:
    found = of_proxy(AWAY, f"something before\r\n{said}\n", "dev gw")

    assert found.kind is kind
    assert found.text.startswith("gw closed the connection (through a ProxyJump or ProxyCommand);")
    assert said.splitlines()[-1] in found.text
    assert "ssh 'dev gw'" in str(found.hint)
    assert found.needs_a_person == str(found.hint).endswith("then: hostnfsd reconnect")


def test_a_proxy_command_that_said_nothing_is_mentioned() -> None:
    assert of_proxy(AWAY, "", "gw").text.endswith("(through a ProxyJump or ProxyCommand)")


def test_what_it_says_moves_no_cursor() -> None:
    assert "\x1b" not in of_proxy(AWAY, "\x1b[2J", "gw").text


def test_without_a_proxy_command_nothing_is_added() -> None:
    assert of_proxy(AWAY, None, "gw") is AWAY


@pytest.mark.parametrize("kind", [FailureKind.AUTH, FailureKind.HOST_KEY, FailureKind.INTERNAL])
def test_what_the_gateway_itself_said_is_not_put_on_the_way(kind: FailureKind) -> None:
    failure = Failure(kind, "the gateway refused our login")

    assert of_proxy(failure, "Permission denied (publickey).", "gw") is failure
