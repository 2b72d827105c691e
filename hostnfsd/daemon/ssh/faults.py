"""The one place that knows asyncssh's exceptions: each becomes a :class:`Failure`.

The classes follow what can be done about them: some pass by themselves, some need a person, some
say "you knock too often". asyncssh raises ``OSError`` for the network, ``ValueError`` subclasses
for keys and configuration, and ``asyncssh.Error`` for the protocol; ``ChannelListenError`` stands
apart and is handled where listeners are asked for.
"""

import errno
import os
import shlex
import socket
from typing import Final

import asyncssh

from hostnfsd.readable import printable
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import NEEDS_A_PERSON, Failure

#: sshd's words before its banner, when MaxStartups or PerSourcePenalties turn us away.
_BUSY_TEXTS: Final = ("Not allowed at this time", "Exceeded MaxStartups")
#: Letters told of what is no sshd.
_WORDS_MOST: Final = 60
#: sshd's word when MaxAuthTries keys were offered in vain (openssh auth.c).
_TOO_MANY_KEYS: Final = "Too many authentication failures"


class TunnelFailureError(Exception):
    """A failure that is classified already."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


def of_connecting(
    exc: Exception,
    where: str,
    *,
    timeout_s: float,
    resolving: bool = False,
    banner: bool = False,
) -> Failure:
    """Classify what a connection attempt raised.

    Args:
        exc: the exception.
        where: ``user@host:port``, for the sentence.
        timeout_s: how long we waited, for the sentence.
        resolving: whether it was still for the address of the host that we waited.
        banner: whether sshd had shown its banner.
    """
    match exc:
        case TunnelFailureError():
            return exc.failure
        case TimeoutError():
            return _of_waiting(where, timeout_s, resolving=resolving, banner=banner)
        case socket.gaierror():
            return Failure(
                FailureKind.UNREACHABLE,
                f"the name of {where} does not resolve: {exc.strerror}",
                "check host in [gateway.NAME], or HostName in ssh_config",
            )
        case asyncssh.KeyEncryptionError() | asyncssh.KeyImportError():
            return Failure(FailureKind.KEY, f"a private key cannot be used: {exc}", _KEY_HINT)
        case asyncssh.ConfigParseError():
            return Failure(FailureKind.CONFIG, f"ssh_config cannot be used: {exc}")
        case OSError():
            return Failure(FailureKind.UNREACHABLE, f"{where}: {reason(exc)}", _network_hint(exc))
        case asyncssh.Error():
            return _of_protocol(exc, where)
        case ValueError():
            return Failure(FailureKind.CONFIG, f"the connection options do not work: {exc}")
        case _:
            return Failure(FailureKind.INTERNAL, f"{type(exc).__name__}: {exc}", _BUG_HINT)


def _of_waiting(where: str, timeout_s: float, *, resolving: bool, banner: bool) -> Failure:
    """What we waited for in vain."""
    if resolving:
        return Failure(
            FailureKind.UNREACHABLE,
            f"the name of {where} does not resolve: no name server answered within {timeout_s:g} s",
            "let a name server answer (/etc/resolv.conf; macOS: scutil --dns), or set host in"
            " [gateway.NAME] to an address",
        )
    if banner:
        return Failure(
            FailureKind.TIMEOUT,
            f"{where} shows its banner, and the login was not done within {timeout_s:g} s",
            "the way there is slow, or it was paused meanwhile: see connect_timeout_s in [tunnel]",
        )
    return Failure(
        FailureKind.TIMEOUT,
        f"{where} did not answer within {timeout_s:g} s",
        "is the gateway running, and not paused? try: ssh -v to the same name",
    )


def of_loss(exc: Exception | None) -> Failure:
    """Classify how an established connection ended: what ``SSHClient.connection_lost`` was told."""
    match exc:
        case None:
            return Failure(FailureKind.CLOSED, "the gateway closed the connection")
        case TunnelFailureError():
            return exc.failure
        case asyncssh.ConnectionLost() if "keepalive" in exc.reason:
            return Failure(
                FailureKind.KEEPALIVE,
                "the gateway stopped answering keepalives",
                "it is frozen, paused, or cut off; the tunnel comes back when it answers",
            )
        case asyncssh.ConnectionLost():
            return Failure(FailureKind.CLOSED, "the gateway closed the connection")
        case TimeoutError():  # ETIMEDOUT: TCP gave up (tcp(7), TCP_USER_TIMEOUT)
            return Failure(FailureKind.KEEPALIVE, "the gateway no longer acknowledges what we send")
        case OSError():
            return Failure(FailureKind.CLOSED, f"the connection broke: {reason(exc)}")
        case asyncssh.Error():
            return Failure(FailureKind.PROTOCOL, f"the SSH session ended: {exc.reason}")
        case _:
            return Failure(FailureKind.INTERNAL, f"{type(exc).__name__}: {exc}", _BUG_HINT)


def _of_protocol(exc: asyncssh.Error, where: str) -> Failure:
    match exc:
        case asyncssh.PermissionDenied() | asyncssh.IllegalUserName():
            return Failure(
                FailureKind.AUTH,
                f"{where} refused our login: {exc.reason}",
                "add the public key to ~/.ssh/authorized_keys of that user on the gateway;"
                " then: hostnfsd reconnect",
            )
        case asyncssh.HostKeyNotVerifiable():
            return Failure(
                FailureKind.HOST_KEY,
                f"the host key of {where} is not trusted: {exc.reason}",
                "see known_hosts in [gateway.NAME]; then: hostnfsd reconnect",
            )
        case asyncssh.Error() if _TOO_MANY_KEYS in exc.reason:
            # sshd says so in a DISCONNECT of the general kind, and penalises as for a wrong key.
            return Failure(
                FailureKind.AUTH,
                f"{where} refused our login: {exc.reason}",
                "the agent offers too many keys: name the right one with identity_files in"
                " [gateway.NAME]; then: hostnfsd reconnect",
            )
        case asyncssh.Error() if exc.code == asyncssh.DISC_TOO_MANY_CONNECTIONS:
            return Failure(FailureKind.BUSY, f"{where} turns us away for now: {exc.reason}")
        case asyncssh.ConnectionLost() if "timeout" in exc.reason:
            return Failure(FailureKind.TIMEOUT, f"{where}: {exc.reason}")
        case asyncssh.ConnectionLost():
            # sshd behind a Docker port that nothing listens on ends like this, and so does a
            # gateway that is just starting.
            return Failure(
                FailureKind.UNREACHABLE,
                f"{where} closed the connection before the login was done",
                _CLOSED_HINT,
            )
        case asyncssh.KeyExchangeFailed():
            return Failure(
                FailureKind.PROTOCOL,
                f"{where}: {exc.reason}",
                "the gateway's sshd_config leaves too little: see KexAlgorithms, Ciphers and MACs",
            )
        case _:
            return Failure(
                FailureKind.PROTOCOL, f"{where}: {exc.reason}", "is this port really an sshd?"
            )


def of_greeting(greeting: bytes, where: str, *, banner: bool) -> Failure | None:
    """What was written instead of a banner, if that says why: we knock too often, or it is no sshd.

    asyncssh skips such lines, as RFC 4253 section 4.2 allows, and then only sees the end.

    Args:
        greeting: what came before the banner.
        where: ``user@host:port``, for the sentence.
        banner: whether one came.
    """
    said = greeting.decode("ascii", "replace")
    if not any(text in said for text in _BUSY_TEXTS):
        if banner or not said.strip():
            return None
        first = printable(said.strip().splitlines()[0][:_WORDS_MOST])
        return Failure(
            FailureKind.PROTOCOL,
            f"{where}: what answers there is no sshd: it says '{first}'",
            "set port in [gateway.NAME] (or Port in ssh_config) to the one at which its sshd"
            " listens or is published: docker port NAME",
        )
    return Failure(
        FailureKind.BUSY,
        f"{where} turns us away for now: {said.strip()!r}",
        "sshd penalises our address (PerSourcePenalties) or is flooded (MaxStartups): exempt the"
        " host with PerSourcePenaltyExemptList in the gateway's sshd_config",
    )


def of_proxy(failure: Failure, said: str | None, name: str) -> Failure:
    """Add what the proxy command said to a failure that it may be the cause of.

    Args:
        failure: as seen from our end.
        said: on its standard error; None where no proxy command was run.
        name: of the gateway: an alias that ssh(1) takes.
    """
    if said is None or failure.kind not in _OF_THE_WAY:
        return failure
    words = " / ".join(line.strip() for line in said.splitlines()[-2:])
    # A jump host penalises those who knock with a wrong key as any sshd does.
    kind = next((kind for text, kind in _SAID_ON_THE_WAY if text in words), failure.kind)
    told = f"; the command that leads there said: {printable(words)}" if words else ""
    return Failure(
        kind,
        f"{failure.text} (through a ProxyJump or ProxyCommand){told}",
        f"see whether it works by hand, as the daemon's user: ssh {shlex.quote(name)}"
        + ("; then: hostnfsd reconnect" if kind in NEEDS_A_PERSON else ""),
    )


#: What may be the doing of whoever leads to the gateway.
_OF_THE_WAY: Final = frozenset({FailureKind.UNREACHABLE, FailureKind.TIMEOUT, FailureKind.PROTOCOL})
#: Words of ssh(1) on a hop, and what they mean to us.
_SAID_ON_THE_WAY: Final = (
    ("Permission denied (", FailureKind.AUTH),
    (_TOO_MANY_KEYS, FailureKind.AUTH),
    ("Host key verification failed", FailureKind.HOST_KEY),
)

_KEY_HINT: Final = "add it to an agent: ssh-add FILE; or name a key without a passphrase"
_CLOSED_HINT: Final = (
    "is sshd running there? a published container port answers even when it is not"
)
_BUG_HINT: Final = "this is a bug in hostnfsd: please report it with the log"


def reason(exc: OSError) -> str:
    """The system's words for an error, as people know them.

    asyncio puts its own ("Connect call failed ...") into ``strerror``, and joins the errors of
    several addresses into one text without an errno.
    """
    if exc.errno is not None and exc.errno > 0:  # gaierror has negative ones
        return os.strerror(exc.errno)
    return exc.strerror or str(exc)


def _network_hint(exc: OSError) -> str | None:
    if exc.errno == errno.ECONNREFUSED or "Connect call failed" in str(exc):
        return "nothing listens there: is the gateway running, and is this its published ssh port?"
    if exc.errno in {errno.ECONNRESET, errno.EPIPE}:
        return _CLOSED_HINT
    return None
