"""Calls of real clients: counted by procedure, waited for at a stop, told of when they hang."""

import itertools
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hostnfsd.services import FACTS, Service
from hostnfsd.sunrpc import rpc
from hostnfsd.sunrpc.record import encode as mark
from hostnfsd.sunrpc.xdr import encode
from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.daemon import Daemon
from tests.bed.nfs_server import EXPORT, NfsOptions
from tests.bed.waiting import wait_until

MIB = 1024 * 1024
NLM_TEST = 1
V3 = "vers=3,proto=tcp,port=2049,mountproto=tcp,mountport=20048,nolock"


def call(xid: int, service: Service, version: int, procedure: int = 0) -> bytes:
    program = FACTS[service].program
    return mark(encode(rpc.Call(xid, program, version, procedure)))


def dial(bed: Bed, port: int = 2049) -> socket.socket:
    return bed.network.pod.connect(network.GATEWAY, port, timeout_s=30)


def calls(daemon: Daemon, service: str, procedure: str) -> float:
    return daemon.metric("hostnfsd_rpc_calls_total", service=service, procedure=procedure)


def errors(daemon: Daemon, kind: str, **labels: str) -> float:
    return daemon.metric("hostnfsd_rpc_errors_total", kind=kind, **labels)


def named(daemon: Daemon, service: str) -> set[str]:
    """The procedures of a service that have series."""
    return {
        dict(labels)["procedure"]
        for (name, labels) in daemon.metrics()
        if name == "hostnfsd_rpc_calls_total" and ("service", service) in labels
    }


def moved(daemon: Daemon, procedure: str, direction: str) -> float:
    return daemon.metric(
        "hostnfsd_rpc_bytes_total", service="nfs", procedure=procedure, direction=direction
    )


def test_what_libnfs_does_is_counted_by_procedure(own_bed: Bed, tmp_path: Path) -> None:
    daemon = own_bed.daemon({"probe": {"interval_s": 1, "timeout_s": 1}})
    daemon.await_ready()
    source = tmp_path / "source"
    source.write_bytes(bytes(4 * MIB))
    own_bed.libnfs.store(source, "stored")
    own_bed.libnfs.fetch("stored", tmp_path / "fetched")
    daemon.wait_until(lambda: daemon.metric("hostnfsd_connections") == 0, "the end of both")

    assert calls(daemon, "mountd", "mnt") == 2
    assert calls(daemon, "nfs", "create") == 1
    for procedure, there, back in (("write", 4 * MIB, 0), ("read", 0, 4 * MIB)):
        count = calls(daemon, "nfs", procedure)
        assert count >= 4
        answered = daemon.metric(
            "hostnfsd_rpc_duration_seconds_count", service="nfs", procedure=procedure
        )
        assert answered == count
        for direction, payload in (("to_host", there), ("to_client", back)):
            overhead = moved(daemon, procedure, direction) - payload
            assert 20 * count <= overhead <= 400 * count
    assert daemon.metric("hostnfsd_rpc_duration_seconds_sum", service="nfs") > 0
    assert daemon.metric("hostnfsd_rpc_untracked_connections_total") == 0
    assert errors(daemon, "rpc") == errors(daemon, "unanswered") == 0
    # Nobody but our own probes has been there, and these do not count.
    assert daemon.metric("hostnfsd_probe_duration_seconds_count", service="rquotad") > 1
    assert named(daemon, "rquotad") == named(daemon, "status") == set()
    # libnfs calls NULL once for each connection it makes.
    for service in ("nfs", "mountd"):
        made = daemon.metric("hostnfsd_connections_total", service=service)
        assert calls(daemon, service, "null") <= made


def test_an_error_of_the_server_is_counted_as_such(own_bed: Bed) -> None:
    daemon = own_bed.daemon()
    daemon.await_ready()
    with pytest.raises(Exception, match=r"nfs-cat|NOENT|exit"):
        own_bed.libnfs.read("not-there")
    with dial(own_bed) as client:  # version 9 of NFS: PROG_MISMATCH, RFC 5531 section 9
        client.sendall(call(1, Service.NFS, 9))
        assert client.recv(100)

    daemon.wait_until(
        lambda: errors(daemon, "status", service="nfs", procedure="lookup") == 1, "the lookup"
    )
    assert errors(daemon, "rpc", service="nfs", procedure="other") == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [(V3, {"fsinfo", "lookup", "read", "write"}), ("vers=4.1,port=2049", {"compound"})],
    ids=["v3", "v4.1"],
)
def test_a_kernel_client_is_followed(
    make_bed: Callable[[BedOptions], Bed], options: str, expected: set[str]
) -> None:
    own_bed = make_bed(BedOptions(nfs=NfsOptions(protocols="3, 4")))
    daemon = own_bed.daemon()
    daemon.await_ready()
    (own_bed.share / "data").write_bytes(bytes(8 * MIB))
    own_bed.kernel.mount(f"{network.GATEWAY_NAME}:{EXPORT}", options)
    own_bed.kernel.run(
        "cat /mnt/nfs/data > /dev/null && head -c 8388608 /dev/zero > /mnt/nfs/back", timeout_s=60
    )
    own_bed.kernel.unmount()
    daemon.wait_until(lambda: daemon.metric("hostnfsd_connections") == 0, "the unmount")

    assert expected <= named(daemon, "nfs")
    assert "other" not in named(daemon, "nfs")
    for direction in ("to_host", "to_client"):
        assert daemon.metric("hostnfsd_rpc_bytes_total", direction=direction) > 8 * MIB
    assert daemon.metric("hostnfsd_rpc_untracked_connections_total") == 0
    assert errors(daemon, "unanswered") == 0


