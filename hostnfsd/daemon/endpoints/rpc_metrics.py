"""The metrics of calls, made of the books that a snapshot shows."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    UnknownMetricFamily,
)

from hostnfsd.daemon.metric_table import RPC_BUCKETS_S, TABLE
from hostnfsd.rpc_view import RpcView
from hostnfsd.snapshot import Snapshot

#: Values of the label ``kind`` of ``hostnfsd_rpc_errors_total``.
KINDS: Final = ("rpc", "status", "unanswered")

_DURATION: Final = "hostnfsd_rpc_duration_seconds"
_BOUNDS: Final = (*(str(float(bound)) for bound in RPC_BUCKETS_S), "+Inf")

Counted = GaugeMetricFamily | CounterMetricFamily | UnknownMetricFamily


def count(families: Mapping[str, Counted], labels: tuple[str, str], view: RpcView) -> None:
    """Enter the calls to one service of one gateway; ``labels`` name these two, the latter last."""
    families["hostnfsd_rpc_in_flight"].add_metric(labels, view.in_flight)
    families["hostnfsd_rpc_oldest_call_seconds"].add_metric(labels, view.oldest_call_s or 0.0)
    families["hostnfsd_rpc_untracked_connections_total"].add_metric(labels, view.untracked)
    for entry in view.procedures:
        one = (*labels, entry.procedure)
        families["hostnfsd_rpc_calls_total"].add_metric(one, entry.calls)
        errors = (entry.rpc_errors, entry.status_errors, entry.unanswered)
        for kind, number in zip(KINDS, errors, strict=True):
            families["hostnfsd_rpc_errors_total"].add_metric((*one, kind), number)
        passed = families["hostnfsd_rpc_bytes_total"]
        passed.add_metric((*one, "to_host"), entry.bytes_to_host)
        passed.add_metric((*one, "to_client"), entry.bytes_to_client)


def durations(snapshot: Snapshot) -> Mapping[str, HistogramMetricFamily]:
    """The histogram, under its name."""
    row = next(row for row in TABLE if row.name == _DURATION)
    family = HistogramMetricFamily(row.name, row.text, labels=row.labels)
    for gateway in snapshot.gateways:
        for service in gateway.services:
            for entry in () if service.rpc is None else service.rpc.procedures:
                buckets = list(zip(_BOUNDS, accumulate(entry.durations), strict=True))
                one = (gateway.name, service.service, entry.procedure)
                family.add_metric(one, buckets, entry.seconds)
    return {row.name: family}
