"""Every state of a service, its cause injected for real, and what users and scripts see of it."""

from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import Any

import pytest

from tests.bed.bed import Bed, BedOptions
from tests.bed.daemon import Daemon
from tests.bed.nfs_server import NfsOptions
from tests.bed.state_faults import FAULTS, NOT_US, Fault
from tests.bed.waiting import wait_until

MakeBed = Callable[[BedOptions], Bed]
#: An NFS v3 NULL call (RFC 5531 section 9) after its record mark.
NULL = bytes.fromhex("80000028 00000007 00000000 00000002 000186a3 00000003 00000000") + bytes(16)
#: Detection takes the probe's interval (10 s) and timeout (3 s) at most, a wrong word none.
SOON_S = 20


def view(daemon: Daemon, fault: Fault) -> dict[str, Any]:
    """The family that is looked at, out of the status document; empty if it is not there."""
    with suppress(OSError, HTTPException):
        gateway = daemon.status()["gateways"][0]
        if fault.service in gateway["off"]:
            return {"state": "off"}
        for service in gateway["services"]:
            if service["service"] == fault.service:
                families: dict[str, Any] = service["families"]
                return dict(families.get(fault.family, {}))
    return {}


def await_state(daemon: Daemon, fault: Fault) -> None:
    daemon.wait_until(
        lambda: view(daemon, fault).get("state") == fault.state,
        f"{fault.service} to be {fault.state}",
        timeout_s=SOON_S,
    )


def await_serving(daemon: Daemon) -> None:
    daemon.await_ready(timeout_s=SOON_S)


def host_up(daemon: Daemon, service: str) -> float | None:
    """``hostnfsd_host_service_up``; None if it is not there."""
    wanted = ("hostnfsd_host_service_up", frozenset({("service", service)}))
    return daemon.metrics().get(wanted)


def check(daemon: Daemon, fault: Fault) -> None:
    """Everything that tells of states tells the same."""
    await_state(daemon, fault)
    labels = {"service": fault.service, "family": fault.family}
    assert daemon.metric("hostnfsd_service_state", **labels, state=fault.state) == 1
    assert daemon.metric("hostnfsd_service_state", **labels) == 1, "one state at a time"
    assert daemon.metric("hostnfsd_service_serving", **labels) == (fault.state == "serving")
    # What came in may be the first to notice: the host itself is asked a second later.
    daemon.wait_until(
        lambda: host_up(daemon, fault.service) == fault.host_up,
        f"the host's own {fault.service} to be called {fault.host_up}",
        timeout_s=5,
    )
    if fault.ready:
        await_serving(daemon)
    reply = daemon.get("/readyz")
    assert (reply.status == 200) == fault.ready, reply.body
    if not fault.ready:
        told = [(r["service"], r["family"], r["state"]) for r in reply.json()["reasons"]]
        assert (fault.service, fault.family, fault.state) in told
    status = daemon.command("status")
    assert fault.state in status.output
    assert fault.says in status.output
    assert status.status == (0 if fault.ready else 1)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", [f for f in FAULTS if f.inject is None], ids=lambda f: f.name)
def test_what_stands_from_the_start(make_bed: MakeBed, fault: Fault) -> None:
    bed = make_bed(fault.options)
    fault.prepare(bed)
    daemon = bed.daemon(fault.tables)

    check(daemon, fault)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", [f for f in FAULTS if f.inject is not None], ids=lambda f: f.name)
def test_what_happens_while_everything_serves(make_bed: MakeBed, fault: Fault) -> None:
    assert fault.inject is not None
    bed = make_bed(fault.options)
    fault.prepare(bed)
    daemon = bed.daemon(fault.tables)
    daemon.await_ready()
    mend = fault.inject(bed)

    check(daemon, fault)

    mend()
    await_serving(daemon)
    assert daemon.metric("hostnfsd_tunnel_connect_attempts_total") == 1, "the tunnel stands"


@pytest.mark.parametrize(("protocols", "state"), [("3", "denied"), ("3, 4", "serving")])
def test_what_mountd_denies_is_served_by_nfs_version_4_alone(
    make_bed: MakeBed, protocols: str, state: str
) -> None:
    daemon = make_bed(BedOptions(nfs=NfsOptions(protocols=protocols, extra=NOT_US))).daemon()

    daemon.await_service("mountd", "denied")
    daemon.await_service("nfs", state)
    assert daemon.metric("hostnfsd_service_state", service="nfs", state=state) == 1


def test_a_probe_is_nobodys_client(make_bed: MakeBed) -> None:
    """Hundreds of probes through a real sshd, in time or not, are counted nowhere."""
    bed = make_bed(BedOptions())
    daemon = bed.daemon({"probe": {"interval_s": 0.1, "timeout_s": 0.1}})
    daemon.await_ready()

    wait_until(
        lambda: daemon.metric("hostnfsd_probe_duration_seconds_count", side="gateway") > 200,
        "two hundred probes",
        timeout_s=60,
    )

    for name in (
        "hostnfsd_connections_total",
        "hostnfsd_connections",
        "hostnfsd_connections_refused_total",
        "hostnfsd_relayed_bytes_total",
        "hostnfsd_rpc_calls_total",
    ):
        assert daemon.metric(name) == 0, name


def test_a_client_on_the_gateway_itself_is_counted_though_probes_go_on(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions())
    daemon = bed.daemon({"probe": {"interval_s": 0.05, "timeout_s": 0.05}})
    daemon.await_ready()

    for _ in range(100):
        with bed.network.gateway.connect("172.22.0.12", 2049) as client:
            client.sendall(NULL)
            assert client.recv(4096)[4:8] == NULL[4:8]

    daemon.wait_until(
        lambda: daemon.metric("hostnfsd_connections_total", service="nfs") == 100,
        "a hundred clients",
    )
    assert daemon.metric("hostnfsd_rpc_calls_total", service="nfs", procedure="null") == 100
    assert daemon.metric("hostnfsd_relayed_bytes_total", service="nfs", direction="to_host") == 4400
