"""The virtual portmapper, asked by the tools that people have, from where clients are.

The host's services listen elsewhere than the gateway's: whoever is told the host's ports or address
gets nowhere.
"""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from hostnfsd.sunrpc import portmap, record, rpc
from hostnfsd.sunrpc.portmap import Mapping, Port
from hostnfsd.sunrpc.xdr import decode, encode
from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.box import CommandError
from tests.bed.daemon import Daemon
from tests.bed.gateway import SshdOptions
from tests.bed.libnfs import Libnfs
from tests.bed.nfs_server import EXPORT, NfsOptions, NfsPorts

MakeBed = Callable[[BedOptions], Bed]

MOVED = NfsOptions(
    ports=NfsPorts(nfs=12049, mountd=40123, nlockmgr=40321, status=40662, rquotad=40875)
)
BOTH = {
    "gateway": {
        "dev-gw": {
            "listen": ["0.0.0.0", "::"],
            "client_address": [network.GATEWAY, network.GATEWAY_V6],
        }
    }
}
#: Program, version, port at the gateway.
ROWS = [
    (100000, 4, 111),
    (100000, 3, 111),
    (100000, 2, 111),
    (100003, 3, 2049),
    (100005, 3, 20048),
    (100005, 1, 20048),
    (100021, 4, 32803),
    (100024, 1, 662),
    (100011, 2, 875),
    (100011, 1, 875),
]
NETIDS = [(network.GATEWAY, "tcp"), (network.GATEWAY_V6, "tcp6")]


@pytest.fixture(scope="module")
def moved() -> Iterator[Bed]:
    """A bed whose host has its services elsewhere."""
    with Bed(BedOptions(nfs=MOVED)) as bed:
        yield bed


@pytest.fixture(scope="module")
def daemon(moved: Bed) -> Daemon:
    """A daemon that serves it in both families."""
    daemon = moved.daemon(BOTH)
    daemon.await_ready()
    return daemon


#: What sshd logs at DEBUG1 of each listener that it is asked for.
LISTENS = "server_input_global_request: rtype tcpip-forward"


def uaddr(address: str, port: int) -> str:
    return f"{address}.{port >> 8}.{port & 0xFF}"


def table(bed: Bed, *words: str) -> list[list[str]]:
    """What a tool prints below its head line."""
    output = bed.network.pod.run(*words, timeout_s=20).output
    return [line.split() for line in output.splitlines()[1:]]


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("address", [network.GATEWAY, network.GATEWAY_V6])
def test_rpcinfo_p_tells_the_gateways_ports(moved: Bed, address: str) -> None:
    rows = table(moved, "rpcinfo", "-p", address)

    assert [(int(row[0]), int(row[1]), int(row[3])) for row in rows] == ROWS
    assert {row[2] for row in rows} == {"tcp"}


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("address", [network.GATEWAY, network.GATEWAY_V6])
def test_rpcinfo_lists_every_address(moved: Bed, address: str) -> None:
    rows = table(moved, "rpcinfo", address)

    assert {(int(row[0]), int(row[1]), row[2], row[3]) for row in rows} == {
        (program, version, netid, uaddr(known, port))
        for program, version, port in ROWS
        for known, netid in NETIDS
    }


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize(("address", "netid"), NETIDS)
@pytest.mark.parametrize(("program", "version"), [row[:2] for row in ROWS])
def test_rpcinfo_reaches_what_it_was_told(
    moved: Bed, address: str, netid: str, program: int, version: int
) -> None:
    output = moved.network.pod.run(
        "rpcinfo", "-T", netid, address, str(program), str(version)
    ).output

    assert output == f"program {program} version {version} ready and waiting\n"


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize(("address", "netid"), NETIDS)
@pytest.mark.parametrize(("program", "ready"), [("nfs", [3]), ("mountd", [1, 3]), ("100021", [4])])
def test_rpcinfo_finds_the_versions(
    moved: Bed, address: str, netid: str, program: str, ready: list[int]
) -> None:
    """Its status is not looked at: it fails for versions between those that are there."""
    output = moved.network.pod.run("rpcinfo", "-T", netid, address, program, check=False).output
    lines = [line for line in output.splitlines() if line.endswith("ready and waiting")]

    assert [int(line.split()[3]) for line in lines] == ready


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize(("address", "netid"), NETIDS)
def test_rpcinfo_l_lists_where_the_client_gets_in(moved: Bed, address: str, netid: str) -> None:
    (row,) = table(moved, "rpcinfo", "-l", address, "100005", "3")

    family = "inet" if netid == "tcp" else "inet6"
    assert row[:4] == ["100005", "3", f"{family}/tcp/cots_ord", uaddr(address, 20048)]


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("address", [network.GATEWAY, network.GATEWAY_NAME, network.GATEWAY_V6])
def test_showmount_shows_the_exports(moved: Bed, address: str) -> None:
    rows = table(moved, "showmount", "-e", address)

    assert [row[0] for row in rows] == [EXPORT]


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("address", [network.GATEWAY, network.GATEWAY_V6])
def test_libnfs_mounts_without_being_told_a_port(moved: Bed, address: str) -> None:
    (moved.share / "hello").write_text("hello\n")
    client = Libnfs(moved.network.pod, address, nfs_port=None, mount_port=None)

    assert "hello" in client.names()
    assert client.read("hello") == "hello\n"


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize(
    ("source", "options"),
    [
        (network.GATEWAY_NAME, "vers=3,proto=tcp,nolock"),
        (network.GATEWAY, "vers=3,nolock"),
        (network.GATEWAY, "nolock"),
        (f"[{network.GATEWAY_V6}]", "vers=3,proto=tcp6,nolock"),
        (f"[{network.GATEWAY_V6}]", "proto=tcp6,nolock"),
    ],
)
def test_the_kernel_mounts_without_being_told_a_port(moved: Bed, source: str, options: str) -> None:
    moved.kernel.mount(f"{source}:{EXPORT}", f"{options},retry=0")
    try:
        (mounted,) = moved.kernel.run("grep ' nfs ' /proc/mounts").output.splitlines()
        assert "port=20048" in mounted or "mountport=20048" in mounted
        moved.kernel.run("echo here > /mnt/nfs/from-kernel && sync")
        assert (moved.share / "from-kernel").read_text() == "here\n"
        shown = moved.network.pod.run("showmount", "-a", network.GATEWAY).output
        assert shown.startswith(f"All mount points on {network.GATEWAY}:")
    finally:
        moved.kernel.run("umount /mnt/nfs")


