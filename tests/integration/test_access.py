"""Who may come in: real pods and a real kernel, and what they are told.

The exports file is read by hostnfsd alone: ganesha exports the same to everybody, so whoever is
refused here was refused at the gate.
"""

from collections.abc import Callable, Iterator

import pytest

from hostnfsd.services import FACTS, Service
from hostnfsd.sunrpc import record, rpc
from hostnfsd.sunrpc.xdr import encode
from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.box import Box, CommandError
from tests.bed.daemon import Daemon
from tests.bed.gateway import SshdOptions
from tests.bed.libnfs import Libnfs
from tests.bed.nfs_server import EXPORT, NfsOptions, exports_line
from tests.bed.waiting import wait_until

#: The specification: an excluded originator is admitted so soon after the file changed.
SOON_S = 5.0
HOST_ONLY = exports_line(EXPORT, "127.0.0.1")
PORTS = "port=2049,mountport=20048"
DENIED = "access denied by server"
BOTH = {
    "gateway": {
        "dev-gw": {
            "listen": ["0.0.0.0", "::"],
            "client_address": [network.GATEWAY, network.GATEWAY_V6],
        }
    }
}


def line(*clients: str) -> str:
    """The export for these clients."""
    return f"{EXPORT} {' '.join(f'{client}(rw,insecure,no_root_squash)' for client in clients)}\n"


@pytest.fixture
def exports(bed: Bed) -> Iterator[Callable[[str], None]]:
    """Writes the exports file; it is put back."""
    before = bed.exports.read_text()
    yield lambda text: void(bed.exports.write_text(text))
    bed.exports.write_text(before)


def void(_result: object) -> None:
    """Nothing."""


def may_read(client: Libnfs) -> bool:
    """Whether a client is let in and sees the export."""
    try:
        client.names()
    except CommandError:
        return False
    return True


def served(box: Box, address: str, service: Service = Service.NFS, version: int = 3) -> bool:
    """Whether a NULL call is answered; else it is denied, and the connection ends.

    libnfs' tools take no IPv6 address.
    """
    facts = FACTS[service]
    with box.connect(address, facts.gateway_port) as connection:
        connection.sendall(record.encode(encode(rpc.Call(7, facts.program, version, 0))))
        reader = record.RecordReader(1000)
        while not (replies := list(reader.feed(connection.recv(1000)))):
            pass
        reply = rpc.decode_message(replies[0])
        if isinstance(reply, rpc.Accepted):
            return True
        assert reply == rpc.Denied(7, rpc.AuthError(rpc.AuthStat.AUTH_BADCRED))
        assert connection.recv(1) == b""
    return False


def told(bed: Bed, options: str, source: str = "dev-gw") -> str:
    """What mount.nfs says to a kernel that wants to mount; nothing where it may."""
    done = bed.kernel.run(f"mount -t nfs -o {options} {source}:{EXPORT} /mnt/nfs", check=False)
    if done.status == 0:
        bed.kernel.unmount()
    return done.output.strip()


def refused(daemon: Daemon, host: str) -> int:
    """How often an originator was not admitted."""
    return sum(
        each["count"]
        for each in daemon.status()["refused"]
        if (each["host"], each["reason"]) == (host, "not-admitted")
    )


def test_an_export_for_the_host_alone_admits_the_networks_of_the_gateway(
    bed: Bed, exports: Callable[[str], None]
) -> None:
    exports(HOST_ONLY)
    daemon = bed.daemon(BOTH)
    daemon.await_ready()
    (gateway,) = daemon.status()["gateways"]

    admitted = [each.partition(",")[0] for each in gateway["access"]["admitted"]]
    assert {"172.22.0.0/16", "fd22::/64", "10.77.0.0/30"} <= set(admitted)
    assert may_read(bed.libnfs)
    assert served(bed.network.pod, network.GATEWAY_V6)
    assert told(bed, f"vers=3,proto=tcp,nolock,{PORTS}") == ""
    # The gateway itself is next to itself, and its loopback is nobody's.
    assert may_read(Libnfs(bed.network.gateway, network.GATEWAY))
    assert not may_read(Libnfs(bed.network.gateway, "127.0.0.1"))
    assert refused(daemon, "127.0.0.1") > 0
    assert daemon.ready()


def test_an_originator_outside_of_the_export_is_denied_until_the_file_names_him(
    bed: Bed, exports: Callable[[str], None]
) -> None:
    exports(line("127.0.0.1", network.POD))
    daemon = bed.daemon()
    daemon.await_ready()

    assert may_read(bed.libnfs)
    for options in (f"vers=3,proto=tcp,nolock,{PORTS}", "vers=3,proto=tcp,nolock"):
        assert DENIED in told(bed, options)
    pod2 = Libnfs(bed.network.pod2, network.GATEWAY)
    assert not may_read(pod2)
    # The portmapper answers him all the same.
    listing = bed.network.pod2.run("rpcinfo", "-p", network.GATEWAY).output
    assert "20048" in listing
    showmount = bed.network.pod2.run("showmount", "-e", network.GATEWAY, check=False)
    assert showmount.status != 0

    shown = daemon.command("status", "--clients").output
    assert f'    allow = ["{network.POD}", "{network.KERNEL}"]' in shown
    assert f"    {network.KERNEL}(rw,insecure,no_root_squash" in shown
    assert f"{EXPORT} admits {network.POD}, not {network.KERNEL}" in shown
    assert daemon.log.count("client_not_admitted") == 2  # the kernel and the second pod
    assert daemon.metric("hostnfsd_connections_refused_total", reason="not-admitted") == refused(
        daemon, network.KERNEL
    ) + refused(daemon, network.POD2)
    assert refused(daemon, network.KERNEL) >= 2

    exports(line("127.0.0.1", network.POD, network.KERNEL))
    wait_until(lambda: may_read_kernel(bed), "the kernel to be admitted", timeout_s=SOON_S)
    assert not may_read(pod2)


