"""The exposition: valid in both formats, complete from the first scrape, closed in its labels."""

import math
from collections.abc import Iterable
from dataclasses import replace

import prometheus_client
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from hostnfsd.daemon.endpoints.metrics import Metrics
from hostnfsd.daemon.endpoints.rpc_metrics import KINDS
from hostnfsd.daemon.metric_table import RPC_BUCKETS_S, TABLE
from hostnfsd.rpc_view import RpcView
from hostnfsd.services import Service
from hostnfsd.snapshot import FailureKind, Phase, Refusal, ServiceState, Snapshot
from tests.support.snapshots import (
    gateway,
    procedure,
    service,
    snapshot,
    troubled,
    with_service,
)

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(whole: Snapshot, metrics: Metrics | None = None) -> list[Metric]:
    body, _ = (metrics or Metrics()).render(whole)
    return list(parse_text(body.decode()))


def values(families: Iterable[Metric]) -> Values:
    found: Values = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, "a series stands twice"
            found[key] = sample.value
    return found


def at(found: Values, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_every_metric_of_the_table_is_exported_with_its_type_and_help() -> None:
    exported = {(family.name, family.type, family.documentation) for family in scrape(snapshot())}

    assert exported == {
        (row.name.removesuffix("_total") if row.kind == "counter" else row.name, row.kind, row.text)
        for row in TABLE
    }


def test_every_label_set_is_the_tables() -> None:
    rows = {row.name: row for row in TABLE}
    for name, labels in values(scrape(troubled())):
        base = name if name in rows else name.rsplit("_", 1)[0]
        expected = set(rows[base].labels)
        if rows[base].kind == "histogram" and name.endswith("_bucket"):
            expected.add("le")
        assert {label for label, _ in labels} == expected


def test_labels_of_closed_sets_are_there_from_zero() -> None:
    found = values(scrape(snapshot(gateway(failures={}, losses={}))))

    for kind in FailureKind:
        assert at(found, "hostnfsd_tunnel_connect_failures_total", gateway="dev-gw", kind=kind) == 0
        assert at(found, "hostnfsd_tunnel_losses_total", gateway="dev-gw", reason=kind) == 0
    for name in Service:
        labels = {"gateway": "dev-gw", "service": str(name)}
        for reason in Refusal:
            assert at(found, "hostnfsd_connections_refused_total", **labels, reason=reason) == 0
        for side in ("host", "gateway"):
            assert at(found, "hostnfsd_probe_failures_total", **labels, side=side) == 0
            assert at(found, "hostnfsd_probe_duration_seconds_count", **labels, side=side) == 0
    for what in ("recovery", "keepalive_rtt"):
        assert at(found, f"hostnfsd_tunnel_{what}_seconds_count", gateway="dev-gw") == 0


@pytest.mark.parametrize("phase", Phase)
def test_exactly_one_phase_is_set(phase: Phase) -> None:
    found = values(scrape(snapshot(gateway(phase=phase))))

    assert {p: at(found, "hostnfsd_tunnel_phase", gateway="dev-gw", phase=p) for p in Phase} == {
        p: float(p is phase) for p in Phase
    }
    assert at(found, "hostnfsd_tunnel_up", gateway="dev-gw") == float(phase is Phase.UP)


@pytest.mark.parametrize("state", ServiceState)
def test_exactly_one_state_is_set_and_only_serving_serves(state: ServiceState) -> None:
    found = values(scrape(snapshot(with_service(gateway(), service(Service.NFS, state)))))
    labels = {"gateway": "dev-gw", "service": "nfs", "family": "ipv4"}

    assert {s: at(found, "hostnfsd_service_state", **labels, state=s) for s in ServiceState} == {
        s: float(s is state) for s in ServiceState
    }
    serving = float(state is ServiceState.SERVING)
    assert at(found, "hostnfsd_service_serving", **labels) == serving


def test_the_values_are_the_snapshots() -> None:
    found = values(scrape(troubled()))
    nfs = {"gateway": "dev-gw", "service": "nfs"}

    assert at(found, "hostnfsd_relayed_bytes_total", **nfs, direction="to_host") == 1536
    assert at(found, "hostnfsd_relayed_bytes_total", **nfs, direction="to_client") == 268_435_456
    assert at(found, "hostnfsd_connections", **nfs) == 2
    assert at(found, "hostnfsd_connections_total", **nfs) == 17
    assert at(found, "hostnfsd_connections_refused_total", **nfs, reason="limit") == 4
    assert at(found, "hostnfsd_connections_limit") == 1024
    assert at(found, "hostnfsd_tunnel_connect_attempts_total", gateway="dev-gw") == 3
    assert at(found, "hostnfsd_tunnel_downtime_seconds_total", gateway="dev-gw") == 12.5
    assert at(found, "hostnfsd_config_last_reload_successful") == 0
    assert at(found, "hostnfsd_config_reloads_total") == 3
    assert at(found, "hostnfsd_asleep_seconds_total") == 30_600.5
    assert at(found, "hostnfsd_keep_awake") == 1
    assert at(found, "hostnfsd_config_reload_failures_total") == 1
    assert at(found, "hostnfsd_host_port", service="nfs") == 20490
    build = {"version": "0.1.0", "python": "3.11.7", "asyncssh": "2.24.1"}
    assert at(found, "hostnfsd_build_info", **build) == 1


def test_calls_are_told_by_procedure() -> None:
    found = values(scrape(troubled()))
    nfs = {"gateway": "dev-gw", "service": "nfs"}
    read = {**nfs, "procedure": "read"}

    assert at(found, "hostnfsd_rpc_calls_total", **read) == 70
    assert at(found, "hostnfsd_rpc_calls_total", **nfs, procedure="getattr") == 1000
    errors = {k: at(found, "hostnfsd_rpc_errors_total", **read, kind=k) for k in KINDS}
    assert errors == {"rpc": 1, "status": 0, "unanswered": 2}
    assert at(found, "hostnfsd_rpc_bytes_total", **read, direction="to_host") == 7000
    assert at(found, "hostnfsd_rpc_bytes_total", **read, direction="to_client") == 14000
    assert at(found, "hostnfsd_rpc_duration_seconds_sum", **read) == pytest.approx(0.14)
    assert at(found, "hostnfsd_rpc_duration_seconds_count", **read) == 70
    assert at(found, "hostnfsd_rpc_in_flight", **nfs) == 1
    assert at(found, "hostnfsd_rpc_in_flight", gateway="dev-gw", service="mountd") == 0
    assert at(found, "hostnfsd_rpc_oldest_call_seconds", **nfs) == 42.5
    assert at(found, "hostnfsd_rpc_untracked_connections_total", **nfs) == 1


def test_durations_of_calls_are_cumulative() -> None:
    counts = tuple(range(len(RPC_BUCKETS_S) + 1))
    view = RpcView((procedure("read", 91, durations=counts),), 0, None, 0)
    nfs = replace(service(Service.NFS), rpc=view)
    found = values(scrape(snapshot(with_service(gateway(), nfs))))
    name = "hostnfsd_rpc_duration_seconds_bucket"
    bounds = {
        dict(labels)["le"]: value for (series, labels), value in found.items() if series == name
    }

    assert list(bounds)[:2] == ["0.0005", "0.001"]
    assert bounds["0.0025"] == 0 + 1 + 2
    assert bounds["30.0"] == sum(counts) - counts[-1]
    assert bounds["+Inf"] == sum(counts)


def test_calls_are_absent_where_they_are_not_counted() -> None:
    uncounted = [replace(each, rpc=None) for each in gateway().services]
    found = values(scrape(snapshot(gateway(services=tuple(uncounted)))))

    assert not [name for name, _ in found if name.startswith("hostnfsd_rpc_")]


def test_only_procedures_that_were_called_have_series() -> None:
    found = values(scrape(snapshot()))
    names = {name for name, _ in found if name.startswith("hostnfsd_rpc_")}

    assert names == {
        "hostnfsd_rpc_in_flight",
        "hostnfsd_rpc_oldest_call_seconds",
        "hostnfsd_rpc_untracked_connections_total",
    }


def test_up_since_is_absent_while_no_session_stands() -> None:
    name = "hostnfsd_tunnel_up_since_timestamp_seconds"
    found = values(scrape(snapshot(gateway("a", up_since=5.0), gateway("b", up_since=None))))

    assert [(key, value) for key, value in found.items() if key[0] == name] == [
        ((name, frozenset({("gateway", "a")})), 5.0)
    ]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((True,), 1.0),
        ((False,), 0.0),
        ((None,), None),
        ((False, True), 1.0),
        ((True, False), 1.0),
        ((None, False), 0.0),
    ],
)
def test_whether_the_host_serves_is_told_once_it_is_known(
    told: tuple[bool | None, ...], expected: float | None
) -> None:
    gateways = [
        gateway(f"gw{index}", services=(replace(service(Service.NFS), host_up=up),))
        for index, up in enumerate(told)
    ]

    found = values(scrape(snapshot(*gateways)))

    key = ("hostnfsd_host_service_up", frozenset({("service", "nfs")}))
    assert found.get(key) == expected


