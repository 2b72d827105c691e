"""The host's services change their ports, and rpcbind comes and goes: clients do not notice."""

import signal
import time
from typing import Any, Final

import pytest

from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.daemon import Daemon
from tests.bed.libnfs import sha256
from tests.bed.nfs_server import EXPORT, NfsOptions, NfsPorts
from tests.bed.transfer import SIZE, await_relayed, write_random

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ELSEWHERE: Final = NfsPorts(nfs=12049, mountd=892, nlockmgr=4001, rquotad=4002)
#: Seconds: more than a connection of the daemon's must have stood for its end to be told.
MEANS_SOMETHING_S: Final = 0.5
SOURCE: Final = f"{network.GATEWAY_NAME}:{EXPORT}"
OPTIONS: Final = "vers=3,proto=tcp,port=2049,mountproto=tcp,mountport=20048,nolock,retry=0"


def view(daemon: Daemon, service: str) -> dict[str, Any]:
    """What status says of a service."""
    views: list[dict[str, Any]] = daemon.status()["gateways"][0]["services"]
    return next(v for v in views if v["service"] == service)


def place(daemon: Daemon, service: str) -> tuple[int, str]:
    found = view(daemon, service)
    return found["host_port"], found["host_port_origin"]


def await_place(daemon: Daemon, service: str, port: int, origin: str) -> None:
    daemon.wait_until(
        lambda: place(daemon, service) == (port, origin), f"{service} at {port}, {origin}"
    )


def await_tripwire(daemon: Daemon, bed: Bed) -> None:
    """Wait until the daemon has a connection to mountd that means something when it ends."""
    since: dict[str, float] = {}

    def stands() -> bool:
        command = ("ss", "-Htn", "state", "established", "dport = :20048")
        now = time.monotonic()
        sources = {line.split()[2] for line in bed.nfs.box.run(*command).output.splitlines()}
        for gone in since.keys() - sources:
            del since[gone]
        return any(now - since.setdefault(source, now) > MEANS_SOMETHING_S for source in sources)

    daemon.wait_until(stands, "a connection to mountd that has stood")


def write_and_read(bed: Bed, words: str) -> None:
    """Mount anew, write, read, unmount."""
    bed.kernel.mount(SOURCE, OPTIONS)
    try:
        assert (
            bed.kernel.run(f"echo {words} > /mnt/nfs/f && cat /mnt/nfs/f").output.strip() == words
        )
    finally:
        bed.kernel.unmount()
    assert (bed.share / "f").read_text().strip() == words


