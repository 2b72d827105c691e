"""The metrics: a snapshot and the observed durations, rendered for Prometheus at scrape time.

Nothing is counted here that the snapshot counts already: the relay adds to plain integers, and a
scrape reads them. Only durations and failed probes are kept, through
:class:`~hostnfsd.daemon.face.Meters`. prometheus_client's global registry is never touched.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, UnknownMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from hostnfsd.daemon.endpoints import rpc_metrics
from hostnfsd.daemon.endpoints.process_metrics import process_values
from hostnfsd.daemon.metric_table import TABLE, Row
from hostnfsd.problem import Severity
from hostnfsd.services import Service
from hostnfsd.snapshot import (
    ExportsView,
    FailureKind,
    GatewayView,
    Phase,
    Reclaim,
    Refusal,
    ServiceState,
    ServiceView,
    Snapshot,
)
from hostnfsd.snapshot import Family as AddressFamily

Side = Literal["host", "gateway"]
SIDES: Final[tuple[Side, ...]] = ("host", "gateway")

Family = GaugeMetricFamily | CounterMetricFamily | UnknownMetricFamily


def _histogram(name: str) -> Histogram:
    row = next(row for row in TABLE if row.name == name)
    return Histogram(row.name, row.text, row.labels, registry=None, buckets=row.buckets)


def _only(metric: Metric, present: AbstractSet[tuple[str, str | None]]) -> Metric:
    """Without gateways and services that a reload removed, and without ``_created`` series."""
    metric.samples = [
        sample
        for sample in metric.samples
        # prometheus_client can switch these off only for the whole process.
        if not sample.name.endswith("_created")
        and (sample.labels["gateway"], sample.labels.get("service")) in present
    ]
    return metric


class Metrics:
    """The :class:`~hostnfsd.daemon.face.Meters` of the daemon, and the renderer of every metric."""

    def __init__(self) -> None:
        self._recovery = _histogram("hostnfsd_tunnel_recovery_seconds")
        self._rtt = _histogram("hostnfsd_tunnel_keepalive_rtt_seconds")
        self._probes = _histogram("hostnfsd_probe_duration_seconds")
        self._probe_failures: Counter[tuple[str, Service, Side]] = Counter()

    def recovered(self, gateway: str, seconds: float) -> None:
        """From the loss noticed to every required service serving."""
        self._recovery.labels(gateway).observe(seconds)

    def keepalive_rtt(self, gateway: str, seconds: float) -> None:
        """One keepalive request answered."""
        self._rtt.labels(gateway).observe(seconds)

    def probed(self, gateway: str, service: Service, side: Side, seconds: float) -> None:
        """One probe that ended, well or not."""
        self._probes.labels(gateway, service, side).observe(seconds)

    def probe_failed(self, gateway: str, service: Service, side: Side) -> None:
        """One probe that did not find its service."""
        self._probe_failures[gateway, service, side] += 1

    def probe_failures(self, gateway: str, service: Service, side: Side) -> int:
        """How many probes did not find this service."""
        return self._probe_failures[gateway, service, side]

    def histograms(self, snapshot: Snapshot) -> Mapping[str, Metric]:
        """The histograms by name, with a series for everything the snapshot holds, from zero."""
        present: set[tuple[str, str | None]] = set()
        for gateway in snapshot.gateways:
            present.add((gateway.name, None))
            self._recovery.labels(gateway.name)
            self._rtt.labels(gateway.name)
            for service in gateway.services:
                present.add((gateway.name, service.service))
                for side in SIDES:
                    self._probes.labels(gateway.name, service.service, side)
        metrics = (m for h in (self._recovery, self._rtt, self._probes) for m in h.collect())
        return {metric.name: _only(metric, present) for metric in metrics}

    def render(
        self, snapshot: Snapshot, accept: str = "", names: Sequence[str] = ()
    ) -> tuple[bytes, str]:
        """Everything, as one scrape reads it.

        Args:
            snapshot: what is known now.
            accept: the request's Accept header; OpenMetrics is chosen where it is asked for.
            names: the request's ``name[]``; empty for every metric.

        Returns:
            The body and its content type.
        """
        encode, content_type = choose_encoder(accept)
        openmetrics = content_type.startswith("application/openmetrics-text")
        registry = CollectorRegistry()
        registry.register(_SnapshotCollector(self, snapshot, openmetrics=openmetrics))
        if names:
            return encode(registry.restricted_registry(list(names))), content_type
        return encode(registry), content_type


class _SnapshotCollector(Collector):
    """One scrape."""

    def __init__(self, metrics: Metrics, snapshot: Snapshot, *, openmetrics: bool) -> None:
        self._metrics = metrics
        self._snapshot = snapshot
        self._openmetrics = openmetrics

    def describe(self) -> Iterator[Metric]:
        """The names without values, so that ``name[]`` finds them."""
        for row in TABLE:
            if row.kind == "histogram":
                yield Metric(row.name, row.text, row.kind)
            else:
                yield self._family(row)

    def collect(self) -> Iterator[Metric]:
        """Every metric of the table, in its order."""
        snapshot = self._snapshot
        families = {r.name: self._family(r) for r in TABLE if r.kind != "histogram"}
        _daemon(families, snapshot)
        _exports(families, snapshot.exports)
        _host(families, snapshot)
        for gateway in snapshot.gateways:
            _tunnel(families, gateway)
            _off(families, gateway)
            for service in gateway.services:
                _service(families, gateway.name, service)
                for side in SIDES:
                    failures = self._metrics.probe_failures(gateway.name, service.service, side)
                    families["hostnfsd_probe_failures_total"].add_metric(
                        (gateway.name, service.service, side), failures
                    )
        histograms = {**self._metrics.histograms(snapshot), **rpc_metrics.durations(snapshot)}
        for row in TABLE:
            yield families[row.name] if row.name in families else histograms[row.name]

    def _family(self, row: Row) -> Family:
        if row.kind == "gauge":
            return GaugeMetricFamily(row.name, row.text, labels=row.labels)
        # OpenMetrics names a counter's family without _total, where hostnfsd_connections, a gauge,
        # stands already, and allows a name once only.
        if self._openmetrics and row.name == "hostnfsd_connections_total":
            return UnknownMetricFamily(row.name, row.text, labels=row.labels)
        return CounterMetricFamily(row.name, row.text, labels=row.labels)


def _daemon(families: Mapping[str, Family], snapshot: Snapshot) -> None:
    reload = snapshot.reload
    build = (snapshot.version, snapshot.python, snapshot.asyncssh)
    families["hostnfsd_build_info"].add_metric(build, 1)
    values = {
        "hostnfsd_connections_limit": snapshot.connections_limit,
        "hostnfsd_config_last_reload_successful": reload.successful,
        "hostnfsd_config_reloads_total": reload.reloads,
        "hostnfsd_config_reload_failures_total": reload.failures,
        "hostnfsd_config_last_reload_success_timestamp_seconds": reload.last_success,
        "hostnfsd_asleep_seconds_total": snapshot.asleep_s,
        "hostnfsd_keep_awake": float(snapshot.awake is not None and snapshot.awake.held),
        **process_values(snapshot.started),
    }
    for name, value in values.items():
        families[name].add_metric((), float(value))


def _exports(families: Mapping[str, Family], view: ExportsView | None) -> None:
    if view is None or view.changed is None:
        return
    families["hostnfsd_exports_entries"].add_metric((), len(view.exports))
    families["hostnfsd_exports_mountable"].add_metric((), view.mountable)
    families["hostnfsd_exports_changed_timestamp_seconds"].add_metric((), view.changed)
    for severity in Severity:
        count = view.counts.get(severity, 0)
        families["hostnfsd_exports_problems"].add_metric((severity,), count)


def _host(families: Mapping[str, Family], snapshot: Snapshot) -> None:
    """The host has one port and one state per service, whatever the number of gateways."""
    ports: dict[Service, int] = {}
    up: dict[Service, bool] = {}
    for gateway in snapshot.gateways:
        for service in gateway.services:
            ports.setdefault(service.service, service.host_port)
            if service.host_up is not None:
                up[service.service] = service.host_up or up.get(service.service, False)
    for service_name, port in ports.items():
        families["hostnfsd_host_port"].add_metric((service_name,), port)
    for service_name, is_up in up.items():
        families["hostnfsd_host_service_up"].add_metric((service_name,), float(is_up))
    for service_name, count in snapshot.source_port_fallbacks.items():
        families["hostnfsd_reserved_port_fallbacks_total"].add_metric((service_name,), count)


def _tunnel(families: Mapping[str, Family], gateway: GatewayView) -> None:
    name = gateway.name
    families["hostnfsd_tunnel_up"].add_metric((name,), float(gateway.phase is Phase.UP))
    for phase in Phase:
        families["hostnfsd_tunnel_phase"].add_metric((name, phase), float(gateway.phase is phase))
    families["hostnfsd_tunnel_connect_attempts_total"].add_metric((name,), gateway.attempts)
    for kind in FailureKind:
        failures, losses = gateway.failures.get(kind, 0), gateway.losses.get(kind, 0)
        families["hostnfsd_tunnel_connect_failures_total"].add_metric((name, kind), failures)
        families["hostnfsd_tunnel_losses_total"].add_metric((name, kind), losses)
    for result in Reclaim:
        reclaims = gateway.reclaims.get(result, 0)
        families["hostnfsd_reclaims_total"].add_metric((name, result), reclaims)
    if gateway.up_since is not None:
        since = families["hostnfsd_tunnel_up_since_timestamp_seconds"]
        since.add_metric((name,), gateway.up_since)
    families["hostnfsd_tunnel_downtime_seconds_total"].add_metric((name,), gateway.downtime_s)


def _off(families: Mapping[str, Family], gateway: GatewayView) -> None:
    """Services that are switched off have a state and nothing else."""
    met = {family for view in gateway.services for family in view.families}
    for service in gateway.off:
        for family in sorted(met) or (AddressFamily.IPV4,):
            _state(families, (gateway.name, service, family), ServiceState.OFF)


def _state(families: Mapping[str, Family], labels: tuple[str, ...], met: ServiceState) -> None:
    serving = met is ServiceState.SERVING
    families["hostnfsd_service_serving"].add_metric(labels, float(serving))
    for state in ServiceState:
        families["hostnfsd_service_state"].add_metric((*labels, state), float(met is state))


def _service(families: Mapping[str, Family], gateway: str, view: ServiceView) -> None:
    labels = (gateway, view.service)
    for family, met in view.families.items():
        _state(families, (*labels, family), met.state)
    relayed = families["hostnfsd_relayed_bytes_total"]
    relayed.add_metric((*labels, "to_host"), view.bytes_to_host)
    relayed.add_metric((*labels, "to_client"), view.bytes_to_client)
    families["hostnfsd_connections"].add_metric(labels, view.connections)
    families["hostnfsd_connections_total"].add_metric(labels, view.connections_total)
    families["hostnfsd_connections_revoked_total"].add_metric(labels, view.revoked)
    for reason in Refusal:
        families["hostnfsd_connections_refused_total"].add_metric(
            (*labels, reason), view.refused.get(reason, 0)
        )
    if view.rpc is not None:
        rpc_metrics.count(families, labels, view.rpc)
