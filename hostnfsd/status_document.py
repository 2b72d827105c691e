"""The status as JSON: what ``hostnfsd status --json`` and ``/status`` print, and its reader.

``"schema": 1`` promises that members are only ever added. The reader ignores members it does not
know and does without those that came later, so that a command may be older or newer than the daemon
it asks.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final, TypeVar

from hostnfsd.access_view import AccessView, Remedy
from hostnfsd.awake_view import AwakeView
from hostnfsd.exports_document import exports_from_json, exports_to_json
from hostnfsd.health import verdict
from hostnfsd.problem_document import problem_from_json, problem_to_json
from hostnfsd.rpc_view import ProcedureView, RpcView
from hostnfsd.services import Service
from hostnfsd.snapshot import (
    Advice,
    ClientView,
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

SCHEMA: Final = 1
Json = dict[str, Any]
K = TypeVar("K")


class DocumentError(ValueError):
    """This is no status document of our schema."""


def _counts(counts: Mapping[Any, int]) -> dict[str, int]:
    return {str(key): count for key, count in counts.items()}


def _service_to_json(view: ServiceView) -> Json:
    return {
        "service": str(view.service),
        "port": view.port,
        "host_port": view.host_port,
        "host_port_origin": view.host_port_origin,
        "host_up": view.host_up,
        "versions": list(view.versions),
        "mode": view.mode,
        "required": view.required,
        "ready": view.ready,
        "state": str(view.worst.state),
        "families": {
            str(family): {
                "state": str(met.state),
                "since": met.since,
                "error": met.error,
                "hint": met.hint,
            }
            for family, met in view.families.items()
        },
        "connections": view.connections,
        "connections_total": view.connections_total,
        "bytes_to_host": view.bytes_to_host,
        "bytes_to_client": view.bytes_to_client,
        "refused": _counts(view.refused),
        "revoked": view.revoked,
        "rpc": None if view.rpc is None else _rpc_to_json(view.rpc),
    }


def _rpc_to_json(view: RpcView) -> Json:
    return {
        "calls": view.calls,
        "in_flight": view.in_flight,
        "oldest_call_s": view.oldest_call_s,
        "untracked": view.untracked,
        "procedures": [
            {
                "procedure": entry.procedure,
                "calls": entry.calls,
                "rpc_errors": entry.rpc_errors,
                "status_errors": entry.status_errors,
                "unanswered": entry.unanswered,
                "bytes_to_host": entry.bytes_to_host,
                "bytes_to_client": entry.bytes_to_client,
                "seconds": entry.seconds,
                "durations": list(entry.durations),
            }
            for entry in view.procedures
        ],
    }


def _gateway_to_json(view: GatewayView) -> Json:
    return {
        "name": view.name,
        "address": view.address,
        "client_address": list(view.client_address),
        "optional": view.optional,
        "phase": str(view.phase),
        "since": view.since,
        "up_since": view.up_since,
        "retry_at": view.retry_at,
        "attempts": view.attempts,
        "failures": _counts(view.failures),
        "losses": _counts(view.losses),
        "reclaims": _counts(view.reclaims),
        "downtime_s": view.downtime_s,
        "error": view.error,
        "hint": view.hint,
        "services": [_service_to_json(service) for service in view.services],
        "off": [str(service) for service in view.off],
        "access": {
            "admitted": list(view.access.admitted),
            "error": view.access.error,
            "hint": view.access.hint,
            "networks": list(view.access.networks),
        },
    }


def _client_to_json(view: ClientView) -> Json:
    return {
        "gateway": view.gateway,
        "service": str(view.service),
        "host": view.host,
        "port": view.port,
        "since": view.since,
        "bytes_to_host": view.bytes_to_host,
        "bytes_to_client": view.bytes_to_client,
        "calls": view.calls,
        "oldest_call_s": view.oldest_call_s,
    }


def _refused_to_json(view: RefusedView) -> Json:
    return {
        "gateway": view.gateway,
        "service": str(view.service),
        "host": view.host,
        "reason": str(view.reason),
        "count": view.count,
        "last": view.last,
        "text": view.text,
        "remedy": None if view.remedy is None else _remedy_to_json(view.remedy),
    }


def _remedy_to_json(remedy: Remedy) -> Json:
    return {"allow": remedy.allow, "exports": list(remedy.exports), "place": remedy.place}


def _reload_to_json(view: ReloadView) -> Json:
    return {
        "successful": view.successful,
        "reloads": view.reloads,
        "failures": view.failures,
        "last_success": view.last_success,
        "problems": [problem_to_json(problem) for problem in view.problems],
    }


def to_json(snapshot: Snapshot) -> Json:
    """The document: everything in the snapshot, and the verdict on it."""
    judged = verdict(snapshot)
    return {
        "schema": SCHEMA,
        "version": snapshot.version,
        "python": snapshot.python,
        "asyncssh": snapshot.asyncssh,
        "pid": snapshot.pid,
        "started": snapshot.started,
        "now": snapshot.now,
        "config_path": snapshot.config_path,
        "log_destination": snapshot.log_destination,
        "stopping": snapshot.stopping,
        "ready": judged.ready,
        "reasons": [reason.to_json() for reason in judged.reasons],
        "connections_limit": snapshot.connections_limit,
        "reload": _reload_to_json(snapshot.reload),
        "gateways": [_gateway_to_json(gateway) for gateway in snapshot.gateways],
        "clients": [_client_to_json(client) for client in snapshot.clients],
        "refused": [_refused_to_json(refused) for refused in snapshot.refused],
        "advice": [{"text": advice.text, "hint": advice.hint} for advice in snapshot.advice],
        "source_port_fallbacks": _counts(snapshot.source_port_fallbacks),
        "asleep_s": snapshot.asleep_s,
        "keep_awake": None if snapshot.awake is None else asdict(snapshot.awake),
        "exports": None if snapshot.exports is None else exports_to_json(snapshot.exports),
    }


def _counts_from(counts: Mapping[str, int], of: Callable[[str], K]) -> dict[K, int]:
    return {of(key): count for key, count in counts.items()}


def _picked(document: Json, *names: str) -> Json:
    return {name: document[name] for name in names}


def _service_from(document: Json) -> ServiceView:
    families = {
        Family(family): FamilyView(
            state=ServiceState(met["state"]), **_picked(met, "since", "error", "hint")
        )
        for family, met in document["families"].items()
    }
    if not families:
        raise DocumentError(f"service {document['service']!r} has no address family")
    return ServiceView(
        service=Service(document["service"]),
        families=families,
        refused=_counts_from(document["refused"], Refusal),
        rpc=_rpc_from(document.get("rpc")),
        host_port_origin=document.get("host_port_origin", "configured"),
        host_up=document.get("host_up"),
        versions=tuple(document.get("versions", ())),
        mode=document.get("mode"),
        revoked=document.get("revoked", 0),
        **_picked(document, "port", "host_port", "required", "connections", "connections_total"),
        **_picked(document, "bytes_to_host", "bytes_to_client"),
    )


def _rpc_from(document: Json | None) -> RpcView | None:
    if document is None:
        return None
    procedures = tuple(
        ProcedureView(
            durations=tuple(entry["durations"]),
            **_picked(entry, "procedure", "calls", "rpc_errors", "status_errors", "unanswered"),
            **_picked(entry, "bytes_to_host", "bytes_to_client", "seconds"),
        )
        for entry in document["procedures"]
    )
    return RpcView(procedures, **_picked(document, "in_flight", "oldest_call_s", "untracked"))


def _gateway_from(document: Json) -> GatewayView:
    return GatewayView(
        client_address=tuple(document["client_address"]),
        phase=Phase(document["phase"]),
        failures=_counts_from(document["failures"], FailureKind),
        losses=_counts_from(document["losses"], FailureKind),
        reclaims=_counts_from(document.get("reclaims", {}), Reclaim),
        services=tuple(_service_from(service) for service in document["services"]),
        off=tuple(Service(name) for name in document.get("off", ())),
        access=_access_from(document.get("access")),
        **_picked(document, "name", "address", "since", "up_since", "retry_at", "attempts"),
        **_picked(document, "downtime_s", "error", "hint", "optional"),
    )


def _access_from(document: Json | None) -> AccessView:
    if document is None:
        return AccessView()
    return AccessView(
        tuple(document["admitted"]),
        networks=tuple(document.get("networks", ())),
        **_picked(document, "error", "hint"),
    )


def _client_from(document: Json) -> ClientView:
    return ClientView(
        service=Service(document["service"]),
        calls=document.get("calls"),
        oldest_call_s=document.get("oldest_call_s"),
        **_picked(document, "gateway", "host", "port", "since", "bytes_to_host", "bytes_to_client"),
    )


def _refused_from(document: Json) -> RefusedView:
    return RefusedView(
        service=Service(document["service"]),
        reason=Refusal(document["reason"]),
        text=document.get("text"),
        remedy=_remedy_from(document.get("remedy")),
        **_picked(document, "gateway", "host", "count", "last"),
    )


def _remedy_from(document: Json | None) -> Remedy | None:
    if document is None:
        return None
    return Remedy(exports=tuple(document["exports"]), **_picked(document, "allow", "place"))


def _awake_from(document: Json | None) -> AwakeView | None:
    if document is None:
        return None
    known = ("mode", "held", "since", "worked", "needless", "error", "hint")
    return AwakeView(**_picked(document, *known))


def _snapshot_from(document: Json) -> Snapshot:
    reload = document["reload"]
    return Snapshot(
        reload=ReloadView(
            problems=tuple(problem_from_json(problem) for problem in reload["problems"]),
            **_picked(reload, "successful", "reloads", "failures", "last_success"),
        ),
        gateways=tuple(_gateway_from(gateway) for gateway in document["gateways"]),
        clients=tuple(_client_from(client) for client in document["clients"]),
        refused=tuple(_refused_from(refused) for refused in document["refused"]),
        advice=tuple(
            Advice(**_picked(advice, "text", "hint")) for advice in document.get("advice", ())
        ),
        source_port_fallbacks=_counts_from(document.get("source_port_fallbacks", {}), Service),
        asleep_s=document.get("asleep_s", 0.0),
        awake=_awake_from(document.get("keep_awake")),
        exports=exports_from_json(document.get("exports")),
        **_picked(document, "version", "python", "asyncssh", "pid", "started", "now"),
        **_picked(document, "config_path", "log_destination", "stopping", "connections_limit"),
    )


def from_json(document: object) -> Snapshot:
    """Read a document that :func:`to_json` made, by this version or a newer one.

    Raises:
        DocumentError: it is none, or of another schema, or uses a word that is not known here.
    """
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise DocumentError(f"not a status document of schema {SCHEMA}")
    try:
        return _snapshot_from(document)
    except DocumentError:
        raise
    except KeyError as exc:
        raise DocumentError(f"the status document lacks {exc}") from exc
    except (AttributeError, TypeError, ValueError) as exc:
        raise DocumentError(f"the status document cannot be read: {exc}") from exc
