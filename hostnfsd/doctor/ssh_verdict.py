"""Why the gateway cannot be logged in at: a failure by its name, at its hop. Pure."""

import shlex
from typing import Final, Literal

from hostnfsd.doctor.finding import Finding, failed
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import Failure
from hostnfsd.tunnel.ssh_config import Alias

Hop = Literal["gateway", "host-key", "login"]

#: Which check is to tell of which kind.
_HOPS: Final[dict[FailureKind, Hop]] = {
    FailureKind.CONFIG: "gateway",  # known_hosts, say: it was not dialled
    FailureKind.KEY: "login",  # the agent does not hold it, which a refusal has shown
    FailureKind.INTERNAL: "gateway",
    FailureKind.UNREACHABLE: "gateway",
    FailureKind.TIMEOUT: "gateway",
    FailureKind.BUSY: "gateway",
    FailureKind.PROTOCOL: "gateway",
    FailureKind.CLOSED: "gateway",
    FailureKind.KEEPALIVE: "gateway",
    FailureKind.HOST_KEY: "host-key",
    FailureKind.AUTH: "login",
}
_CODES: Final[dict[FailureKind, str]] = {
    FailureKind.CONFIG: "ssh-config-unusable",
    FailureKind.KEEPALIVE: "gateway-silent",
    FailureKind.BUSY: "gateway-turns-away",
    FailureKind.PROTOCOL: "ssh-protocol",
    FailureKind.INTERNAL: "doctor-bug",
}
_SSH_PORT: Final = 22
#: Of a key that was named; what follows is its path.
_NO_KEY: Final = "there is no private key "
_RECONNECT: Final = "$ hostnfsd reconnect"


def hop(failure: Failure) -> Hop:
    """The check that tells of it; what nobody expects is the login's."""
    return _HOPS.get(failure.kind, "login")


def code(failure: Failure) -> str:
    """Its name in the catalogue."""
    text = failure.text
    match failure.kind:
        case FailureKind.KEY:
            return "key-encrypted" if "encrypted" in text else "key-missing"
        case FailureKind.HOST_KEY:
            return "host-key-changed" if "CHANGED" in text else "host-key-unknown"
        case FailureKind.AUTH:
            return "too-many-keys" if "Too many" in text else "login-refused"
        case FailureKind.TIMEOUT:
            return "gateway-slow" if "banner" in text else "gateway-silent"
        case FailureKind.UNREACHABLE | FailureKind.CLOSED:
            return "gateway-unknown" if "does not resolve" in text else "gateway-down"
        case kind:
            return _CODES.get(kind, "gateway-down")


def judge(failure: Failure, name: str, alias: Alias | None, *, daemon: bool) -> Finding:
    """A row.

    Args:
        failure: what happened.
        name: of the gateway's table.
        alias: what the name resolved to; None if it did not.
        daemon: whether a daemon runs, which is to try again once it is cured.
    """
    named = code(failure)
    cure = _cure(named, name, alias, failure)
    if cure is not None and daemon and cure[-1].startswith("$ "):
        cure = (*cure, _RECONNECT)
    return failed(named, failure.text, cure)


def _cure(named: str, name: str, alias: Alias | None, failure: Failure) -> tuple[str, ...] | None:
    """With the names filled in; None for the catalogue's."""
    if alias is None:
        return None if failure.hint is None else (failure.hint,)
    where = alias.host if alias.port == _SSH_PORT else f"[{alias.host}]:{alias.port}"
    filed = alias.host_key_alias or where
    file = alias.known_hosts[0] if alias.known_hosts else "~/.ssh/known_hosts"
    port = "" if alias.port == _SSH_PORT else f"-p {alias.port} "
    renamed = "" if alias.host_key_alias is None else f" | sed 's/^[^ #]*/{alias.host_key_alias}/'"
    record = f"ssh-keyscan {port}{shlex.quote(alias.host)}{renamed} >> {_quoted(file)}"
    key = _quoted(alias.identity_files[0]) if alias.identity_files else "KEY"
    login = f"{port}{f'{alias.user}@' if alias.user else ''}{alias.host}"
    match named:
        case "host-key-unknown":
            return (
                "check that fingerprint on the gateway, then record its key:",
                f"$ {record}",
            )
        case "host-key-changed":
            forget = f"ssh-keygen -R {shlex.quote(filed)} -f {_quoted(file)}"
            return (
                (
                    "if the gateway was made anew, forget its old key and record the new one; if"
                    " it was"
                    " not, somebody is in between:"
                ),
                f"$ {forget} && {record}",
            )
        case "login-refused":
            return (
                (
                    "let the key in on the gateway (this asks for a password; without one add the"
                    " .pub"
                    " to ~/.ssh/authorized_keys there by hand):"
                ),
                f"$ ssh-copy-id -i {key}.pub {login}",
            )
        case "key-missing" if failure.text.startswith(_NO_KEY):
            made = _quoted(failure.text.removeprefix(_NO_KEY))
            return (
                (
                    f"name the right one with identity_files in [gateway.{name}], or make it, and"
                    " let it in on the gateway (this asks for a password there):"
                ),
                f"$ ssh-keygen -t ed25519 -f {made}",
                f"$ ssh-copy-id -i {made}.pub {login}",
            )
        case "gateway-unknown" if "no name server" in failure.text and failure.hint:
            return (failure.hint,)
        case "gateway-unknown":
            return (
                "set host in [gateway.NAME], or HostName of the alias; what ssh makes of it:",
                f"$ ssh -G {shlex.quote(name)}",
            )
        case "ssh-protocol":
            first = () if failure.hint is None else (failure.hint,)
            return (*first, "see what it says:", f"$ ssh -v {login}")
        case _:
            return None


def _quoted(file: str) -> str:
    """A file's name for a shell, which is to expand a ``~``."""
    return file if file.startswith("~/") and " " not in file else shlex.quote(file)
