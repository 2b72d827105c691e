"""What is to be probed at a gateway, and what a probe's result says about a service. Pure.

A probe has two sides: the service at the host, dialled as clients' connections are, and an RPC
NULL call that enters at the address clients dial and comes back to us through the forward. For nfs
and mountd an export must be mountable, too. What is nearer to the host is told first: it is broken
for every client, whatever the way in.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hostnfsd.server.finding import Denial, HostFinding, Origin, Reached
from hostnfsd.services import Service
from hostnfsd.snapshot import Family, ServiceState
from hostnfsd.tunnel.forward import Answer, Spec, Verdict

#: Binding these means all addresses of a family, so clients come in at the gateway's own.
_WILDCARDS: Final = frozenset({"", "*", "0.0.0.0", "::"})  # noqa: S104  # on the gateway

_UNREACHABLE_HINT: Final = {
    Family.IPV4: "set 'GatewayPorts clientspecified' (or yes) in the gateway's sshd_config and"
    " restart its sshd; then: hostnfsd reconnect",
    Family.IPV6: "does the gateway's sshd listen on IPv6 for others? Set 'AddressFamily any' and"
    " 'GatewayPorts clientspecified' (or yes) in its sshd_config and restart it; then: hostnfsd"
    " reconnect. Where no client needs IPv6, leave it out of listen or client_address",
}
#: What the gateway's system says of its own address where nobody listens.
_REFUSED: Final = "connection refused"
_ELSEWHERE_HINT: Final = "is that an address of the gateway? see client_address"
_DOWN_HINT: Final = "is the NFS server running, and on that port? compare: rpcinfo -p"
_DENIED_HINT: Final = "does an export admit the address that hostnfsd dials from? see exports(5)"
_STALLED_HINT: Final = "it hangs or is overloaded: restart the NFS server"


@dataclass(frozen=True, slots=True)
class Target:
    """One listener, dialled as a client of one family would."""

    spec: Spec
    family: Family
    address: str


class End(Enum):
    """How a call ended that was sent in from the gateway's side."""

    REPLIED = "replied"  # with the call's own number
    REJECTED = "rejected"  # with its number too, but without doing the call
    HUNG_UP = "hung-up"  # accepted, and closed before the reply
    SILENT = "silent"  # accepted, and no reply in time
    GARBAGE = "garbage"  # accepted, and answered with something that is no reply
    NOT_REACHED = "not-reached"  # nothing listens at that address
    FORBIDDEN = "forbidden"  # the gateway does not let us dial from there


_FAILED: Final = frozenset({End.REJECTED, End.HUNG_UP, End.SILENT, End.GARBAGE})


@dataclass(frozen=True, slots=True)
class Crossing:
    """One RPC NULL call from the gateway's side.

    Attributes:
        end: how it ended.
        came_in: whether the call was seen to come in through the forward, by its number.
        arrived: whether it was, or something came in that may be it.
        text: what was seen, a sentence's end.
        failure: why the service was not reached for what came in; None if it was.
    """

    end: End
    came_in: bool = False
    arrived: bool = False
    text: str | None = None
    failure: str | None = None

    @property
    def doubtful(self) -> bool:
        """Whether a gateway that no longer answers looks like this, too."""
        return self.end in {End.NOT_REACHED, End.SILENT}

    @property
    def failed_behind(self) -> bool:
        """Whether it came in, and the service did not do it."""
        return self.arrived and self.end in _FAILED


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


def expected(
    specs: Iterable[Spec], client_addresses: tuple[str, ...]
) -> frozenset[tuple[Spec, Family]]:
    """Listeners, each with the families in which clients come in; of each service one at least.

    A family that ``listen`` asks for and clients have no address in is not expected.
    """
    wanted = tuple(specs)
    found = {(target.spec, target.family) for target in targets(wanted, client_addresses)}
    reached = {spec.service for spec, _ in found}
    others = {(spec, min(spec.families)) for spec in wanted if spec.service not in reached}
    return frozenset(found | others)


