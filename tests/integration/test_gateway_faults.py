"""What gateways do to tunnels: absent, killed, frozen, cut off, changed, locked."""

import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.box import Box
from tests.bed.gateway import SshdOptions
from tests.bed.libnfs import sha256
from tests.bed.nfs_server import EXPORT
from tests.bed.tcp_service import PORT, SERVICES, Server
from tests.bed.transfer import SIZE, await_relayed, write_random
from tests.bed.waiting import wait_until

MakeBed = Callable[[BedOptions], Bed]


def test_kill_of_the_session_process_is_mended_at_once(own_bed: Bed) -> None:
    daemon = own_bed.daemon()
    daemon.await_ready()

    assert own_bed.gateway.kill_sessions() == 1

    daemon.wait_until(
        lambda: daemon.metric("hostnfsd_tunnel_recovery_seconds_count") == 1, "the recovery"
    )
    assert daemon.ready()
    assert daemon.metric("hostnfsd_tunnel_losses_total", reason="closed") == 1
    assert daemon.metric("hostnfsd_tunnel_recovery_seconds_sum") < 5


def test_kill_of_sshd_itself_leaves_the_tunnel_and_then_delays_it(own_bed: Bed) -> None:
    daemon = own_bed.daemon()
    daemon.await_ready()

    own_bed.gateway.kill_listener()
    assert own_bed.network.pod.accepts(network.GATEWAY, 2049)

    own_bed.gateway.kill_sessions()
    daemon.wait_until(
        lambda: daemon.metric("hostnfsd_tunnel_connect_failures_total", kind="unreachable") >= 2,
        "attempts to be refused",
    )
    assert not daemon.ready()
    own_bed.gateway.start()
    daemon.await_ready()


def test_gateway_absent_at_start_and_coming_up_later(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(start=False))
    bed.nfs.start()
    daemon = bed.daemon()
    daemon.await_phase("backoff", "connecting")
    daemon.wait_until(
        lambda: daemon.metric("hostnfsd_tunnel_connect_failures_total") >= 2, "attempts to fail"
    )
    status = daemon.command("status")
    assert status.status == 1
    assert "nothing listens there" in status.output

    bed.gateway.start()

    daemon.await_ready()
    bed.kernel.mount(f"{network.GATEWAY_NAME}:{EXPORT}")


def test_frozen_gateway_behind_an_acknowledging_proxy_is_noticed_in_time(make_bed: MakeBed) -> None:
    """Docker Desktop's proxy acknowledges for a gateway that is paused: only SSH can notice."""
    bed = make_bed(BedOptions(through_proxy=True))
    daemon = bed.daemon()
    daemon.await_ready()

    bed.gateway.freeze()
    started = time.monotonic()
    daemon.wait_until(
        lambda: daemon.metric("hostnfsd_tunnel_losses_total", reason="keepalive") == 1,
        "the loss to be noticed",
    )
    noticed_s = time.monotonic() - started
    bed.gateway.thaw()

    # 3 s x (2 + 1) by the defaults, and what a busy machine adds.
    assert noticed_s < 11
    daemon.await_ready(timeout_s=30)


def test_cut_network_is_noticed_and_healed(make_bed: MakeBed) -> None:
    sshd = SshdOptions(client_alive_interval_s=5, client_alive_count_max=2)
    bed = make_bed(BedOptions(sshd=sshd))
    daemon = bed.daemon()
    daemon.await_ready()

    bed.network.cut()
    daemon.wait_until(lambda: daemon.metric("hostnfsd_tunnel_losses_total") == 1, "the loss")
    assert not daemon.ready()
    bed.network.heal()

    daemon.await_ready(timeout_s=40)


def test_network_that_comes_back_ends_the_wait(own_bed: Bed) -> None:
    """The kernel tells of a link, an address or a route: nobody waits for the timer then."""
    link = ("ip", "link", "set", "gateway")
    own_bed.network.host.run(*link, "down")
    # Between attempts lie up to five seconds, at random: wait for a long one.
    daemon = own_bed.daemon({"tunnel": {"backoff_min_s": 30}})
    daemon.await_phase("backoff")

    def retry_at() -> float | None:
        found: float | None = daemon.status()["gateways"][0]["retry_at"]
        return found if found is not None and found > time.time() + 3 else None

    due = daemon.wait_until(retry_at, "a long wait", timeout_s=60)
    own_bed.network.host.run(*link, "up")

    daemon.wait_until(lambda: daemon.status()["gateways"][0]["phase"] == "up", "the tunnel")
    assert time.time() < due - 1
    daemon.await_ready()


