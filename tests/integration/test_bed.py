"""The test bed itself, with plain ssh as the tunnel: what breaks here is not hostnfsd."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.gateway import SshdOptions
from tests.bed.libnfs import sha256
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
    assert own_bed.libnfs.box.accepts(network.GATEWAY, 2049)


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