def may_read_kernel(bed: Bed) -> bool:
    """Whether the kernel may mount now."""
    return told(bed, f"vers=3,proto=tcp,nolock,{PORTS}") == ""


def test_the_line_that_status_prints_lets_him_in(bed: Bed, exports: Callable[[str], None]) -> None:
    exports(line("127.0.0.1", network.POD))
    daemon = bed.daemon()
    daemon.await_ready()
    pod2 = Libnfs(bed.network.pod2, network.GATEWAY)
    assert not may_read(pod2)

    (remedy,) = {each["remedy"]["allow"] for each in daemon.status()["refused"]}
    assert remedy == f'allow = ["{network.POD}", "{network.POD2}"]'
    allow = remedy.removeprefix("allow = [").removesuffix("]").replace('"', "").split(", ")
    daemon.change(access={"allow": allow})
    assert daemon.command("reload").status == 0
    assert may_read(pod2)
    assert may_read(bed.libnfs)


def test_a_pod_in_another_network_of_the_gateway(
    make_bed: Callable[[BedOptions], Bed],
) -> None:
    bed = make_bed(BedOptions())
    second_network(bed)
    bed.exports.write_text(line("127.0.0.1", "172.22.0.0/16"))
    daemon = bed.daemon(BOTH)
    daemon.await_ready()
    outside = Libnfs(bed.network.pod2, "172.23.0.12")

    assert may_read(bed.libnfs)
    assert not served(bed.network.pod, network.GATEWAY_V6)
    assert not may_read(outside)
    assert not served(bed.network.pod2, "fd23::12")
    assert refused(daemon, "172.23.0.15") == 1
    assert refused(daemon, "fd23::15") == 1

    bed.exports.write_text(line("127.0.0.1", "172.22.0.0/16", "172.23.0.0/16", "fd23::/64"))
    wait_until(lambda: may_read(outside), "him to be admitted", timeout_s=SOON_S)
    assert served(bed.network.pod2, "fd23::12")
    bed.exports.write_text(HOST_ONLY)
    daemon.await_log("access_changed", times=3)
    assert may_read(outside)
    assert served(bed.network.pod2, "fd23::12")
    assert served(bed.network.pod, network.GATEWAY_V6)


def second_network(bed: Bed) -> None:
    """Put the second pod on one more network of the gateway."""
    number = bed.network.pod2.first.number
    bed.network.gateway.run(
        "ip",
        "-batch",
        "-",
        stdin=f"link add lab type veth peer name lab netns {number}\n"
        "addr add 172.23.0.12/16 dev lab\naddr add fd23::12/64 dev lab nodad\nlink set lab up\n",
        kinds=("--net",),
    )
    bed.network.pod2.run(
        "ip",
        "-batch",
        "-",
        stdin="addr add 172.23.0.15/16 dev lab\naddr add fd23::15/64 dev lab nodad\n"
        "link set lab up\n",
        kinds=("--net",),
    )


def test_every_version_of_nfs_and_both_families_are_denied(
    make_bed: Callable[[BedOptions], Bed],
) -> None:
    bed = make_bed(BedOptions(nfs=NfsOptions(protocols="3,4")))
    bed.exports.write_text(line("127.0.0.1", network.POD))
    daemon = bed.daemon(BOTH)
    daemon.await_ready()

    for options in ("vers=4.2,proto=tcp", "vers=4.0,proto=tcp,port=2049"):
        assert DENIED in told(bed, options), options
    over_v6 = f"vers=3,proto=tcp6,mountproto=tcp6,nolock,{PORTS}"
    for options in (over_v6, "vers=4.2,proto=tcp6"):
        assert DENIED in told(bed, options, f"[{network.GATEWAY_V6}]"), options
    assert refused(daemon, network.KERNEL_V6) > 0

    bed.exports.write_text(line("127.0.0.1", "172.22.0.0/16", "fd22::/64"))
    daemon.await_log("access_changed", times=2, timeout_s=SOON_S)
    assert told(bed, "vers=4.2,proto=tcp") == ""
    assert told(bed, over_v6, f"[{network.GATEWAY_V6}]") == ""


