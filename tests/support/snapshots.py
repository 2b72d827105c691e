"""Snapshots for tests: a healthy one with two gateways, and the parts to make others from."""

from collections.abc import Mapping
from dataclasses import replace

from hostnfsd.access_view import AccessView, Remedy
from hostnfsd.awake_view import AwakeView
from hostnfsd.exports.changes import Change, Kind
from hostnfsd.exports.verdict import Standing
from hostnfsd.problem import Place, Problem, Severity
from hostnfsd.rpc_view import ProcedureView, RpcView
from hostnfsd.services import FACTS, Service
from hostnfsd.snapshot import (
    ApplyView,
    ClientView,
    ExportsView,
    ExportView,
    FailureKind,
    Family,
    FamilyView,
    GatewayView,
    Phase,
    Reclaim,
    Refusal,
    RefusedView,
    ReloadView,
    ServiceState,
    ServiceView,
    Snapshot,
)

NOW = 1_760_000_000.0


def families(
    state: ServiceState = ServiceState.SERVING,
    error: str | None = None,
    hint: str | None = None,
) -> Mapping[Family, FamilyView]:
    return {Family.IPV4: FamilyView(state=state, since=NOW - 60, error=error, hint=hint)}


def service(
    name: Service, state: ServiceState = ServiceState.SERVING, error: str | None = None
) -> ServiceView:
    facts = FACTS[name]
    return ServiceView(
        service=name,
        port=facts.gateway_port,
        host_port=facts.gateway_port,
        required=facts.required,
        families=families(state, error),
        host_up=state is ServiceState.SERVING,
        mode="virtual" if name is Service.RPCBIND else None,
        rpc=RpcView(procedures=(), in_flight=0, oldest_call_s=None, untracked=0),
    )


def procedure(name: str, calls: int, **changes: object) -> ProcedureView:
    view = ProcedureView(
        procedure=name,
        calls=calls,
        rpc_errors=0,
        status_errors=0,
        unanswered=0,
        bytes_to_host=calls * 100,
        bytes_to_client=calls * 200,
        seconds=calls * 0.002,
        durations=(0, 0, calls, *([0] * 11)),
    )
    return replace(view, **changes)  # type: ignore[arg-type]  # names are checked by replace


def gateway(name: str = "dev-gw", **changes: object) -> GatewayView:
    view = GatewayView(
        name=name,
        address="admin@127.0.0.1:122",
        client_address=("172.22.0.2",),
        phase=Phase.UP,
        since=NOW - 7500,
        up_since=NOW - 7501,
        retry_at=None,
        attempts=3,
        failures={FailureKind.UNREACHABLE: 1},
        losses={FailureKind.KEEPALIVE: 1},
        reclaims={Reclaim.ENDED: 1},
        downtime_s=12.5,
        error=None,
        hint=None,
        services=tuple(service(name) for name in Service),
        access=AccessView(
            ("172.22.0.0/16, by /srv/src (/etc/exports:1:10)",), networks=("172.22.0.0/16",)
        ),
    )
    return replace(view, **changes)  # type: ignore[arg-type]  # names are checked by replace


def snapshot(*gateways: GatewayView, **changes: object) -> Snapshot:
    whole = Snapshot(
        version="0.1.0",
        python="3.11.7",
        asyncssh="2.24.1",
        pid=4242,
        started=NOW - 7600,
        now=NOW,
        config_path="/etc/hostnfsd/hostnfsd.toml",
        log_destination="journal",
        stopping=False,
        connections_limit=1024,
        reload=ReloadView(successful=True, reloads=2, failures=0, last_success=NOW - 3600),
        gateways=gateways or (gateway(),),
    )
    return replace(whole, **changes)  # type: ignore[arg-type]  # names are checked by replace


def with_service(view: GatewayView, changed: ServiceView) -> GatewayView:
    services = tuple(changed if s.service is changed.service else s for s in view.services)
    return replace(view, services=services)