def told(sock: socket.socket, program: int, version: int, protocol: int) -> int:
    """The port that the portmapper tells on a connection."""
    arguments = encode(Mapping(program, version, protocol))
    sock.sendall(record.encode(encode(rpc.Call(7, portmap.PROGRAM, portmap.VERSION, 3, arguments))))
    reader, raw = record.RecordReader(1000), None
    while raw is None and (data := sock.recv(1000)):
        raw = next(reader.feed(data), None)
    assert raw is not None
    message = rpc.decode_message(raw)
    assert isinstance(message, rpc.Accepted)
    assert isinstance(message.outcome, rpc.Success)
    return decode(Port, message.outcome.results).number


def getport(bed: Bed, program: int, version: int, protocol: int) -> int:
    """The port that the portmapper tells, over TCP."""
    with closing(bed.network.pod.connect(network.GATEWAY, 111)) as sock:
        return told(sock, program, version, protocol)


@pytest.mark.usefixtures("daemon")
def test_nothing_is_said_to_be_there_over_udp(moved: Bed) -> None:
    assert getport(moved, 100003, 3, portmap.Protocol.UDP) == 0
    assert getport(moved, 100003, 3, portmap.Protocol.TCP) == 2049


def test_ports_shows_gateway_and_host(moved: Bed, daemon: Daemon) -> None:
    del moved
    document = json.loads(daemon.command("ports", "--json").output)
    (gateway,) = document["gateways"]
    rows = {
        row["service"]: (row["gateway"]["told"], row["host"]["port"], row["host"]["origin"])
        for row in gateway["services"]
    }

    assert gateway["portmapper"] == "virtual"
    assert rows["mountd"] == ({"port": 20048, "versions": [1, 3]}, 40123, "rpcbind")
    assert rows["nfs"] == ({"port": 2049, "versions": [3]}, 12049, "rpcbind")
    assert rows["rpcbind"][0] == {"port": 111, "versions": [2, 3, 4]}
    assert "40123" in daemon.command("ports").output


def test_its_clients_and_calls_are_counted_and_probes_are_not(moved: Bed, daemon: Daemon) -> None:
    def calls(procedure: str) -> float:
        labels = {"service": "rpcbind", "procedure": procedure}
        try:
            return daemon.metric("hostnfsd_rpc_calls_total", **labels)
        except (AssertionError, KeyError):
            return 0

    dumps = calls("dump")
    nulls = calls("null")
    total = daemon.metric("hostnfsd_connections_total", service="rpcbind")

    def probes() -> float:
        return daemon.metric(
            "hostnfsd_probe_duration_seconds_count", service="rpcbind", side="gateway"
        )

    moved.network.pod.run("rpcinfo", network.GATEWAY)
    daemon.wait_until(lambda: calls("dump") == dumps + 1, "the call to be counted")
    probed = probes()
    assert daemon.command("reload").status == 0  # it probes at once
    daemon.wait_until(lambda: probes() >= probed + 2, "probes of both families")
    assert daemon.metric("hostnfsd_connections_total", service="rpcbind") == total + 1
    assert calls("null") == nulls
    assert daemon.metric("hostnfsd_service_serving", service="rpcbind", family="ipv4") == 1


