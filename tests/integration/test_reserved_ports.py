"""A server that wants callers from ports below 1024: PrivilegedPort of ganesha, secure of Linux."""

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from hostnfsd.dial.ports import LOWEST_ON_LINUX, candidates
from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.daemon import Daemon
from tests.bed.nfs_server import EXPORT, NfsOptions
from tests.bed.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

MakeBed = Callable[[BedOptions], Bed]
NFS, MOUNTD = 2049, 20048
OPTIONS = f"vers=3,proto=tcp,port={NFS},mountproto=tcp,mountport={MOUNTD},nolock,retry=0"
SOURCE = f"{network.GATEWAY_NAME}:{EXPORT}"
RANGE = tuple(candidates(LOWEST_ON_LINUX, 0.0))


@pytest.fixture
def strict(make_bed: MakeBed) -> Bed:
    """A bed whose NFS server refuses calls from ordinary ports."""
    return make_bed(BedOptions(nfs=NfsOptions(privileged=True)))


def source_ports(bed: Bed, port: int) -> set[int]:
    """From where somebody on the host is connected to a port of the host."""
    told = bed.network.host.run("ss", "-Htn", "state", "established", f"dport = :{port}").output
    return {int(line.split()[2].rpartition(":")[2]) for line in told.splitlines()}


def tripwire(bed: Bed) -> set[int]:
    """The ordinary source port of the daemon's connection to nfs that carries nothing."""
    return wait_until(
        lambda: {port for port in source_ports(bed, NFS) if port >= 1024}, "the tripwire"
    )


def state(daemon: Daemon, service: str) -> dict[str, Any]:
    """What status says of a service for IPv4 clients."""
    for view in daemon.status()["gateways"][0]["services"]:
        if view["service"] == service:
            met: dict[str, Any] = view["families"]["ipv4"]
            return met
    raise AssertionError(f"{service} is not carried")


def write_and_read(bed: Bed) -> None:
    before = tripwire(bed)
    bed.kernel.mount(SOURCE, OPTIONS)
    try:
        bed.kernel.run("echo through low ports > /mnt/nfs/told && sync")
        assert (bed.share / "told").read_text() == "through low ports\n"
        assert bed.kernel.run("cat /mnt/nfs/told").output == "through low ports\n"
        ports = source_ports(bed, NFS) - before
        assert ports
        assert all(LOWEST_ON_LINUX <= port < 1024 for port in ports)
    finally:
        bed.kernel.unmount()


@contextmanager
def occupied(bed: Bed, *, but: int = 0) -> Iterator[None]:
    """Somebody on the host listens on every reserved port, the last ``but`` ones left out."""
    with ExitStack() as stack:
        taken = 0
        for port in RANGE[: len(RANGE) - but]:
            sock = stack.enter_context(bed.network.host.new_socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("0.0.0.0", port))
            except OSError as exc:
                if exc.errno != errno.EADDRINUSE:
                    raise
                continue
            sock.listen()
            taken += 1
        assert taken > len(RANGE) - but - 10
        yield


