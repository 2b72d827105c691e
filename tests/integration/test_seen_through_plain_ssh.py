"""What goes wrong through ``ssh -R``, produced there first, and then what becomes of it here.

Each failure either does not occur through hostnfsd, with the same words at the client, or is named
by the state of the service that causes it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.box import Completed
from tests.bed.daemon import Daemon
from tests.bed.nfs_server import EXPORT, NfsOptions, NfsPorts

MakeBed = Callable[[BedOptions], Bed]

SOURCE = f"{network.GATEWAY_NAME}:{EXPORT}"
#: What people write who were told how.
TUNNELLED = "vers=3,proto=tcp,mountproto=tcp,port=2049,mountport=20048,nolock"


@pytest.fixture(scope="module")
def shared() -> Iterator[Bed]:
    """One bed for what leaves no trace."""
    with Bed() as bed:
        yield bed


@contextmanager
def plain_ssh(bed: Bed, *ports: int) -> Iterator[None]:
    """The tunnel without hostnfsd, for the length of a block."""
    process = bed.plain_ssh(*ports)
    try:
        yield
    finally:
        process.stop()


@contextmanager
def hostnfsd(bed: Bed) -> Iterator[Daemon]:
    """The tunnel with it."""
    daemon = bed.daemon()
    try:
        daemon.await_phase("up")
        yield daemon
    finally:
        daemon.close()


def mount(bed: Bed, options: str) -> Completed:
    """One attempt of the kernel client, given back at once if it succeeds."""
    words = f"{options},retry=0"
    command = f"mount -v -t nfs -o {words} {SOURCE} /mnt/nfs"
    return bed.kernel.run(f"{command} && ls /mnt/nfs && umount /mnt/nfs", check=False)


def test_a_mount_that_wants_locks_is_told_of_statd(shared: Bed) -> None:
    """Locks cannot work through any tunnel: the options that hostnfsd prints do without."""
    with plain_ssh(shared, 2049, 20048):
        refused = mount(shared, TUNNELLED.replace(",nolock", ""))
        assert refused.status != 0
        assert "rpc.statd is not running" in refused.output

    with hostnfsd(shared) as daemon:
        daemon.await_ready()
        printed = daemon.command("mount", "--for", "linux", EXPORT).output
        (line,) = (line for line in printed.splitlines() if "mount -t nfs" in line)
        options = line.split(" -o ")[1].split()[0]
        assert "nolock" in options.split(",")
        assert mount(shared, options).status == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [("nolock", "Protocol not supported"), ("vers=3,proto=tcp,nolock", "Connection refused")],
)
def test_without_mountd_no_mount_works_and_here_it_does(
    shared: Bed, options: str, said: str
) -> None:
    """Who does not know its port does not forward mountd. The server speaks version 3 only."""
    with plain_ssh(shared, 111, 2049):
        refused = mount(shared, options)
        assert refused.status != 0
        assert said in refused.output

    with hostnfsd(shared) as daemon:
        daemon.await_ready()
        assert mount(shared, options).status == 0


@pytest.mark.parametrize("words", [("showmount", "-e"), ("rpcinfo", "-p")])
def test_a_forwarded_rpcbind_sends_tools_to_the_host(shared: Bed, words: tuple[str, ...]) -> None:
    """There is no way there for them."""
    pod = shared.network.pod
    with plain_ssh(shared, 111, 2049, 20048):
        assert pod.run(*words, network.GATEWAY, check=False, timeout_s=20).status != 0

    with hostnfsd(shared) as daemon:
        daemon.await_ready()
        assert pod.run(*words, network.GATEWAY).output.splitlines()[1:]


def test_a_service_that_is_down_looks_like_a_portmapper_and_is_named(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions())
    bed.nfs.kill_ganesha()  # what it registered stays
    asking = "vers=3,proto=tcp,nolock"
    with plain_ssh(bed, 111, 2049, 20048):
        refused = mount(bed, asking)
        assert "portmap query failed: RPC: Unable to receive - Connection reset" in refused.output

    with hostnfsd(bed) as daemon:
        for service in ("nfs", "mountd"):
            daemon.await_service(service, "host-down")
        assert not daemon.ready()
        assert "host-down" in daemon.command("status").output
        bed.nfs.start_ganesha()
        daemon.await_ready()
        assert mount(bed, asking).status == 0


def test_a_server_that_wants_low_ports_denies_plain_ssh(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions(nfs=NfsOptions(privileged=True)))
    with plain_ssh(bed, 2049, 20048):
        assert "access denied" in mount(bed, TUNNELLED).output

    with hostnfsd(bed) as daemon:
        daemon.await_ready()
        assert mount(bed, TUNNELLED).status == 0


def test_a_list_of_networks_denies_everybody_and_is_named(make_bed: MakeBed) -> None:
    """Through any tunnel the server sees its own host as the client."""
    only_pods = "CLIENT { Clients = 172.22.0.0/16; Access_Type = RW; }\n    "
    extra = only_pods + "CLIENT { Clients = *; Access_Type = None; }"
    bed = make_bed(BedOptions(nfs=NfsOptions(extra=extra)))
    with plain_ssh(bed, 2049, 20048):
        assert "access denied" in mount(bed, TUNNELLED).output

    with hostnfsd(bed) as daemon:
        daemon.await_service("mountd", "denied")
        assert not daemon.ready()
        assert "127.0.0.1" in daemon.command("status").output


def test_a_mountd_that_moves_is_lost_and_here_it_is_followed(make_bed: MakeBed) -> None:
    bed = make_bed(BedOptions())
    elsewhere = NfsOptions(ports=NfsPorts(mountd=40123))
    asking = "vers=3,proto=tcp,nolock"
    with plain_ssh(bed, 111, 2049, 20048):
        assert mount(bed, TUNNELLED).status == 0
        bed.nfs.restart_ganesha(elsewhere)
        # A mount with the old port would hang: the kernel tries it again for minutes.
        assert mount(bed, asking).status != 0

    with hostnfsd(bed) as daemon:
        daemon.await_ready()
        assert mount(bed, asking).status == 0
        bed.nfs.restart_ganesha(NfsOptions())
        assert mount(bed, TUNNELLED).status == 0
        assert mount(bed, asking).status == 0
