"""The test bed itself, with plain ssh as the tunnel: what breaks here is not hostnfsd."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.box import CommandError
from tests.bed.gateway import SshdOptions
from tests.bed.libnfs import sha256
from tests.bed.nfs_server import EXPORT
from tests.bed.waiting import wait_until

MakeBed = Callable[[BedOptions], Bed]
NFS_PORTS = (111, 2049, 20048, 32803, 662, 875)


def bound(bed: Bed, port: int) -> set[str]:
    return {address for address, found in bed.network.gateway.listening() if found == port}


def test_six_services_are_registered_on_the_host(bed: Bed) -> None:
    lines = {tuple(line.split()[:4:3]) for line in bed.nfs.registered().splitlines()[1:]}

    assert lines >= {
        ("100000", "111"),
        ("100003", "2049"),
        ("100005", "20048"),
        ("100011", "875"),
        ("100021", "32803"),
        ("100024", "662"),
    }


def test_pod_reaches_the_gateway_and_nothing_behind_it(bed: Bed) -> None:
    assert bed.network.pod.accepts(network.GATEWAY, 22)
    assert not bed.network.pod.accepts(network.HOST, 2049)
    assert not bed.network.pod.accepts(network.GATEWAY_SSH, 22)


def test_libnfs_reads_and_writes_through_plain_ssh(own_bed: Bed, tmp_path: Path) -> None:
    own_bed.plain_ssh(*NFS_PORTS)
    (own_bed.share / "hello").write_text("from the host\n")
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 4096)

    own_bed.libnfs.store(source, "back")

    assert own_bed.libnfs.names() == ["back", "hello"]
    assert own_bed.libnfs.read("hello") == "from the host\n"
    assert sha256(own_bed.share / "back") == sha256(source)


def test_two_beds_do_not_meet(bed: Bed, make_bed: MakeBed) -> None:
    other = make_bed(BedOptions())
    other.plain_ssh(2049)

    assert bound(other, 2049)
    assert not bound(bed, 2049)
    assert other.share != bed.share


@pytest.mark.parametrize(
    ("gateway_ports", "addresses"),
    [
        ("yes", {"0.0.0.0", "::"}),
        ("clientspecified", {"127.0.0.1", "::1"}),
        ("no", {"127.0.0.1", "::1"}),
    ],
)
def test_gateway_ports(make_bed: MakeBed, gateway_ports: str, addresses: set[str]) -> None:
    bed = make_bed(BedOptions(sshd=SshdOptions(gateway_ports=gateway_ports)))
    bed.plain_ssh(2049)

    assert bound(bed, 2049) == addresses
    assert bed.gateway.effective()["gatewayports"] == gateway_ports


def test_low_ports_can_be_forbidden_to_admin_but_not_to_root(make_bed: MakeBed) -> None:
    admin = make_bed(BedOptions(low_ports=False))
    root = make_bed(BedOptions(low_ports=False, user="root"))

    with pytest.raises(AssertionError, match="remote port forwarding failed for listen port 111"):
        admin.plain_ssh(111)
    root.plain_ssh(111)
    assert [session.user for session in root.gateway.sessions()] == ["root"]


def test_killing_the_session_process_frees_its_ports(own_bed: Bed) -> None:
    ssh = own_bed.plain_ssh(2049)
    (session,) = own_bed.gateway.sessions()

    assert session.monitor is not None
    assert own_bed.gateway.kill_sessions() == 1
    assert ssh.wait() == 255
    wait_until(lambda: not own_bed.gateway.sessions(), "the session to end")
    assert not bound(own_bed, 2049)
    assert own_bed.gateway.running


def test_a_killed_listener_leaves_sessions_alone(own_bed: Bed) -> None:
    ssh = own_bed.plain_ssh(2049)

    own_bed.gateway.kill_listener()

    assert not own_bed.network.host.accepts(network.GATEWAY_SSH, 22)
    assert ssh.running
    assert own_bed.network.pod.accepts(network.GATEWAY, 2049)


def test_a_frozen_gateway_still_acknowledges(own_bed: Bed) -> None:
    own_bed.plain_ssh(2049)
    own_bed.gateway.freeze()

    assert own_bed.network.pod.accepts(network.GATEWAY, 2049)
    connection = own_bed.network.host.connect(network.GATEWAY_SSH, 22, timeout_s=0.3)
    with connection, pytest.raises(TimeoutError):
        connection.recv(1)

    own_bed.gateway.thaw()
    with own_bed.network.host.connect(network.GATEWAY_SSH, 22) as connection:
        assert connection.recv(4) == b"SSH-"


def test_cut_and_heal(own_bed: Bed) -> None:
    own_bed.network.cut()
    assert not own_bed.network.host.accepts(network.GATEWAY_SSH, 22)

    own_bed.network.heal()
    assert own_bed.network.host.accepts(network.GATEWAY_SSH, 22)


def test_stranded_connections_live_on_at_the_gateway_and_new_ones_pass(own_bed: Bed) -> None:
    ssh = own_bed.plain_ssh(2049)
    (session,) = own_bed.gateway.sessions()

    assert own_bed.network.strand() == 1
    ssh.kill()

    assert own_bed.network.host.accepts(network.GATEWAY_SSH, 22)
    assert ("0.0.0.0", 2049) in own_bed.network.gateway.listening()
    own_bed.network.heal()
    # The gateway's next word is answered: nobody knows the connection there.
    assert own_bed.network.pod.accepts(network.GATEWAY, 2049)
    wait_until(lambda: session not in own_bed.gateway.sessions(), "the session to end")


def test_reset_ends_connections_on_both_sides(own_bed: Bed) -> None:
    ssh = own_bed.plain_ssh(2049)

    own_bed.network.reset()

    assert ssh.wait() == 255


def test_a_new_host_key_and_a_withdrawn_key_refuse_the_login(own_bed: Bed) -> None:
    own_bed.gateway.stop()
    own_bed.gateway.new_host_key()
    own_bed.gateway.start()
    with pytest.raises(AssertionError, match="Host key verification failed"):
        own_bed.plain_ssh(2049)

    own_bed.learn_host_key()
    own_bed.gateway.authorize()
    with pytest.raises(AssertionError, match=r"Permission denied \(publickey\)"):
        own_bed.plain_ssh(2049)

    own_bed.gateway.authorize(own_bed.public_key)
    own_bed.plain_ssh(2049)


def test_a_squatter_holds_one_family_and_lets_go(own_bed: Bed) -> None:
    with own_bed.squatter(2049, "::"):
        assert bound(own_bed, 2049) == {"::"}
    wait_until(lambda: not bound(own_bed, 2049), "the port to be free")


def test_nothing_is_left_behind() -> None:
    with Bed() as bed:
        daemon = bed.network.host.start("sleep", "sleep", "infinity")
        folder, pid = bed.folder, daemon.pid
        assert pid.alive

    assert not folder.exists()
    assert not pid.alive


def test_a_server_killed_and_started_again_serves_again(own_bed: Bed) -> None:
    own_bed.plain_ssh(*NFS_PORTS)
    (own_bed.share / "hello").write_text("x")
    own_bed.nfs.kill_ganesha()
    assert "100003" in own_bed.nfs.registered()

    own_bed.nfs.start_ganesha()
    assert own_bed.libnfs.names() == ["hello"]


def test_the_kernel_client_mounts_reads_and_writes_through_plain_ssh(own_bed: Bed) -> None:
    own_bed.plain_ssh(111, 2049, 20048)
    (own_bed.share / "hello").write_text("from the host\n")

    own_bed.kernel.mount(f"dev-gw:{EXPORT}", "vers=3,tcp,nolock")
    read = own_bed.kernel.run("cat /mnt/nfs/hello; echo from the pod > /mnt/nfs/back")

    assert read.output == "from the host\n"
    assert (own_bed.share / "back").read_text() == "from the pod\n"
    assert own_bed.kernel.run("exit 7", check=False).status == 7
    with pytest.raises(CommandError, match="Connection refused"):
        own_bed.kernel.mount(f"dev-gw:{EXPORT}", "vers=3,tcp,nolock,port=1,retry=0", at="/mnt/nfs2")


def test_jobs_of_the_kernel_client_run_side_by_side(own_bed: Bed) -> None:
    own_bed.kernel.run("mkfifo /run/gate")
    waiting = own_bed.kernel.start("cat /run/gate")

    assert own_bed.kernel.run("echo first").output == "first\n"
    assert not waiting.done
    own_bed.kernel.run("echo second > /run/gate")
    assert waiting.wait().output == "second\n"


def test_a_proxy_acknowledges_for_a_frozen_gateway(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(through_proxy=True))
    bed.gateway.freeze()

    with bed.network.host.connect(*bed.ssh_address, timeout_s=0.3) as connection:
        connection.sendall(bytes(200_000))
        with pytest.raises(TimeoutError):
            connection.recv(1)


def read_to_the_end(connection: socket.socket) -> bytes:
    data = b""
    while chunk := connection.recv(4096):
        data += chunk
    return data


def test_the_proxy_delays_and_resets(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(through_proxy=True))

    bed.proxy.latency(0.2)
    with bed.network.host.connect(*bed.ssh_address) as connection:
        began = time.monotonic()
        assert connection.recv(4) == b"SSH-"
        assert time.monotonic() - began >= 0.2
        bed.proxy.reset_all()
        with pytest.raises(ConnectionResetError):
            read_to_the_end(connection)


def test_the_proxy_holds_back_and_delivers_later(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(through_proxy=True))

    bed.proxy.blackhole()
    with bed.network.host.connect(*bed.ssh_address, timeout_s=0.3) as connection:
        with pytest.raises(TimeoutError):
            connection.recv(1)
        bed.proxy.blackhole(False)
        connection.settimeout(5)
        assert connection.recv(4) == b"SSH-"


def test_the_proxy_leaves_a_connection_half_open(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(through_proxy=True))
    with bed.network.host.connect(*bed.ssh_address) as connection:
        assert connection.recv(4096).startswith(b"SSH-")
        established = ("ss", "-Htn", "state", "established", "sport", "=", "22")
        assert bed.gateway.box.run(*established).output

        bed.proxy.half_open()

        wait_until(lambda: not bed.gateway.box.run(*established).output, "the gateway to forget it")
        connection.settimeout(0.3)
        connection.sendall(b"SSH-2.0-test\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_the_proxy_strands_what_stands_and_nothing_else(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(through_proxy=True))
    ssh = bed.plain_ssh(2049)
    (session,) = bed.gateway.sessions()

    bed.proxy.strand()
    ssh.kill()

    with bed.network.host.connect(*bed.ssh_address) as connection:
        assert connection.recv(4) == b"SSH-"
    assert bed.gateway.sessions() == [session]


def test_the_proxy_refuses_and_accepts_again(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(through_proxy=True))

    bed.proxy.refuse()
    assert not bed.network.host.accepts(*bed.ssh_address)
    bed.proxy.accept()
    assert bed.network.host.accepts(*bed.ssh_address)


def test_plain_ssh_goes_through_the_proxy_too(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(through_proxy=True))
    bed.plain_ssh(*NFS_PORTS)
    (bed.share / "big").write_bytes(os.urandom(4 << 20))

    bed.libnfs.fetch("big", bed.folder / "copy")

    assert sha256(bed.folder / "copy") == sha256(bed.share / "big")
    assert bed.proxy.connections == 1
    assert bed.proxy.carried_bytes > 4 << 20


def test_the_export_can_lie_in_an_image_where_no_disk_suits(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(share_in_image=True))
    bed.plain_ssh(*NFS_PORTS)
    (bed.share / "hello").write_text("from an image\n")

    assert bed.libnfs.read("hello") == "from an image\n"
    assert " ext4 " in bed.network.host.run("grep", "/var/local", "/proc/mounts").output
