"""What the end of an RPC NULL call says about a service. RFC 5531 section 9.

A service that takes NULL of the right version runs, and lets us in as far as RPC goes. How a call
can end without a reply is told by :class:`~hostnfsd.server.finding.Reached`.
"""

from dataclasses import dataclass
from typing import Final

from hostnfsd.server.finding import Reached
from hostnfsd.server.versions import best
from hostnfsd.services import FACTS, Service
from hostnfsd.sunrpc import rpc
from hostnfsd.sunrpc.rpc import AuthStat

RESERVED_PORT_HINT: Final = (
    "it wants a source port below 1024: leave [host] reserved_source_port at auto and give hostnfsd"
    " the right to bind one (CAP_NET_BIND_SERVICE), or let the server do without"
    " (exports(5): insecure; macOS nfs.conf: nfs.server.mount.require_resv_port = 0)"
)
_AUTH_HINT: Final = "its exports or its security flavors do not admit hostnfsd: see exports(5)"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a call's end says.

    Attributes:
        reached: how it ended.
        text: what was seen, a sentence's end; None if the service answered.
        hint: what a person can do about it.
        retry: the version to call instead, if the service has another.
    """

    reached: Reached
    text: str | None = None
    hint: str | None = None
    retry: int | None = None


def reply(service: Service, message: rpc.Accepted | rpc.Denied) -> Reading:
    """Read the reply to a NULL call."""
    if isinstance(message, rpc.Denied):
        return _denied(message.reason)
    match message.outcome:
        case rpc.Success():
            return Reading(Reached.ANSWERED)
        case rpc.ProgramMismatch(low, high):
            return Reading(
                Reached.FOREIGN,
                f"has versions {low} to {high} of {service} only",
                "let the server offer a version that clients mount with",
                retry=best(service, range(low, high + 1)) if low <= high else None,
            )
        case rpc.Failure(rpc.AcceptStat.PROG_UNAVAIL):
            return Reading(
                Reached.FOREIGN,
                f"another RPC service answers there: program {FACTS[service].program} is not known"
                " to it",
                f"where does {service} listen? rpcinfo -p; host_port names a port outright",
            )
        case rpc.Failure(status):
            return Reading(Reached.FOREIGN, f"answered the NULL call with {status.name}")


def hung_up(service: Service, our_address: str) -> Reading:
    """The connection was accepted, and ended before the reply (nfs.md of macOS: exports).

    Args:
        service: whose connection.
        our_address: the address that the service saw.
    """
    hint = None
    if service in {Service.NFS, Service.MOUNTD}:
        hint = (
            f"most likely no export admits {our_address}: macOS nfsd closes such connections at"
            f" once. Let an export admit {our_address}"
        )
    return Reading(Reached.HUNG_UP, "closed the connection before it answered", hint)


def _denied(reason: rpc.RpcMismatch | rpc.AuthError) -> Reading:
    if isinstance(reason, rpc.RpcMismatch):
        return Reading(
            Reached.FOREIGN, f"speaks RPC versions {reason.low} to {reason.high} only, not 2"
        )
    return Reading(
        Reached.DENIED, f"refuses us: AUTH_ERROR, {auth_name(reason.status)}", auth_hint(reason)
    )


def auth_name(status: AuthStat) -> str:
    """``AUTH_TOOWEAK``: the name in RFC 5531."""
    return status.name


def auth_hint(reason: rpc.AuthError) -> str:
    """What a person can do about an AUTH_ERROR."""
    return RESERVED_PORT_HINT if reason.status is AuthStat.AUTH_TOOWEAK else _AUTH_HINT
