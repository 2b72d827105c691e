"""What is to be probed at a gateway, and what a probe's result says about a service. Pure.

A service counts as serving when a TCP connection that enters at the address clients dial is
accepted by the service on the host. (RPC calls will take the place of the bare connection.)
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hostnfsd.snapshot import Family, ServiceState
from hostnfsd.tunnel.forward import Answer, Spec, Verdict

#: Binding these means all addresses of a family, so clients come in at the gateway's own.
_WILDCARDS: Final = frozenset({"", "*", "0.0.0.0", "::"})  # noqa: S104  # on the gateway


@dataclass(frozen=True, slots=True)
class Target:
    """One listener, dialled as a client of one family would."""

    spec: Spec
    family: Family
    address: str


class Outcome(Enum):
    """How a probe ended."""

    ACCEPTED = "accepted"  # by the service on the host
    SERVICE_FAILED = "service-failed"  # it came in, but the service did not take it
    NOT_REACHED = "not-reached"  # nothing listens at that address
    FORBIDDEN = "forbidden"  # the gateway does not let us dial from there
    HELD = "held"  # somebody accepted, but nothing arrived here
    ASTRAY = (
        "astray"  # somebody accepted, and what arrived here came from an address we do not know
    )
    SILENT = "silent"  # it arrived here, but the service did not take it in time


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one service in one family."""

    state: ServiceState
    text: str | None = None
    hint: str | None = None


def targets(specs: Iterable[Spec], client_addresses: tuple[str, ...]) -> tuple[Target, ...]:
    """Where clients come in, for each listener: its own address, or each of the gateway's."""
    found: list[Target] = []
    for spec in sorted(specs):
        places = client_addresses if spec.listen in _WILDCARDS else (spec.listen,)
        seen: set[Family] = set()
        for address in places:
            family = _family(address, spec)
            if family in spec.families and family not in seen:
                seen.add(family)
                found.append(Target(spec, family, address))
    return tuple(found)


def expected_families(spec: Spec, client_addresses: tuple[str, ...]) -> tuple[Family, ...]:
    """Families in which the service of ``spec`` is to be reachable; one at least."""
    families = tuple(t.family for t in targets((spec,), client_addresses))
    return families or (min(spec.families),)


def find(target: Target, outcome: Outcome, error: str | None, *, absent: bool) -> Finding:
    """What a probe of a bound forward says.

    Args:
        target: what was probed.
        outcome: how it ended.
        error: what the failing side said.
        absent: whether the service is optional and was never seen.
    """
    at = f"[{target.address}]" if ":" in target.address else target.address
    where = f"{at}:{target.spec.port}"
    match outcome:
        case Outcome.ACCEPTED:
            return Finding(ServiceState.SERVING)
        case Outcome.SERVICE_FAILED if absent:
            return Finding(ServiceState.ABSENT, f"this host runs no {target.spec.service}")
        case Outcome.SERVICE_FAILED:
            return Finding(
                ServiceState.HOST_DOWN,
                f"{target.spec.service} on this host: {error}",
                "is the NFS server running, and on that port? compare: rpcinfo -p",
            )
        case Outcome.NOT_REACHED:
            return Finding(
                ServiceState.UNREACHABLE,
                f"the forward is bound, but not at {where} where clients come in: {error}",
                "set 'GatewayPorts clientspecified' (or yes) in the gateway's sshd_config and"
                " restart its sshd; then: hostnfsd reconnect",
            )
        case Outcome.FORBIDDEN:
            return Finding(
                ServiceState.UNVERIFIED,
                f"bound, but the gateway does not let us try it from its side: {error}",
                "to have it verified: AllowTcpForwarding yes in the gateway's sshd_config",
            )
        case Outcome.HELD:
            return Finding(
                ServiceState.REFUSED,
                f"another process on the gateway answers at {where}",
                f"find it there: ss -ltnp 'sport = :{target.spec.port}'; an ssh of your own with"
                " RemoteForward, or a dead session that the gateway has not noticed yet",
            )
        case Outcome.ASTRAY:
            return Finding(
                ServiceState.UNVERIFIED,
                f"{where} accepts connections, but whether they are the ones that arrive here from"
                f" {error} is not certain",
                "set client_address in [gateway.NAME] to the address that clients dial",
            )
        case Outcome.SILENT:  # pragma: no branch  # there are no others
            return Finding(
                ServiceState.STALLED,
                f"{target.spec.service} on this host does not take connections in time",
                "it hangs or is overloaded: restart the NFS server",
            )


def unaddressed() -> Finding:
    """A bound forward whose client-facing address nobody knows."""
    return Finding(
        ServiceState.UNVERIFIED,
        "bound, but the address at which clients reach the gateway is unknown",
        "set client_address in [gateway.NAME]",
    )


def refused(answer: Answer) -> Finding:
    """A forward that the gateway would not bind."""
    assert answer.verdict is not Verdict.BOUND  # noqa: S101  # the caller asks only for refusals
    return Finding(ServiceState.REFUSED, answer.text, answer.hint)


def _family(address: str, spec: Spec) -> Family:
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        # A name is dialled in whatever family the gateway resolves it to; it stands for the
        # first that the listener asks for.
        return min(spec.families)
    return Family.IPV4 if version == 4 else Family.IPV6  # noqa: PLR2004  # IP versions