def test_refused_key_blocks_and_says_what_to_do(own_bed: Bed) -> None:
    own_bed.gateway.authorize()
    daemon = own_bed.daemon()
    daemon.await_phase("blocked")
    status = daemon.command("status").output
    assert "refused our login" in status
    assert "authorized_keys" in status
    assert daemon.metric("hostnfsd_tunnel_connect_failures_total", kind="auth") == 1

    own_bed.gateway.authorize(own_bed.public_key)
    daemon.command("reconnect", check=True)

    daemon.await_ready(timeout_s=20)
    assert daemon.metric("hostnfsd_tunnel_connect_attempts_total") == 2


def test_changed_host_key_blocks_until_known_hosts_is_mended(own_bed: Bed) -> None:
    daemon = own_bed.daemon()
    daemon.await_ready()

    own_bed.gateway.stop()
    own_bed.gateway.new_host_key()
    own_bed.gateway.start()

    daemon.await_phase("blocked")
    assert "has CHANGED" in daemon.command("status").output
    own_bed.learn_host_key()  # noticed without being told
    daemon.await_ready()


def test_accept_new_records_the_first_key_and_refuses_a_changed_one(own_bed: Bed) -> None:
    own_bed.known_hosts.unlink()
    daemon = own_bed.daemon({"gateway": {"dev-gw": {"host_key_policy": "accept-new"}}})
    daemon.await_ready()
    recorded = own_bed.known_hosts.read_text()
    assert own_bed.gateway.host_key in recorded

    own_bed.gateway.stop()
    own_bed.gateway.new_host_key()
    own_bed.gateway.start()

    daemon.await_phase("blocked")
    assert own_bed.known_hosts.read_text() == recorded


def test_killed_nfs_server_is_host_down_and_serves_again(own_bed: Bed) -> None:
    daemon = own_bed.daemon()
    daemon.await_ready()
    own_bed.kernel.mount(f"{network.GATEWAY_NAME}:{EXPORT}")

    own_bed.nfs.kill_ganesha()
    daemon.await_service("nfs", "host-down")
    assert daemon.metric("hostnfsd_tunnel_losses_total") == 0
    writing = own_bed.kernel.start("echo survived > /mnt/nfs/file && sync")
    own_bed.nfs.restart_ganesha()

    daemon.await_ready()
    writing.wait(timeout_s=90)
    assert (own_bed.share / "file").read_text() == "survived\n"


class Late(Server):
    """Echoes; but what asks for patience is echoed only when the test says so."""

    def __init__(self, box: Box) -> None:
        self.release = threading.Event()
        super().__init__(box)

    def serve(self, connection: socket.socket) -> None:
        """Echo until the end of file."""
        while data := connection.recv(64):
            if data == b"patience":
                self.release.wait(60)
            connection.sendall(data)


def exchange(client: socket.socket, data: bytes) -> bytes:
    client.settimeout(20)
    client.sendall(data)
    return client.recv(64)


def test_stop_waits_for_what_is_unanswered_and_for_nobody_else(bed: Bed) -> None:
    with Late(bed.network.host) as service, ExitStack() as stack:
        # A stop that waits for the deadline instead of the answer would fail the test.
        daemon = bed.daemon({**SERVICES, "tunnel": {"drain_timeout_s": 60}})
        daemon.await_ready()
        idle, asking = [
            stack.enter_context(bed.network.pod.connect(network.GATEWAY, PORT)) for _ in range(2)
        ]
        assert exchange(idle, b"done") == exchange(asking, b"done") == b"done"
        asking.sendall(b"patience")
        # Until it has gone through, the connection looks idle.
        daemon.wait_until(
            lambda: (
                daemon.metric(
                    "hostnfsd_relayed_bytes_total", service="rquotad", direction="to_host"
                )
                == len(b"donedonepatience")
            ),
            "the question to be passed on",
        )

        daemon.process.send(signal.SIGTERM)
        daemon.await_log("daemon_stopping")

        assert idle.recv(1) == b""
        assert daemon.running
        service.release.set()
        assert asking.recv(64) == b"patience"
        assert asking.recv(1) == b""
        assert daemon.process.wait(10) == 0
    wait_until(
        lambda: not [p for _, p in bed.network.gateway.listening() if p == PORT],
        "the forwards to be closed",
    )


def test_stop_in_the_middle_of_a_transfer_costs_no_byte(own_bed: Bed) -> None:
    """The kernel copies through a daemon that is stopped, and through the next one."""
    daemon = own_bed.daemon({"tunnel": {"drain_timeout_s": 1}})
    daemon.await_ready()
    own_bed.kernel.mount(f"{network.GATEWAY_NAME}:{EXPORT}")
    source = own_bed.share / "source"
    write_random(source)
    copying = own_bed.kernel.start("cp /mnt/nfs/source /mnt/nfs/copy && sync")
    await_relayed(daemon, "to_host", SIZE // 8)

    assert daemon.terminate() == 0

    assert not copying.done
    daemon.start()
    daemon.await_ready()
    copying.wait(timeout_s=120)
    assert sha256(own_bed.share / "copy") == sha256(source)