def test_the_hosts_rpcbind_is_not_reached_by_who_is_refused(
    bed: Bed, exports: Callable[[str], None]
) -> None:
    exports(line("127.0.0.1", network.POD))
    daemon = bed.daemon({"services": {"rpcbind": {"mode": "relay"}}})
    daemon.await_ready()

    assert DENIED in told(bed, "vers=3,proto=tcp,nolock")
    assert not served(bed.network.pod2, network.GATEWAY, Service.RPCBIND, 2)
    assert served(bed.network.pod, network.GATEWAY, Service.RPCBIND, 2)


def test_a_gateway_that_does_not_tell_its_networks(
    make_bed: Callable[[BedOptions], Bed],
) -> None:
    bed = make_bed(BedOptions(sshd=SshdOptions(extra=("ForceCommand /bin/false",))))
    bed.exports.write_text(HOST_ONLY)
    daemon = bed.daemon()
    daemon.await_ready()

    assert not may_read(bed.libnfs)
    daemon.await_log("access_denied_to_all")
    shown = daemon.command("status").output
    assert "nobody may come in at dev-gw" in shown
    assert "[access] allow = " in shown
    daemon.change(access={"allow": ["172.22.0.0/16"]})
    assert daemon.command("reload").status == 0
    assert may_read(bed.libnfs)
    assert "nobody may come in" not in daemon.command("status").output


def test_a_mount_that_stands_ends_when_nothing_is_unanswered_and_lives_again(
    own_bed: Bed,
) -> None:
    bed, kernel = own_bed, own_bed.kernel
    bed.exports.write_text(line("127.0.0.1", network.POD, network.KERNEL))
    (bed.share / "hello").write_text("hello")
    daemon = bed.daemon({"access": {"revoke_grace_s": 1}, "tunnel": {"drain_timeout_s": 60}})
    daemon.await_ready()
    kernel.mount(f"dev-gw:{EXPORT}", f"vers=3,tcp,nolock,noac,soft,timeo=600,{PORTS}")
    assert kernel.run("cat /mnt/nfs/hello").output == "hello"

    def connected() -> bool:
        return any(
            (each["host"], each["service"]) == (network.KERNEL, "nfs")
            for each in daemon.status()["clients"]
        )

    assert connected()
    bed.nfs.freeze()
    waiting = kernel.start("stat -c %s /mnt/nfs/hello")
    daemon.wait_until(
        lambda: daemon.metric("hostnfsd_rpc_in_flight", service="nfs") > 0, "a call to wait"
    )
    bed.exports.write_text(line("127.0.0.1", network.POD))
    daemon.await_log("client_excluded")
    # Counted as soon as the while is over: its call is waited for.
    daemon.wait_until(
        lambda: daemon.metric("hostnfsd_connections_revoked_total", service="nfs") == 1,
        "the connection to be revoked",
    )
    assert connected()
    assert not waiting.done
    bed.nfs.thaw()
    waiting.wait(check=False)  # its next call may be denied already
    daemon.await_log("client_revoked")
    assert daemon.metric("hostnfsd_rpc_errors_total", service="nfs", kind="unanswered") == 0
    daemon.wait_until(lambda: not connected(), "the connection to end")
    assert "cut=False" in daemon.log

    # The mount is there, and useless: he is told so each time, and does not hang.
    denied = kernel.run("cat /mnt/nfs/hello", check=False)
    assert denied.status != 0
    assert "Permission denied" in denied.output
    bed.exports.write_text(line("127.0.0.1", network.POD, network.KERNEL))
    wait_until(
        lambda: kernel.run("cat /mnt/nfs/hello", check=False).output == "hello",
        "the mount to live again",
        timeout_s=SOON_S,
    )
    kernel.unmount()


def test_who_is_let_in_again_in_time_keeps_his_connections(
    bed: Bed, exports: Callable[[str], None]
) -> None:
    exports(line("127.0.0.1", network.POD))
    daemon = bed.daemon({"access": {"revoke_grace_s": 60}})
    daemon.await_ready()
    with bed.network.pod.connect(network.GATEWAY, 2049) as connection:
        daemon.wait_until(lambda: len(daemon.status()["clients"]) == 1, "the client")
        exports(line("127.0.0.1", network.POD2))
        daemon.await_log("client_excluded")
        exports(line("127.0.0.1", network.POD))
        daemon.await_log("client_spared")
        assert len(daemon.status()["clients"]) == 1
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert daemon.metric("hostnfsd_connections_revoked_total") == 0


def test_a_broken_file_keeps_who_is_admitted_and_a_missing_one_admits_nobody(
    bed: Bed, exports: Callable[[str], None]
) -> None:
    exports(HOST_ONLY)
    daemon = bed.daemon()
    daemon.await_ready()
    assert may_read(bed.libnfs)
    exports(f"{EXPORT} 127.0.0.1(rw,nonsense)\n")
    daemon.await_log("exports_invalid")
    assert may_read(bed.libnfs)
    bed.exports.unlink()
    daemon.await_log("access_denied_to_all")
    assert not may_read(bed.libnfs)
    assert "it is not there" in daemon.command("status", "--clients").output
    exports(HOST_ONLY)
    wait_until(lambda: may_read(bed.libnfs), "him to be admitted", timeout_s=SOON_S)