def test_a_call_that_hangs_is_told_and_a_stop_waits_for_it(own_bed: Bed) -> None:
    daemon = own_bed.daemon({"tunnel": {"drain_timeout_s": 30}})
    daemon.await_ready()
    with dial(own_bed) as busy, dial(own_bed) as idle:
        idle.sendall(call(1, Service.NFS, 3))
        assert len(idle.recv(100)) == 28
        own_bed.nfs.freeze()
        busy.sendall(call(2, Service.NFS, 3))
        daemon.wait_until(
            lambda: daemon.metric("hostnfsd_rpc_oldest_call_seconds", service="nfs") > 5,
            "the call to grow old",
        )
        assert "1 unanswered, the oldest call for" in daemon.command("status").output

        daemon.process.send(signal.SIGTERM)
        started = time.monotonic()
        assert idle.recv(100) == b""
        assert time.monotonic() - started < 2
        busy.settimeout(1)
        with pytest.raises(TimeoutError):
            busy.recv(100)
        assert daemon.running
        own_bed.nfs.thaw()
        busy.settimeout(30)
        answer = busy.recv(100)
        assert answer[4:8] == bytes.fromhex("00000002")
        assert busy.recv(100) == b""
    assert daemon.process.wait(10) == 0


def test_an_idle_kernel_mount_does_not_delay_a_stop_and_survives_it(own_bed: Bed) -> None:
    daemon = own_bed.daemon({"tunnel": {"drain_timeout_s": 30}})
    daemon.await_ready()
    (own_bed.share / "hello").write_text("from the host\n")
    own_bed.kernel.mount(f"{network.GATEWAY_NAME}:{EXPORT}", V3)
    own_bed.kernel.run("cat /mnt/nfs/hello")
    wait_until(lambda: daemon.metric("hostnfsd_connections") > 0, "the mount's connection")

    started = time.monotonic()
    daemon.terminate()
    assert time.monotonic() - started < 5

    daemon.start()
    daemon.await_ready()
    seen = own_bed.kernel.run("echo 3 > /proc/sys/vm/drop_caches; cat /mnt/nfs/hello")
    assert seen.output == "from the host\n"
    own_bed.kernel.unmount()


def test_calls_lost_with_the_tunnel_are_unanswered_and_counts_go_on(own_bed: Bed) -> None:
    daemon = own_bed.daemon()
    daemon.await_ready()
    xids = itertools.count(1)
    with dial(own_bed) as client:
        client.sendall(call(next(xids), Service.NFS, 3))
        assert client.recv(100)
        own_bed.nfs.freeze()
        client.sendall(call(next(xids), Service.NFS, 3))
        daemon.wait_until(lambda: calls(daemon, "nfs", "null") == 2, "the call")
        own_bed.gateway.kill_sessions()
        daemon.wait_until(lambda: errors(daemon, "unanswered") == 1, "the loss to be counted")
    own_bed.nfs.thaw()
    daemon.await_ready()
    with dial(own_bed) as client:
        client.sendall(call(next(xids), Service.NFS, 3))
        assert client.recv(100)

    daemon.wait_until(lambda: calls(daemon, "nfs", "null") == 3, "the count to go on")
    assert daemon.metric("hostnfsd_rpc_untracked_connections_total") == 0


#: What a client may send that cannot be followed, and the reason that is told.
UNTRACKED = {
    "oversize": bytes.fromhex("16030100c8010000c40303") + bytes(100),  # a TLS ClientHello
    "garbage": mark(bytes(64)),
    "half-open": call(1, Service.NFS, 3)[:30],
}


def test_what_cannot_be_followed_is_counted_and_relayed(own_bed: Bed) -> None:
    daemon = own_bed.daemon()
    daemon.await_ready()

    def untracked() -> float:
        return daemon.metric("hostnfsd_rpc_untracked_connections_total", service="nfs")

    for reason, sent in UNTRACKED.items():
        before = untracked()
        with dial(own_bed) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            daemon.wait_until(lambda: untracked() > before, f"{reason} to be counted")  # noqa: B023  # waited for here
        assert untracked() == before + 1
        daemon.await_log(f"reason={reason}")
    assert not named(daemon, "nfs")
    total = sum(map(len, UNTRACKED.values()))
    labels = {"service": "nfs", "direction": "to_host"}
    assert daemon.metric("hostnfsd_relayed_bytes_total", **labels) == total
    daemon.wait_until(lambda: daemon.metric("hostnfsd_connections") == 0, "all to leave")

    own_bed.libnfs.names()  # the next client is followed
    assert "null" in named(daemon, "nfs")


def test_a_client_that_asks_for_locks_is_told_to_mount_with_nolock(own_bed: Bed) -> None:
    daemon = own_bed.daemon({"metrics": {"rpc": False}})
    daemon.await_ready()
    for xid, procedure in enumerate((0, NLM_TEST, NLM_TEST), start=1):
        with dial(own_bed, 32803) as client:
            client.sendall(call(xid, Service.NLOCKMGR, 4, procedure))
            assert client.recv(100)
        if procedure == 0:
            assert "nlm_calls" not in daemon.log
    daemon.await_log("nlm_calls")

    assert daemon.log.count("nlm_calls") == 1
    status = daemon.command("status").output
    assert f"{network.POD} asks for locks" in status
    assert "nolock" in status
    assert not [name for name, _ in daemon.metrics() if name.startswith("hostnfsd_rpc_")]