def test_a_service_that_is_down_keeps_its_port(make_bed: MakeBed) -> None:
    """Clients retry a refused connection, and give up on "not registered"."""
    bed = make_bed(BedOptions(nfs=MOVED))
    daemon = bed.daemon()
    daemon.await_ready()
    bed.nfs.stop_ganesha()
    assert "100003" not in bed.nfs.registered()
    daemon.await_service("nfs", "host-down")

    rows = table(bed, "rpcinfo", "-p", network.GATEWAY)
    assert [(int(row[0]), int(row[1]), int(row[3])) for row in rows] == ROWS

    waiting = bed.kernel.start(
        f"mount -t nfs -o vers=3,proto=tcp,nolock,retry=1 {network.GATEWAY}:{EXPORT} /mnt/nfs"
    )
    bed.nfs.start_ganesha(NfsOptions(ports=NfsPorts(nfs=13049, mountd=41123)))
    waiting.wait(timeout_s=60)
    rows = table(bed, "rpcinfo", "-p", network.GATEWAY)
    assert [(int(row[0]), int(row[1]), int(row[3])) for row in rows] == ROWS


def test_a_service_never_seen_is_not_told_of(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(start=False))
    bed.gateway.start()
    bed.nfs.start_rpcbind()
    daemon = bed.daemon()
    daemon.await_service("rpcbind", "serving")
    daemon.await_service("nfs", "host-down")
    rows = table(bed, "rpcinfo", "-p", network.GATEWAY)
    assert [(int(row[0]), int(row[1]), int(row[3])) for row in rows] == ROWS[:3]

    bed.nfs.start_statd()
    bed.nfs.start_ganesha()
    daemon.await_ready()
    bed.network.pod.run("showmount", "-e", network.GATEWAY)


def test_tools_work_whatever_address_was_discovered(make_bed: MakeBed) -> None:
    """SSH_CONNECTION names the address on the other network; clients cannot get there."""
    bed = make_bed(BedOptions(nfs=MOVED))
    daemon = bed.daemon(
        {"gateway": {"dev-gw": {"client_address": None, "listen": ["0.0.0.0", "::"]}}}
    )
    daemon.await_phase("up")
    daemon.await_service("mountd", "serving")

    assert network.GATEWAY_SSH in daemon.status()["gateways"][0]["client_address"]
    assert not bed.network.pod.accepts(network.GATEWAY_SSH, 111)
    for address, netid in NETIDS:
        assert [row[0] for row in table(bed, "showmount", "-e", address)] == [EXPORT]
        bed.network.pod.run("rpcinfo", "-T", netid, address, "100003", "3")
        (row,) = table(bed, "rpcinfo", "-l", address, "100003", "3")
        assert row[3] == uaddr(address, 2049)


def test_tools_work_where_the_gateway_runs_no_command(make_bed: MakeBed) -> None:
    """Nothing is known of its addresses then."""
    bed = make_bed(BedOptions(nfs=MOVED))
    key = f'restrict,port-forwarding,command="/bin/false" {bed.public_key}'
    bed.gateway.authorize(key)
    daemon = bed.daemon({"gateway": {"dev-gw": {"client_address": None}}})
    daemon.await_phase("up")
    daemon.wait_until(
        lambda: "100003" in bed.network.pod.run("rpcinfo", "-p", network.GATEWAY).output,
        "nfs to be found",
    )

    assert daemon.status()["gateways"][0]["client_address"] == []
    assert [row[0] for row in table(bed, "showmount", "-e", network.GATEWAY)] == [EXPORT]
    bed.network.pod.run("rpcinfo", "-T", "tcp", network.GATEWAY, "100003", "3")
    rows = table(bed, "rpcinfo", network.GATEWAY)
    assert {row[3].rsplit(".", 2)[0] for row in rows} == {"0.0.0.0"}


def test_a_relayed_rpcbind_lies_and_a_reload_ends_that(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(nfs=MOVED, sshd=SshdOptions(log_level="DEBUG1")))
    daemon = bed.daemon({"services": {"rpcbind": {"mode": "relay"}}})
    daemon.await_ready()

    assert getport(bed, 100003, 3, portmap.Protocol.TCP) == 12049
    assert not bed.network.pod.accepts(network.GATEWAY, 12049)
    for words in (("showmount", "-e"), ("rpcinfo", "-p")):
        # libtirpc asks for the address first, is told the host's, and has no way there.
        with pytest.raises(CommandError):
            bed.network.pod.run(*words, network.GATEWAY, timeout_s=20)
    assert "told the host's ports" in daemon.command("ports").output

    asked = bed.gateway.log.read_text().count(LISTENS)
    assert asked > 0
    with closing(bed.network.pod.connect(network.GATEWAY, 111)) as held:
        assert told(held, 100003, 3, portmap.Protocol.TCP) == 12049
        daemon.change(services={"rpcbind": {"mode": "virtual"}})
        assert daemon.command("reload").status == 0
        assert [row[0] for row in table(bed, "showmount", "-e", network.GATEWAY)] == [EXPORT]
        assert getport(bed, 100003, 3, portmap.Protocol.TCP) == 2049
        # What stood goes on as it was, and so do the listeners.
        assert told(held, 100003, 3, portmap.Protocol.TCP) == 12049
    assert daemon.metric("hostnfsd_tunnel_connect_attempts_total") == 1
    assert bed.gateway.log.read_text().count(LISTENS) == asked