def test_a_service_that_is_switched_off_has_a_state_and_nothing_else() -> None:
    found = values(scrape(snapshot(gateway("a", off=(Service.RQUOTAD,), services=()))))

    of_it = {
        (name, dict(labels).get("state")): value
        for (name, labels), value in found.items()
        if ("service", "rquotad") in labels
    }
    states = {("hostnfsd_service_state", s): float(s is ServiceState.OFF) for s in ServiceState}
    assert of_it == {("hostnfsd_service_serving", None): 0.0} | states


def test_durations_are_observed() -> None:
    metrics = Metrics()
    metrics.recovered("dev-gw", 0.3)
    metrics.keepalive_rtt("dev-gw", 0.002)
    metrics.probed("dev-gw", Service.NFS, "gateway", 0.004)
    metrics.probe_failed("dev-gw", Service.NFS, "gateway")

    found = values(scrape(snapshot(), metrics))

    probe = {"gateway": "dev-gw", "service": "nfs", "side": "gateway"}
    recovery = {"gateway": "dev-gw"}
    assert at(found, "hostnfsd_tunnel_recovery_seconds_bucket", **recovery, le="0.25") == 0
    assert at(found, "hostnfsd_tunnel_recovery_seconds_bucket", **recovery, le="0.5") == 1
    assert at(found, "hostnfsd_tunnel_recovery_seconds_sum", **recovery) == 0.3
    assert at(found, "hostnfsd_tunnel_keepalive_rtt_seconds_count", **recovery) == 1
    assert at(found, "hostnfsd_probe_duration_seconds_count", **probe) == 1
    assert at(found, "hostnfsd_probe_failures_total", **probe) == 1