def test_everything_moves_under_a_mounted_client_that_writes(own_bed: Bed) -> None:
    bed = own_bed
    daemon = bed.daemon()
    daemon.await_ready()
    bed.kernel.mount(SOURCE, OPTIONS)
    source = bed.share / "source"
    write_random(source)
    listening = bed.network.gateway.listening()
    copying = bed.kernel.start("cp /mnt/nfs/source /mnt/nfs/copy && sync")
    await_relayed(daemon, "to_host", SIZE // 16)

    bed.nfs.restart_ganesha(NfsOptions(ports=ELSEWHERE))

    assert not copying.done, "the transfer was over before the server moved"
    await_place(daemon, "nfs", 12049, "rpcbind")
    await_place(daemon, "mountd", 892, "rpcbind")
    copying.wait(timeout_s=120)
    assert sha256(bed.share / "copy") == sha256(source)
    bed.kernel.unmount()
    daemon.await_ready()
    assert bed.network.gateway.listening() == listening
    assert daemon.metric("hostnfsd_tunnel_connect_attempts_total") == 1
    assert daemon.metric("hostnfsd_host_port", service="mountd") == 892
    assert daemon.log.count("forward_bound") == 0
    daemon.await_log("host_port_moved")
    write_and_read(bed, "moved")


def test_the_first_client_after_a_move_is_served(own_bed: Bed) -> None:
    """It is his own connection that finds the port out: probes are an hour apart."""
    bed = own_bed
    daemon = bed.daemon({"probe": {"interval_s": 3600, "mount_interval_s": 3600}})
    daemon.await_ready()

    bed.nfs.restart_ganesha(NfsOptions(ports=ELSEWHERE))
    names = bed.libnfs.names()

    assert names == []
    assert place(daemon, "nfs") == (12049, "rpcbind")
    assert place(daemon, "mountd") == (892, "rpcbind")
    refused = daemon.metric("hostnfsd_connections_refused_total", reason="host-down")
    assert refused == 0


def test_without_rpcbind_the_usual_ports_are_assumed_and_versions_learned(own_bed: Bed) -> None:
    bed = own_bed
    bed.nfs.signal_rpcbind(signal.SIGKILL)
    daemon = bed.daemon({"services": {"rpcbind": False}})
    daemon.await_ready()

    daemon.await_log("rpcbind_silent")
    assert place(daemon, "nfs") == (2049, "assumed")
    assert place(daemon, "mountd") == (20048, "assumed")
    assert view(daemon, "nfs")["versions"] == [3]
    assert view(daemon, "mountd")["versions"] == [1, 3]
    assert "rpcbind" in daemon.command("status").output
    assert bed.libnfs.names() == []
    daemon.await_log("mount_allowed")

    # Its table is empty: the services do not know that they have to register again.
    bed.nfs.start_rpcbind()
    daemon.await_log("rpcbind_answers")
    assert "100005" not in bed.nfs.registered()
    assert bed.libnfs.names() == []
    assert place(daemon, "mountd") == (20048, "assumed")

    bed.nfs.restart_ganesha(NfsOptions(ports=ELSEWHERE))
    await_place(daemon, "mountd", 892, "rpcbind")
    daemon.await_ready()
    assert bed.libnfs.names() == []
    assert daemon.log.count("rpcbind_silent") == 1


def test_rpcbind_forgets_and_the_daemon_does_not(own_bed: Bed) -> None:
    """rpcbind restarted: the rows are lost, the services still run where they were."""
    bed = own_bed
    bed.nfs.restart_ganesha(NfsOptions(ports=ELSEWHERE))
    daemon = bed.daemon()
    daemon.await_ready()
    await_place(daemon, "mountd", 892, "rpcbind")

    bed.nfs.signal_rpcbind(signal.SIGKILL)
    daemon.command("reload", check=True)  # looks at everything again
    await_place(daemon, "mountd", 892, "last-known")
    assert bed.libnfs.names() == []
    bed.nfs.start_rpcbind()
    daemon.await_log("rpcbind_answers")

    assert "100005" not in bed.nfs.registered()
    assert place(daemon, "mountd") == (892, "last-known")
    assert place(daemon, "nfs") == (12049, "last-known")
    assert view(daemon, "mountd")["versions"] == [1, 3]
    daemon.await_service("nfs", "serving")
    assert bed.libnfs.names() == []


def test_rows_of_a_server_that_was_killed(own_bed: Bed) -> None:
    """They stay. What was seen keeps its versions; a server that comes back elsewhere is found."""
    bed = own_bed
    daemon = bed.daemon()
    daemon.await_ready()

    bed.nfs.kill_ganesha()
    assert "100005" in bed.nfs.registered()
    daemon.await_service("mountd", "host-down")
    daemon.await_service("nfs", "host-down")
    assert place(daemon, "mountd")[0] == 20048
    assert view(daemon, "mountd")["versions"] == [1, 3]
    assert not daemon.ready()

    # It takes its old rows down as it starts, and goes elsewhere.
    bed.nfs.start_ganesha(NfsOptions(ports=ELSEWHERE))
    daemon.await_ready()
    assert place(daemon, "mountd") == (892, "rpcbind")
    assert bed.libnfs.names() == []


def test_rpcbind_is_asked_over_ipv6_too(own_bed: Bed) -> None:
    """There it does not speak version 2. Of the bed's services statd alone listens on IPv6."""
    bed = own_bed
    bed.nfs.restart_ganesha(NfsOptions(ports=ELSEWHERE))
    daemon = bed.daemon({"host": {"address": "::1"}})
    daemon.await_phase("up")

    await_place(daemon, "mountd", 892, "rpcbind")
    await_place(daemon, "status", 662, "rpcbind")
    daemon.await_service("status", "serving")
    daemon.await_service("mountd", "host-down")
    assert view(daemon, "status")["versions"] == [1]
    assert "rpcbind_silent" not in daemon.log


def test_a_server_of_version_4_alone_has_no_mountd(own_bed: Bed) -> None:
    bed = own_bed
    bed.nfs.restart_ganesha(NfsOptions(protocols="4"))
    daemon = bed.daemon({"services": {"mountd": {"required": False}}})
    daemon.await_service("nfs", "serving")

    assert view(daemon, "nfs")["versions"] == [4]
    assert "mount_denied" not in daemon.log
    daemon.await_service("mountd", "absent", "serving")


def test_a_server_that_restarts_between_two_probes_with_other_exports(own_bed: Bed) -> None:
    """At the same ports, in half a second: its end and its return are noticed nevertheless."""
    bed = own_bed
    daemon = bed.daemon({"probe": {"interval_s": 3600, "mount_interval_s": 3600}})
    daemon.await_ready()
    daemon.await_log("mount_allowed")
    await_tripwire(daemon, bed)

    bed.nfs.restart_ganesha(NfsOptions(extra="CLIENT { Clients = *; Access_Type = None; }"))

    daemon.await_service("mountd", "denied")
    assert not daemon.ready()
    await_tripwire(daemon, bed)
    bed.nfs.restart_ganesha(NfsOptions())
    daemon.await_service("mountd", "serving")
    daemon.await_ready()


def test_a_server_that_comes_back_and_admits_nobody_is_never_ready(own_bed: Bed) -> None:
    """Not even for the moment between its first answer and the trial mount."""
    bed = own_bed
    daemon = bed.daemon()
    daemon.await_ready()
    bed.nfs.kill_ganesha()
    daemon.wait_until(lambda: not daemon.ready(), "the fault to be seen")

    def denied() -> bool:
        assert not daemon.ready(), "ready before an export was mounted"
        state = view(daemon, "mountd")["families"]["ipv4"]["state"]
        assert state != "serving"
        return bool(state == "denied")

    bed.nfs.start_ganesha(NfsOptions(extra="CLIENT { Clients = *; Access_Type = None; }"))
    daemon.wait_until(denied, "the denial")
    bed.nfs.restart_ganesha(NfsOptions())
    daemon.await_ready()