def closed_by_gateway(connection: socket.socket) -> bool:
    """Whether a client's connection ends without an answer."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def turned_away(bed: Bed) -> bool:
    """Whether a connection to mountd ends by itself, and soon."""
    with bed.network.pod.connect(network.GATEWAY, MOUNTD, timeout_s=0.5) as connection:
        try:
            return closed_by_gateway(connection)
        except TimeoutError:
            return False


def test_the_kernel_mounts_what_wants_reserved_ports(strict: Bed) -> None:
    daemon = strict.daemon()
    daemon.await_ready()

    write_and_read(strict)

    assert daemon.status()["advice"] == []
    assert "no_reserved_ports" not in daemon.log
    assert daemon.metric("hostnfsd_reserved_port_fallbacks_total") == 0


def test_it_does_so_where_the_host_is_dialled_over_ipv6(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(nfs=NfsOptions(privileged=True, bind="::")))
    daemon = bed.daemon({"host": {"address": "::1"}})
    daemon.await_ready()

    write_and_read(bed)


def test_without_the_right_the_service_is_denied_and_the_cure_is_told(strict: Bed) -> None:
    daemon = strict.daemon(without=("net_bind_service",))
    daemon.await_service("nfs", "denied")

    met = state(daemon, "nfs")
    assert "AUTH_TOOWEAK" in met["error"]
    assert "below 1024" in met["hint"]
    (advice,) = daemon.status()["advice"]
    assert "no right to source ports below 1024" in advice["text"]
    assert "CAP_NET_BIND_SERVICE" in advice["hint"]
    status = daemon.command("status").output
    assert "no right to source ports below 1024" in status
    assert not daemon.ready()
    assert daemon.metric("hostnfsd_service_state", service="nfs", state="denied") == 1

    refused = strict.kernel.run(f"mount -t nfs -o {OPTIONS} {SOURCE} /mnt/nfs", check=False)
    assert "access denied by server" in refused.output

    assert daemon.log.count("no_reserved_ports") == 1
    assert daemon.command("reload").status == 0
    daemon.await_log("no_reserved_ports", times=2)


def test_a_reload_changes_the_ports_of_new_connections(strict: Bed) -> None:
    daemon = strict.daemon({"host": {"reserved_source_port": "never"}})
    daemon.await_service("nfs", "denied")
    assert daemon.status()["advice"] == []
    assert "no_reserved_ports" not in daemon.log

    daemon.change(host={"reserved_source_port": "auto"})
    assert daemon.command("reload").status == 0

    daemon.await_ready()
    write_and_read(strict)


def test_always_has_every_service_called_from_reserved_ports(own_bed: Bed) -> None:
    daemon = own_bed.daemon({"host": {"reserved_source_port": "always"}})
    daemon.await_service("rquotad", "serving")
    with own_bed.network.pod.connect(network.GATEWAY, 875):
        ports = wait_until(lambda: source_ports(own_bed, 875), "the relay to dial")
        assert all(port < 1024 for port in ports)

    daemon.change(host={"reserved_source_port": "auto"})
    daemon.command("reload", check=True)
    with own_bed.network.pod.connect(network.GATEWAY, 875):
        ports = wait_until(lambda: source_ports(own_bed, 875), "the relay to dial")
        assert all(port >= 1024 for port in ports)


def probes(daemon: Daemon) -> float:
    """Calls to mountd that entered at the gateway."""
    return daemon.metric("hostnfsd_probe_duration_seconds_count", service="mountd", side="gateway")


def test_a_range_used_up_harms_new_clients_only(own_bed: Bed) -> None:
    """Nobody wants reserved ports here: nfs does without them, and mountd could."""
    bed, daemon = own_bed, own_bed.daemon({"probe": {"interval_s": 1, "timeout_s": 1}})
    daemon.await_ready()
    watching = tripwire(bed)
    bed.kernel.mount(SOURCE, OPTIONS)
    before = source_ports(bed, NFS)
    assert all(port < 1024 for port in before - watching)
    relayed = daemon.metric("hostnfsd_connections", service="nfs")

    def fallbacks() -> float:
        return daemon.metric("hostnfsd_reserved_port_fallbacks_total", service="nfs")

    assert fallbacks() == 0
    with occupied(bed):
        with bed.network.pod.connect(network.GATEWAY, NFS) as late:
            wait_until(lambda: source_ports(bed, NFS) > before, "the relay to dial")
            assert all(port >= 1024 for port in source_ports(bed, NFS) - before)
            assert fallbacks() >= 1
            late.settimeout(5)

            with bed.network.pod.connect(network.GATEWAY, MOUNTD) as refused:
                assert closed_by_gateway(refused)
            assert (
                daemon.metric(
                    "hostnfsd_connections_refused_total", service="mountd", reason="source-port"
                )
                == 1
            )
        # Probes find the same range used up: that is no fault of the service.
        rounds = probes(daemon)
        wait_until(lambda: probes(daemon) >= rounds + 3, "probes")
        (advice,) = daemon.status()["advice"]
        assert "no reserved source port is left towards 127.0.0.1" in advice["text"]
        assert daemon.ready()
        assert daemon.metric("hostnfsd_host_service_up", service="mountd") == 1
        # Who was connected before notices nothing, and nothing is said of the service.
        bed.kernel.run("echo goes on > /mnt/nfs/told && sync")
        assert daemon.metric("hostnfsd_connections", service="nfs") == relayed
        assert state(daemon, "mountd")["state"] == "serving"
        assert "REFUSED" in daemon.command("status", "--clients").output
        assert "source-port" in daemon.command("status", "--clients").output

    wait_until(lambda: not turned_away(bed), "mountd to be dialled from a port again")
    before_last = fallbacks()
    bed.libnfs.names()
    assert fallbacks() == before_last
    bed.kernel.unmount()


#: MOUNT v3 NULL after its record mark (RFC 5531 section 9).
NULL = bytes.fromhex("80000028 00000007 00000000 00000002 000186a5 00000003 00000000") + bytes(16)


def answered(connection: socket.socket) -> bool:
    """Whether mountd answers a call; False where the connection is closed instead."""
    try:
        connection.sendall(NULL)
        return connection.recv(4096)[4:8] == NULL[4:8]
    except (BrokenPipeError, ConnectionResetError):
        return False


def test_connections_that_use_the_range_up_harm_the_next_client_only(own_bed: Bed) -> None:
    """Several hundred clients of mountd have a port each; there is none for one more."""
    bed, daemon = own_bed, own_bed.daemon({"probe": {"interval_s": 3600}})
    daemon.await_ready()
    with ExitStack() as stack:
        held: list[socket.socket] = []
        while len(held) <= len(RANGE):
            client = bed.network.pod.connect(network.GATEWAY, MOUNTD, timeout_s=10)
            stack.enter_context(client)
            if not answered(client):
                break
            held.append(client)
        # Listeners of the machine may have some of the ports.
        assert len(RANGE) - 10 < len(held) <= len(RANGE)
        assert daemon.metric("hostnfsd_connections", service="mountd") == len(held)
        refused = {"service": "mountd", "reason": "source-port"}
        assert daemon.metric("hostnfsd_connections_refused_total", **refused) == 1

        assert all(answered(client) for client in held), "who was in before notices nothing"
        # Ports are used up towards one destination: nfs is another, and has them all.
        watching = tripwire(bed)
        with bed.network.pod.connect(network.GATEWAY, NFS):
            ports = wait_until(lambda: source_ports(bed, NFS) - watching, "the relay to dial nfs")
            assert all(port < 1024 for port in ports)
        assert daemon.metric("hostnfsd_reserved_port_fallbacks_total") == 0
        assert state(daemon, "mountd")["state"] == "serving"
        assert daemon.ready()
        (advice,) = daemon.status()["advice"]
        assert "no reserved source port is left towards 127.0.0.1 port 20048" in advice["text"]

        held.pop().close()

        def let_in() -> bool:
            with bed.network.pod.connect(network.GATEWAY, MOUNTD, timeout_s=10) as client:
                return answered(client)

        wait_until(let_in, "the next client to have the port of one that left")
    daemon.wait_until(lambda: daemon.metric("hostnfsd_connections") == 0, "all to leave")


def test_one_free_port_serves_all_services_of_the_host(own_bed: Bed) -> None:
    daemon = own_bed.daemon({"probe": {"interval_s": 3600}})
    daemon.await_ready()
    with (
        occupied(own_bed, but=1),
        own_bed.network.pod.connect(network.GATEWAY, NFS),
        own_bed.network.pod.connect(network.GATEWAY, MOUNTD),
    ):
        wait_until(lambda: RANGE[-1] in source_ports(own_bed, NFS), "the relay to dial nfs")
        wait_until(lambda: RANGE[-1] in source_ports(own_bed, MOUNTD), "the relay to dial mountd")
    assert daemon.metric("hostnfsd_reserved_port_fallbacks_total") == 0


def test_more_connections_than_ports_can_follow_each_other(own_bed: Bed) -> None:
    """A port in TIME_WAIT is had again: clients that come and go do not use the range up."""
    daemon = own_bed.daemon({"probe": {"interval_s": 3600}})
    daemon.await_ready()
    count = len(RANGE) + 100

    for number in range(count):
        with own_bed.network.pod.connect(network.GATEWAY, MOUNTD) as connection:
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b"", number

    assert daemon.metric("hostnfsd_connections_total", service="mountd") == count
    assert daemon.metric("hostnfsd_connections_refused_total", service="mountd") == 0
