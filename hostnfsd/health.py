"""The verdict on a :class:`~hostnfsd.snapshot.Snapshot`: may clients mount now, and if not, why.

One verdict serves ``/readyz``, the exit code of ``hostnfsd status`` and the last line it prints,
so that the three can never disagree.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hostnfsd.services import Service
from hostnfsd.snapshot import Family, GatewayView, Phase, ServiceState, Snapshot


@dataclass(frozen=True, slots=True)
class Reason:
    """One required service that clients of one address family cannot use, and why.

    Attributes:
        gateway: the gateway's name in the configuration.
        phase: where its tunnel stands.
        service: the member of the port set.
        family: the address family in which clients come in.
        state: what such a client meets.
        error: the last failure: of the service, else of the tunnel.
        hint: what a person can do about it.
    """

    gateway: str
    phase: Phase
    service: Service
    family: Family
    state: ServiceState
    error: str | None
    hint: str | None

    @property
    def brief(self) -> str:
        """What is wrong in a few words, for a line that names all of them."""
        return f"{self.gateway} {self.service} {self.state} ({self.family})"

    def to_json(self) -> dict[str, str | None]:
        """An element of ``"reasons"`` in the answer of ``/readyz`` and in the status document."""
        return {
            "gateway": self.gateway,
            "phase": str(self.phase),
            "service": str(self.service),
            "family": str(self.family),
            "state": str(self.state),
            "error": self.error,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Ready, or every reason why not. A daemon that stops is not ready, for no other reason."""

    stopping: bool
    reasons: tuple[Reason, ...]

    @property
    def ready(self) -> bool:
        """Whether clients may be sent here."""
        return not self.stopping and not self.reasons

    def to_json(self) -> dict[str, object]:
        """The whole answer of ``/readyz``."""
        return {
            "schema": 1,
            "ready": self.ready,
            "stopping": self.stopping,
            "reasons": [reason.to_json() for reason in self.reasons],
        }


def _reasons(gateway: GatewayView) -> Iterator[Reason]:
    for service in gateway.services:
        if not service.required:
            continue
        for family, view in service.families.items():
            if view.state.ready:
                continue
            own = view.error is not None
            yield Reason(
                gateway=gateway.name,
                phase=gateway.phase,
                service=service.service,
                family=family,
                state=view.state,
                error=view.error if own else gateway.error,
                hint=view.hint if own else gateway.hint,
            )


def gateway_verdict(gateway: GatewayView, *, stopping: bool) -> Verdict:
    """The verdict on one gateway that was asked for by name, optional or not."""
    return Verdict(stopping=stopping, reasons=tuple(_reasons(gateway)))


def verdict(snapshot: Snapshot) -> Verdict:
    """The verdict on the whole daemon: every gateway that is not optional, every required service.

    A service that has several address families must be ready in each of them. The verdict does not
    look at a tunnel's phase: what counts is what a client meets.
    """
    reasons = tuple(
        reason
        for gateway in snapshot.gateways
        if not gateway.optional
        for reason in _reasons(gateway)
    )
    return Verdict(stopping=snapshot.stopping, reasons=reasons)