def troubled() -> Snapshot:
    """One of everything: states, families, texts that need escaping, clients, refusals."""
    nfs = replace(
        service(Service.NFS),
        host_port=20490,
        host_port_origin="rpcbind",
        versions=(3, 4),
        families={
            Family.IPV4: FamilyView(ServiceState.SERVING, NOW - 3),
            Family.IPV6: FamilyView(
                ServiceState.UNREACHABLE,
                NOW - 65,
                "[fd00::2]:2049: connection refused",
                'set "AddressFamily any" in sshd_config',
            ),
        },
        connections=2,
        connections_total=17,
        bytes_to_host=1536,
        bytes_to_client=268_435_456,
        refused={Refusal.LIMIT: 4},
        revoked=1,
        rpc=RpcView(
            procedures=(
                procedure("getattr", 1000, status_errors=3),
                procedure("read", 70, rpc_errors=1, unanswered=2),
            ),
            in_flight=1,
            oldest_call_s=42.5,
            untracked=1,
        ),
    )
    mountd = service(Service.MOUNTD, ServiceState.HOST_DOWN, "127.0.0.1:20048: <refused> & gone")
    first = with_service(with_service(gateway(), nfs), mountd)
    first = with_service(first, service(Service.RQUOTAD, ServiceState.ABSENT))
    second = gateway(
        "büro & <b>",
        address="root@[::1]:22",
        client_address=(),
        optional=True,
        phase=Phase.BACKOFF,
        since=NOW - 5,
        up_since=None,
        retry_at=NOW + 4,
        error="connect to ::1 port 22: connection refused",
        hint="start sshd on the gateway",
        services=tuple(service(name, ServiceState.WAITING) for name in Service),
        access=AccessView(error="/etc/exports exports nothing", hint="hostnfsd exports tells why"),
    )
    return snapshot(
        first,
        second,
        reload=ReloadView(
            successful=False,
            reloads=3,
            failures=1,
            last_success=NOW - 3600,
            problems=(
                Problem(
                    "unknown-key",
                    Severity.ERROR,
                    Place("/etc/hostnfsd/hostnfsd.toml", 3, 1),
                    "tunnel.keepalive",
                    "unknown key (<b>)",
                    'did you mean "keepalive_interval_s"?',
                ),
                Problem("no-file", Severity.WARNING, Place("/x"), "host.exports", "is not there"),
            ),
        ),
        clients=(
            ClientView("dev-gw", Service.NFS, "172.22.0.9", 801, NOW - 40, 1024, 2048, 17, 42.5),
            ClientView("dev-gw", Service.NFS, "fd00::9", 802, NOW - 4, 512, 268_433_408),
        ),
        refused=(
            RefusedView("dev-gw", Service.NFS, "172.22.0.66", Refusal.LIMIT, 4, NOW - 9),
            RefusedView(
                "dev-gw",
                Service.MOUNTD,
                "10.9.8.7",
                Refusal.NOT_ADMITTED,
                2,
                NOW - 3,
                "/srv/src admits 172.22.0.0/16, not 10.9.8.7",
                Remedy(
                    'allow = ["172.22.0.0/16", "10.9.8.7"]',
                    ("172.22.0.0/16(rw) 10.9.8.7(rw)",),
                    "/etc/exports:1",
                ),
            ),
        ),
        source_port_fallbacks={Service.NFS: 3},
        asleep_s=30_600.5,
        awake=AwakeView("while-connected", held=True, since=NOW - 720, worked=NOW - 20),
        exports=broken_exports(),
    )


def exports(**changes: object) -> ExportsView:
    """Of a file that is as it should be."""
    view = ExportsView(
        path="/etc/exports",
        dialect="linux",
        standing=Standing.VALID,
        since=NOW - 3600,
        exports=(ExportView("/srv/a", mountable=True), ExportView("/srv/b", mountable=False)),
        changed=NOW - 90,
        changes=(
            Change(Kind.ALTERED, "/srv/a", ("now for everybody, read",)),
            Change(Kind.REMOVED, "/srv/c", ()),
        ),
    )
    return replace(view, **changes)  # type: ignore[arg-type]  # names are checked by replace


def broken_exports() -> ExportsView:
    """One of everything that can be wrong with exports."""
    place = Place("/etc/exports", 3, 9)
    return exports(
        standing=Standing.INVALID,
        kept=True,
        counts={Severity.ERROR: 1, Severity.WARNING: 2},
        problems=(
            Problem("bad-option", Severity.ERROR, place, "rv", "no <option>", "did you mean rw?"),
            Problem("world-export", Severity.WARNING, place, "/srv/a", "everybody may"),
        ),
        error="it cannot be read within 15 s",
        hint="what was in effect stays",
        applied=ApplyView(NOW - 80, ok=False, text="exit status 1: no <etab>", hint="run it"),
    )
