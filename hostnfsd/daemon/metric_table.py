"""Every metric hostnfsd exports, declared once: name, type, labels, help text.

``docs/metrics.md`` is made from this table. The specification, section 5, fixes the names; a
metric whose feature is not built is not in the table.
"""

from dataclasses import dataclass
from typing import Final, Literal

from hostnfsd.sunrpc.tap import MAX_OUTSTANDING

# From a gateway on this machine (tens of milliseconds) to an hour without a network.
RECOVERY_BUCKETS_S: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600)
# A loopback answers within a millisecond; past keepalive_interval_s times its count it is a loss.
RTT_BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
# Up to [probe] timeout_s and a little more.
PROBE_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10)
# A cached attribute is told within a millisecond; a hard mount waits for ever.
RPC_BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)


@dataclass(frozen=True, slots=True)
class Row:
    """One metric. A counter's name ends in ``_total``, as it is scraped."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...]
    text: str
    buckets: tuple[float, ...] = ()


_SERVICE: Final = ("gateway", "service")
_FAMILY: Final = ("gateway", "service", "family")
_PROBE: Final = ("gateway", "service", "side")
_PROCEDURE: Final = ("gateway", "service", "procedure")

TABLE: Final = (
    Row(
        "hostnfsd_build_info",
        "gauge",
        ("version", "python", "asyncssh"),
        "Always 1; the labels tell what runs.",
    ),
    Row("hostnfsd_tunnel_up", "gauge", ("gateway",), "1 while the tunnel is in phase up, else 0."),
    Row(
        "hostnfsd_tunnel_phase",
        "gauge",
        ("gateway", "phase"),
        "1 for the phase the tunnel is in, 0 for every other.",
    ),
    Row(
        "hostnfsd_tunnel_connect_attempts_total",
        "counter",
        ("gateway",),
        "Connection attempts begun, those that failed included.",
    ),
    Row(
        "hostnfsd_tunnel_connect_failures_total",
        "counter",
        ("gateway", "kind"),
        "Connection attempts that failed, by kind of failure.",
    ),
    Row(
        "hostnfsd_tunnel_losses_total",
        "counter",
        ("gateway", "reason"),
        "Established tunnels that were lost, by kind of failure.",
    ),
    Row(
        "hostnfsd_tunnel_up_since_timestamp_seconds",
        "gauge",
        ("gateway",),
        "When the standing session came up, in seconds since the epoch; absent without one.",
    ),
    Row(
        "hostnfsd_tunnel_downtime_seconds_total",
        "counter",
        ("gateway",),
        "Seconds without a tunnel since the daemon started, the present outage included.",
    ),
    Row(
        "hostnfsd_tunnel_recovery_seconds",
        "histogram",
        ("gateway",),
        "From a loss noticed to every required service serving again.",
        RECOVERY_BUCKETS_S,
    ),
    Row(
        "hostnfsd_tunnel_keepalive_rtt_seconds",
        "histogram",
        ("gateway",),
        "Time a keepalive request took to be answered.",
        RTT_BUCKETS_S,
    ),
    Row(
        "hostnfsd_reclaims_total",
        "counter",
        ("gateway", "result"),
        "Dead sessions of ours that may have held a port that was refused, by what became of them.",
    ),
    Row(
        "hostnfsd_service_state",
        "gauge",
        (*_FAMILY, "state"),
        "1 for the state the service is in for clients of this address family, 0 for every other.",
    ),
    Row(
        "hostnfsd_service_serving",
        "gauge",
        _FAMILY,
        "1 while the service serves clients of this address family at the gateway, else 0.",
    ),
    Row(
        "hostnfsd_host_service_up",
        "gauge",
        ("service",),
        "Whether the service answers on the host; absent while that is not known.",
    ),
    Row(
        "hostnfsd_host_port",
        "gauge",
        ("service",),
        "The port on which the service is dialled on the host.",
    ),
    Row(
        "hostnfsd_probe_duration_seconds",
        "histogram",
        _PROBE,
        "Time a probe took, whether it found its service or not.",
        PROBE_BUCKETS_S,
    ),
    Row(
        "hostnfsd_probe_failures_total",
        "counter",
        _PROBE,
        "Probes that did not find their service.",
    ),
    Row(
        "hostnfsd_relayed_bytes_total",
        "counter",
        (*_SERVICE, "direction"),
        "Payload bytes of client connections that were relayed.",
    ),
    Row("hostnfsd_connections", "gauge", _SERVICE, "Client connections that are open now."),
    Row("hostnfsd_connections_total", "counter", _SERVICE, "Client connections that were relayed."),
    Row(
        "hostnfsd_connections_refused_total",
        "counter",
        (*_SERVICE, "reason"),
        "Client connections that were turned away, by reason.",
    ),
    Row(
        "hostnfsd_connections_revoked_total",
        "counter",
        _SERVICE,
        "Client connections that were ended because a change no longer admits their originator.",
    ),
    Row(
        "hostnfsd_connections_limit",
        "gauge",
        (),
        "How many client connections the whole daemon admits at once.",
    ),
    Row(
        "hostnfsd_rpc_calls_total",
        "counter",
        _PROCEDURE,
        "Calls of clients, by procedure; counted when a call has passed whole.",
    ),
    Row(
        "hostnfsd_rpc_errors_total",
        "counter",
        (*_PROCEDURE, "kind"),
        "Calls that RPC refused, that NFS or MOUNT answered with an error, or that had no answer.",
    ),
    Row(
        "hostnfsd_rpc_bytes_total",
        "counter",
        (*_PROCEDURE, "direction"),
        "Bytes of calls and of their replies, record marks left out.",
    ),
    Row(
        "hostnfsd_rpc_duration_seconds",
        "histogram",
        _PROCEDURE,
        "From a call's first byte to its reply's last, as they pass through the daemon.",
        RPC_BUCKETS_S,
    ),
    Row(
        "hostnfsd_rpc_in_flight",
        "gauge",
        _SERVICE,
        "Calls of clients that wait for their answers; of each connection at most"
        f" {MAX_OUTSTANDING} are seen.",
    ),
    Row(
        "hostnfsd_rpc_oldest_call_seconds",
        "gauge",
        _SERVICE,
        "How long the call that waits longest for its answer has waited; 0 while none does.",
    ),
    Row(
        "hostnfsd_rpc_untracked_connections_total",
        "counter",
        _SERVICE,
        "Client connections whose calls could not be followed wholly: what passed there was no ONC"
        " RPC, a side ended in the middle of a message, more calls waited than are remembered, or a"
        " bug of ours.",
    ),
    Row(
        "hostnfsd_reserved_port_fallbacks_total",
        "counter",
        ("service",),
        "Connections to the host, those of probes included, that were made from an ordinary source"
        " port because no reserved one was left.",
    ),
    Row(
        "hostnfsd_exports_entries",
        "gauge",
        (),
        "Exports in effect. This and the other metrics of exports are absent until the file was"
        ' read, and where host.exports is "none".',
    ),
    Row(
        "hostnfsd_exports_problems",
        "gauge",
        ("severity",),
        "What is wrong with the exports file as it is now, the server's differences included.",
    ),
    Row(
        "hostnfsd_exports_mountable",
        "gauge",
        (),
        "Exports in effect that can be mounted through the tunnel.",
    ),
    Row(
        "hostnfsd_exports_changed_timestamp_seconds",
        "gauge",
        (),
        "When the exports in effect changed last, in seconds since the epoch; when they were read"
        " first, if not since.",
    ),
    Row(
        "hostnfsd_config_last_reload_successful",
        "gauge",
        (),
        "1 if the configuration read last is the one that runs, 0 if it was rejected.",
    ),
    Row(
        "hostnfsd_config_reloads_total", "counter", (), "Reloads attempted, rejected ones included."
    ),
    Row("hostnfsd_config_reload_failures_total", "counter", (), "Reloads that were rejected."),
    Row(
        "hostnfsd_config_last_reload_success_timestamp_seconds",
        "gauge",
        (),
        "When the configuration that runs was read, in seconds since the epoch.",
    ),
    Row(
        "hostnfsd_asleep_seconds_total",
        "counter",
        (),
        "Seconds this machine slept since the daemon started; no other metric counts them.",
    ),
    Row(
        "hostnfsd_keep_awake",
        "gauge",
        (),
        "1 while the daemon keeps this machine from falling asleep, else 0.",
    ),
    Row(
        "process_cpu_seconds_total",
        "counter",
        (),
        "Total user and system CPU time spent in seconds.",
    ),
    Row("process_resident_memory_bytes", "gauge", (), "Resident memory size in bytes."),
    Row("process_virtual_memory_bytes", "gauge", (), "Virtual memory size in bytes."),
    Row("process_open_fds", "gauge", (), "Number of open file descriptors."),
    Row("process_max_fds", "gauge", (), "Maximum number of open file descriptors."),
    Row(
        "process_start_time_seconds",
        "gauge",
        (),
        "Start time of the process since unix epoch in seconds.",
    ),
)
