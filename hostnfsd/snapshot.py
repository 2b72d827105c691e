"""What the daemon knows at one moment, as frozen values: the one source of status and metrics.

The daemon builds a :class:`Snapshot` on request; ``/status``, ``/metrics``, ``/readyz`` and
``hostnfsd status`` only read it. Instants are seconds since the epoch (UTC), sizes are bytes.
Counters never fall while the daemon lives and survive reconnects.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hostnfsd.access_view import AccessView, Remedy
from hostnfsd.awake_view import AwakeView
from hostnfsd.exports.changes import Change
from hostnfsd.exports.verdict import Standing
from hostnfsd.problem import Problem, Severity
from hostnfsd.rpc_view import RpcView
from hostnfsd.services import Service


class Phase(StrEnum):
    """Where a tunnel stands; the specification, section 4."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    BINDING = "binding"
    UP = "up"
    BACKOFF = "backoff"
    BLOCKED = "blocked"
    STOPPING = "stopping"


class ServiceState(StrEnum):
    """What a client meets when it dials a service at the gateway; the specification, section 4."""

    SERVING = "serving"
    WAITING = "waiting"
    HOST_DOWN = "host-down"
    DENIED = "denied"
    ABSENT = "absent"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNVERIFIED = "unverified"
    STALLED = "stalled"
    OFF = "off"

    @property
    def ready(self) -> bool:
        """Whether ``/readyz`` may count it as ready."""
        return self in {ServiceState.SERVING, ServiceState.UNVERIFIED}


class Family(StrEnum):
    """Address family in which clients come in."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


class FailureKind(StrEnum):
    """Why a connection attempt failed or an established tunnel was lost: a closed set of labels."""

    UNREACHABLE = "unreachable"  # refused, no route, reset, name not resolved
    TIMEOUT = "timeout"  # nothing answered in connect_timeout_s, or no SSH banner
    BUSY = "busy"  # "Not allowed at this time": penalties or MaxStartups
    AUTH = "auth"  # key refused
    KEY = "key"  # key missing, unreadable or encrypted without an agent
    HOST_KEY = "host-key"  # changed or unknown
    CONFIG = "config"  # ssh_config or options that cannot work
    FORBIDDEN = "forbidden"  # every forward refused by policy
    KEEPALIVE = "keepalive"  # the gateway stopped answering
    CLOSED = "closed"  # the connection ended under us
    PROTOCOL = "protocol"  # the peer does not speak SSH as we do
    INTERNAL = "internal"  # our own bug, survived


class Refusal(StrEnum):
    """Why a client connection was turned away."""

    LIMIT = "limit"  # max_connections
    HOST_DOWN = "host-down"  # the host's service refused or did not answer
    SOURCE_PORT = "source-port"  # no reserved source port was left to dial the service from
    NOT_ADMITTED = "not-admitted"  # [access] does not let its originator in
    UNDECIDED = "undecided"  # nobody knew in time who may come in
    STOPPING = "stopping"  # we drain
    INTERNAL = "internal"


class Reclaim(StrEnum):
    """What became of a dead session of ours that was thought to hold a port."""

    ENDED = "ended"  # we ended it
    GONE = "gone"  # it had ended by itself, or with its gateway
    WAITED = "waited"  # it is left to the gateway's time-out: so configured
    UNTOLD = "untold"  # the gateway runs no commands for us, or did not then: waited for
    DENIED = "denied"  # our login may not end it: waited for
    STUCK = "stuck"  # it does not end


@dataclass(frozen=True, slots=True)
class FamilyView:
    """One service as clients of one address family meet it."""

    state: ServiceState
    since: float
    error: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service of one gateway. ``families`` is never empty; ``rpc`` is None if not counted.

    ``revoked`` are connections that were ended because their originator was no longer admitted.

    ``host_up`` tells whether the service answers on the host; None while nobody has asked.
    ``host_port_origin`` says where ``host_port`` comes from, a word of
    :class:`hostnfsd.server.finding.Origin`; ``versions`` are those the service has on the host,
    ascending, empty if it was never seen. ``mode`` is of rpcbind only: ``virtual`` where we answer,
    ``relay`` where the host's does.
    """

    service: Service
    port: int
    host_port: int
    required: bool
    families: Mapping[Family, FamilyView]
    connections: int = 0
    connections_total: int = 0
    bytes_to_host: int = 0
    bytes_to_client: int = 0
    refused: Mapping[Refusal, int] = field(default_factory=dict)
    revoked: int = 0
    rpc: RpcView | None = None
    host_up: bool | None = None
    host_port_origin: str = "configured"
    versions: tuple[int, ...] = ()
    mode: str | None = None

    @property
    def worst(self) -> FamilyView:
        """The family that is worst off: the first that is not ready, else the first."""
        views = list(self.families.values())
        return next((view for view in views if not view.state.ready), views[0])

    @property
    def ready(self) -> bool:
        """Whether every family is ready."""
        return self.worst.state.ready


