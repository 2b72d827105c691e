"""One forward's request and what its answer means.

RFC 4254 section 7.1: the gateway answers a tcpip-forward request with success or failure, no
reason. OpenSSH sends a debug message first when its policy refuses; a busy port and a port we have
no right to look the same. What else is known of the gateway (``hostnfsd.tunnel.gateway.Survey``)
tells them apart.
"""

import ipaddress
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hostnfsd.services import Service
from hostnfsd.snapshot import Family
from hostnfsd.tunnel.gateway import Survey

#: Texts of sshd's policy (openssh serverloop.c and channels.c). It sends other debug messages on
#: every login, so only these count, and only between a request and its answer.
POLICY_TEXTS: Final = (
    "Server has disabled port forwarding",
    "port forwarding refused",
    "Remote forwarding has failed",
)
#: Sent beside a *success* that is not what was asked for.
OVERRIDDEN_TEXT: Final = "overridden by server GatewayPorts"

#: Seconds until a busy port is asked for again, on the live connection.
BUSY_RETRY_S: Final = 1.0
#: Seconds until a forbidden one is.
FORBIDDEN_RETRY_S: Final = 30.0


@dataclass(frozen=True, slots=True, order=True)
class Spec:
    """One listener on the gateway: the forward of ``service``, bound to ``listen``:``port``."""

    service: Service
    listen: str
    port: int

    def __str__(self) -> str:
        listen = f"[{self.listen}]" if ":" in self.listen else self.listen
        return f"{self.service} at {listen}:{self.port}"

    @property
    def families(self) -> frozenset[Family]:
        """Address families that this listener asks for."""
        try:
            version = ipaddress.ip_address(self.listen).version
        except ValueError:
            return frozenset(Family)  # "", "*" and "localhost" mean both
        return frozenset({Family.IPV4 if version == 4 else Family.IPV6})  # noqa: PLR2004


class Verdict(Enum):
    """What the answer to a request means."""

    BOUND = "bound"
    COVERED = "covered"
    BUSY = "busy"
    POLICY = "policy"
    NO_RIGHT = "no-right"


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict with the sentence and the cure for people. ``text`` is None for a plain success."""

    verdict: Verdict
    text: str | None = None
    hint: str | None = None

    @property
    def stands(self) -> bool:
        """Whether clients can come in there: the listener is ours, or another of ours covers it."""
        return self.verdict in {Verdict.BOUND, Verdict.COVERED}

    @property
    def retry_s(self) -> float | None:
        """Seconds until the port is asked for again; None once bound."""
        if self.stands:
            return None
        return BUSY_RETRY_S if self.verdict is Verdict.BUSY else FORBIDDEN_RETRY_S


def judge_success(spec: Spec, debug_texts: tuple[str, ...]) -> Answer:
    """A request that was granted, perhaps not as asked."""
    if any(OVERRIDDEN_TEXT in text for text in debug_texts):
        return Answer(
            Verdict.BOUND,
            f"the gateway bound {spec.port} on all addresses instead of {spec.listen}",
            "set 'GatewayPorts clientspecified' in the gateway's sshd_config",
        )
    return Answer(Verdict.BOUND)


def judge_covered(spec: Spec, sibling: Spec) -> Answer:
    """A refusal that is our own doing.

    With ``GatewayPorts yes`` every listener takes all addresses, so that the first of a service's
    listeners leaves nothing to bind for the next.
    """
    return Answer(Verdict.COVERED, f"{spec} is covered by {sibling}")


def judge_refusal(spec: Spec, debug_texts: tuple[str, ...], survey: Survey | None) -> Answer:
    """A request that was refused: by policy, for want of a right, or because the port is taken."""
    policy = next((t for t in debug_texts if any(known in t for known in POLICY_TEXTS)), None)
    if policy is not None:
        return Answer(
            Verdict.POLICY,
            f"the gateway's sshd forbids this forward: {policy.strip()!r}",
            "on the gateway allow it: AllowTcpForwarding yes, no DisableForwarding, and a"
            f' PermitListen or permitlisten="…" that includes *:{spec.port};'
            " then: hostnfsd reconnect",
        )
    if survey is not None and survey.lowest_port is not None and spec.port < survey.lowest_port:
        # Asked first: the kernel refuses before it looks who else is there (bind(2), EACCES).
        return Answer(
            Verdict.NO_RIGHT,
            f"the login on the gateway (uid {survey.uid}) may not bind port {spec.port}:"
            f" the lowest it may is {survey.lowest_port}",
            "on the gateway: sysctl net.ipv4.ip_unprivileged_port_start=0 (containers have it),"
            " or log in as root, or carry the service on a higher port",
        )
    if survey is not None and survey.listeners is not None:
        # A listener of IPv6 may take IPv4 as well (ipv6(7), IPV6_V6ONLY), and many do.
        may_take = spec.families | {Family.IPV6}
        taken = sorted(f for f, port in survey.listeners if port == spec.port and f in may_take)
        if taken:
            return Answer(
                Verdict.BUSY,
                f"port {spec.port} is already taken on the gateway ({' and '.join(taken)})",
                f"find the holder there: ss -ltnp 'sport = :{spec.port}'; an ssh of your own with"
                " RemoteForward, or a dead session that the gateway has not noticed yet",
            )
    return Answer(
        Verdict.BUSY,
        f"the gateway would not bind port {spec.port}; it does not say why:"
        + (" taken, or below the lowest port our login may bind" if spec.port < 1024 else " taken"),  # noqa: PLR2004  # the ports Unix reserves
        f"find the holder there: ss -ltn 'sport = :{spec.port}'",
    )