def test_a_gateway_that_a_reload_removed_leaves_no_series() -> None:
    metrics = Metrics()
    metrics.recovered("gone", 1)
    metrics.probed("gone", Service.NFS, "host", 1)
    metrics.probe_failed("gone", Service.NFS, "host")

    found = values(scrape(snapshot(), metrics))

    assert not [labels for _, labels in found if ("gateway", "gone") in labels]


def test_a_service_that_is_not_carried_leaves_no_series() -> None:
    metrics = Metrics()
    metrics.probed("dev-gw", Service.RQUOTAD, "host", 1)
    carried = gateway(services=(service(Service.NFS),))

    found = values(scrape(snapshot(carried), metrics))

    assert not [labels for _, labels in found if ("service", "rquotad") in labels]


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_no_created_series(accept: str) -> None:
    metrics = Metrics()
    metrics.recovered("dev-gw", 1)

    body, _ = metrics.render(snapshot(), accept=accept)

    assert b"_created" not in body


def test_openmetrics_is_valid_and_holds_the_same_series() -> None:
    metrics, whole = Metrics(), troubled()
    body, content_type = metrics.render(whole, accept=OPENMETRICS)

    families = list(parse_openmetrics(body.decode()))  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped

    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")
    assert set(values(families)) == set(values(scrape(whole, metrics)))


def test_text_is_given_to_whoever_does_not_ask_for_openmetrics() -> None:
    _, content_type = Metrics().render(snapshot(), accept="text/html,*/*")

    assert content_type == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize("name", [row.name for row in TABLE if row.kind != "histogram"])
def test_one_metric_can_be_asked_for_by_name(name: str) -> None:
    whole = troubled()
    wanted = {key for key in values(scrape(whole)) if key[0] == name}

    body, _ = Metrics().render(whole, names=[name])

    assert set(values(parse_text(body.decode()))) == wanted != set()


def test_a_histogram_can_be_asked_for_by_name() -> None:
    body, _ = Metrics().render(snapshot(), names=["hostnfsd_tunnel_recovery_seconds_count"])

    assert {name for name, _ in values(parse_text(body.decode()))} == {
        "hostnfsd_tunnel_recovery_seconds_count"
    }


def test_counters_do_not_fall_between_scrapes() -> None:
    metrics, first = Metrics(), snapshot()
    metrics.probe_failed("dev-gw", Service.NFS, "host")
    before = values(scrape(first, metrics))
    grown = with_service(gateway(attempts=4), replace(service(Service.NFS), connections_total=1))
    after = values(scrape(snapshot(grown), metrics))

    for key, value in before.items():
        if key[0].endswith(("_total", "_count", "_bucket")):
            assert after[key] >= value


def test_the_process_is_measured() -> None:
    found = values(scrape(snapshot()))

    assert at(found, "process_resident_memory_bytes") > 1 << 20
    assert at(found, "process_virtual_memory_bytes") >= at(found, "process_resident_memory_bytes")
    assert 0 < at(found, "process_open_fds") <= at(found, "process_max_fds")
    assert at(found, "process_cpu_seconds_total") > 0
    assert at(found, "process_start_time_seconds") == snapshot().started
    assert all(math.isfinite(value) for (name, _), value in found.items() if "max_fds" not in name)


def test_the_global_registry_is_left_alone() -> None:
    before = prometheus_client.generate_latest()
    Metrics().render(snapshot())

    assert b"hostnfsd" not in before
    assert b"hostnfsd" not in prometheus_client.generate_latest()


def test_connections_without_a_reserved_port_are_counted() -> None:
    name = "hostnfsd_reserved_port_fallbacks_total"

    assert at(values(scrape(troubled())), name, service="nfs") == 3