@dataclass(frozen=True, slots=True)
class GatewayView:
    """One tunnel.

    Attributes:
        name: the table's name in the configuration.
        address: ``user@host:port`` as dialled last, or as configured before the first dial.
        client_address: how clients reach it; empty while unknown.
        phase: where the tunnel stands.
        since: when it entered that phase.
        up_since: when the session that stands came up; None if none stands.
        retry_at: when the next attempt starts; None if none is planned.
        attempts: connection attempts so far.
        failures: attempts that failed, by kind.
        losses: established tunnels lost, by kind.
        downtime_s: seconds without a tunnel since the daemon started, the present outage included.
        error: the last failure in a sentence; None once up again.
        hint: what a person can do about it.
        services: what is carried, in the order of the port set. Services switched off are absent.
        optional: whether readiness leaves it out.
        off: services that the configuration switches off, in the order of the port set.
        access: who may come in there.
        reclaims: what became of dead sessions of ours that were thought to hold a port.
    """

    name: str
    address: str
    client_address: tuple[str, ...]
    phase: Phase
    since: float
    up_since: float | None
    retry_at: float | None
    attempts: int
    failures: Mapping[FailureKind, int]
    losses: Mapping[FailureKind, int]
    downtime_s: float
    error: str | None
    hint: str | None
    services: tuple[ServiceView, ...]
    optional: bool = False
    off: tuple[Service, ...] = ()
    access: AccessView = field(default_factory=AccessView)
    reclaims: Mapping[Reclaim, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClientView:
    """One relayed connection that is open now.

    ``calls`` that passed on it, and the age of the oldest unanswered one (None without one); both
    are None if its calls are not followed.
    """

    gateway: str
    service: Service
    host: str
    port: int
    since: float
    bytes_to_host: int
    bytes_to_client: int
    calls: int | None = None
    oldest_call_s: float | None = None


@dataclass(frozen=True, slots=True)
class RefusedView:
    """An originator that was turned away, and when last.

    Attributes:
        gateway: where.
        service: what it wanted.
        host: its address; ``unknown`` where the gateway could not tell.
        reason: why.
        count: how often, for that reason.
        last: when last.
        text: why not, of one that is not admitted.
        remedy: what would let it in; None also where it would be let in now.
    """

    gateway: str
    service: Service
    host: str
    reason: Refusal
    count: int
    last: float
    text: str | None = None
    remedy: Remedy | None = None


@dataclass(frozen=True, slots=True)
class ReloadView:
    """How the last reload went. ``problems`` are those of the last file read, warnings included."""

    successful: bool
    reloads: int
    failures: int
    last_success: float
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportView:
    """An export that is in effect, and whether it can be mounted through the tunnel."""

    path: str
    mountable: bool


#: The code of the problem that a failed :class:`ApplyView` is counted as.
NOT_APPLIED: Final = "not-applied"


@dataclass(frozen=True, slots=True)
class ApplyView:
    """How telling the server went last: when, whether it took the file, and what was said."""

    at: float
    ok: bool
    text: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class ExportsView:
    """The exports file as it was judged last, and what is in effect.

    Attributes:
        path: the file.
        dialect: whose rules it is read by.
        standing: how the file stands.
        since: when it came to stand so.
        kept: what is in effect is not what the file says now, but what it said before.
        exports: what is in effect, in the order of the file.
        changed: when what is in effect changed last; when it was read first, if not since.
        changes: what changed then.
        counts: how many problems there are.
        problems: the worst of them; not all where there are many.
        error: why the file cannot be read now.
        hint: what a person can do about that.
        applied: how the server was told last; None: it was not.
    """

    path: str
    dialect: str
    standing: Standing
    since: float
    kept: bool = False
    exports: tuple[ExportView, ...] = ()
    changed: float | None = None
    changes: tuple[Change, ...] = ()
    counts: Mapping[Severity, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    error: str | None = None
    hint: str | None = None
    applied: ApplyView | None = None

    @property
    def mountable(self) -> int:
        """How many exports can be mounted through the tunnel."""
        return sum(export.mountable for export in self.exports)


@dataclass(frozen=True, slots=True)
class Advice:
    """What of the whole daemon works less well than it could: a sentence, and the cure."""

    text: str
    hint: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything.

    Attributes:
        advice: what a person can do for all of it.
        source_port_fallbacks: connections to the host's services that were made from an ordinary
            port because no reserved one was left.
        asleep_s: seconds that the machine slept since the daemon started.
        exports: of the host; None where the configuration names no file.
        awake: whether it is kept so; None where a daemon that is older does not tell.
    """

    version: str
    python: str
    asyncssh: str
    pid: int
    started: float
    now: float
    config_path: str
    log_destination: str
    stopping: bool
    connections_limit: int
    reload: ReloadView
    gateways: tuple[GatewayView, ...]
    clients: tuple[ClientView, ...] = ()
    refused: tuple[RefusedView, ...] = ()
    advice: tuple[Advice, ...] = ()
    source_port_fallbacks: Mapping[Service, int] = field(default_factory=dict)
    asleep_s: float = 0.0
    exports: ExportsView | None = None
    awake: AwakeView | None = None