def at_host(service: Service, host: HostFinding, *, optional: bool, seen: bool) -> Finding | None:
    """What a probe at the host says; None if nothing is wrong there.

    Args:
        service: what was probed.
        host: how it went.
        optional: whether the host need not run it.
        seen: whether it has ever answered.
    """
    address, port = host.place.address, host.place.port
    text = f"{service} on this host ({_at(address, port)}): {host.text}"
    match host.reached:
        case Reached.ANSWERED:
            return None
        case Reached.DOWN | Reached.FOREIGN if optional and not seen and _guessed(host):
            return Finding(ServiceState.ABSENT, f"this host runs no {service}")
        case Reached.DOWN | Reached.FOREIGN:
            return Finding(ServiceState.HOST_DOWN, text, host.hint or _DOWN_HINT)
        case Reached.HUNG_UP | Reached.DENIED:
            return Finding(ServiceState.DENIED, text, host.hint or _DENIED_HINT)
        case Reached.SILENT:  # pragma: no branch  # there are no others
            return Finding(ServiceState.STALLED, text, host.hint or _STALLED_HINT)


def at_gateway(target: Target, crossing: Crossing) -> Finding:
    """What a call from the gateway's side says, when the service has just answered at the host."""
    service, port = target.spec.service, target.spec.port
    where = _at(target.address, port)
    match crossing.end:
        case End.NOT_REACHED:
            return Finding(
                ServiceState.UNREACHABLE,
                f"the forward is bound, but not at {where} where clients come in: {crossing.text}",
                _unreachable_hint(target.family, crossing.text),
            )
        case End.FORBIDDEN:
            return Finding(
                ServiceState.UNVERIFIED,
                f"bound, but the gateway does not let us try it from its side: {crossing.text}",
                "to have it verified: AllowTcpForwarding yes in the gateway's sshd_config",
            )
        case End.REPLIED if crossing.came_in:
            return Finding(ServiceState.SERVING)
        case End.REPLIED | End.REJECTED if not crossing.came_in:
            return Finding(
                ServiceState.REFUSED,
                f"another process on the gateway answers at {where}, and it even reaches an RPC"
                " service",
                f"most likely an ssh of your own with RemoteForward {port}: end it, or remove that"
                f" line from its ssh_config; find it there: ss -ltnp 'sport = :{port}'",
            )
    if not crossing.arrived:
        return Finding(
            ServiceState.REFUSED,
            f"another process on the gateway answers at {where}",
            f"find it there: ss -ltnp 'sport = :{port}'; an ssh of your own with"
            " RemoteForward, or a dead session that the gateway has not noticed yet",
        )
    return _behind(service, where, crossing)


def _unreachable_hint(family: Family, text: str | None) -> str:
    # An address that is not the gateway's own is mistyped, or belongs to another machine.
    if family is Family.IPV4 and text is not None and _REFUSED not in text:
        return f"{_ELSEWHERE_HINT}; or {_UNREACHABLE_HINT[family]}"
    return _UNREACHABLE_HINT[family]


def _behind(service: Service, where: str, crossing: Crossing) -> Finding:
    """The call came in, and failed behind the forward: the service changed since it answered."""
    if crossing.failure is not None:
        text = f"{service} on this host, for a call from {where}: {crossing.failure}"
        return Finding(ServiceState.HOST_DOWN, text, _DOWN_HINT)
    text = f"{service}, called at {where}, {crossing.text}"
    match crossing.end:
        case End.SILENT:
            return Finding(ServiceState.STALLED, text, _STALLED_HINT)
        case End.GARBAGE:
            return Finding(ServiceState.HOST_DOWN, text, _DOWN_HINT)
        case _:
            return Finding(ServiceState.DENIED, text, _DENIED_HINT)


def denied(denial: Denial) -> Finding:
    """The service answers, but no export can be mounted."""
    return Finding(ServiceState.DENIED, denial.text, denial.hint)


def untried() -> Finding:
    """The service answers; whether an export can be mounted is being tried."""
    return Finding(ServiceState.WAITING, "whether an export can be mounted is being tried")


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


def _guessed(host: HostFinding) -> bool:
    """Whether nobody has said that the service is there: another may well listen at that port."""
    return host.reached is Reached.DOWN or host.place.origin is Origin.ASSUMED


def _at(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _family(address: str, spec: Spec) -> Family:
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        # A name is dialled in whatever family the gateway resolves it to; it stands for the
        # first that the listener asks for.
        return min(spec.families)
    return Family.IPV4 if version == 4 else Family.IPV6  # noqa: PLR2004  # IP versions
