"""The main job: six services, a real kernel client, data that survives what happens to tunnels."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.gateway import SshdOptions
from tests.bed.libnfs import sha256
from tests.bed.nfs_server import EXPORT
from tests.bed.transfer import SIZE, await_losses, await_relayed, write_random

MakeBed = Callable[[BedOptions], Bed]
SERVICES: Final = {
    "rpcbind": 111,
    "nfs": 2049,
    "mountd": 20048,
    "nlockmgr": 32803,
    "status": 662,
    "rquotad": 875,
}


def test_six_services_are_forwarded_and_serve(bed: Bed) -> None:
    daemon = bed.daemon()
    daemon.await_ready()
    for service in SERVICES:
        daemon.await_service(service, "serving")

    for port in SERVICES.values():
        assert bed.network.pod.accepts(network.GATEWAY, port)
    ports = {s["service"]: s["port"] for s in daemon.status()["gateways"][0]["services"]}
    assert ports == SERVICES
    assert daemon.terminate() == 0


def test_kernel_writes_and_reads_while_the_tunnel_is_killed(own_bed: Bed) -> None:
    """A hard mount: 256 MiB each way, and the session killed twice in each direction."""
    bed, daemon = own_bed, own_bed.daemon()
    daemon.await_ready()
    mount = daemon.command("mount", "--for", "linux", EXPORT, check=True).output
    line = next(line for line in mount.splitlines() if line.startswith("mount "))
    bed.kernel.run(f"mkdir -p /mnt/nfs && {line.rsplit(' ', 1)[0]} /mnt/nfs")
    source = bed.share / "source"
    write_random(source)

    copying = bed.kernel.start("cp /mnt/nfs/source /mnt/nfs/copy && sync")
    for losses in (1, 2):
        await_relayed(daemon, "to_host", SIZE // 8)
        assert bed.gateway.kill_sessions() == 1
        await_losses(daemon, losses)
        daemon.await_ready()
    copying.wait(timeout_s=120)

    bed.kernel.run("echo 3 > /proc/sys/vm/drop_caches")
    reading = bed.kernel.start("sha256sum < /mnt/nfs/copy")
    await_relayed(daemon, "to_client", SIZE // 8)
    assert bed.gateway.kill_sessions() == 1
    assert reading.wait(timeout_s=120).output.split()[0] == sha256(source)
    assert sha256(bed.share / "copy") == sha256(source)
    assert daemon.metric("hostnfsd_tunnel_recovery_seconds_count") >= 2


def test_libnfs_writes_and_reads_a_large_file(own_bed: Bed, tmp_path: Path) -> None:
    """Without a kill: libnfs is no kernel, knows no hard mounts, and does not always come back."""
    bed, daemon = own_bed, own_bed.daemon()
    daemon.await_ready()
    source = tmp_path / "source"
    write_random(source)

    bed.libnfs.store(source, "by-libnfs", timeout_s=180)
    bed.libnfs.fetch("by-libnfs", tmp_path / "back", timeout_s=180)

    assert sha256(bed.share / "by-libnfs") == sha256(source)
    assert sha256(tmp_path / "back") == sha256(source)
    assert daemon.metric("hostnfsd_relayed_bytes_total", service="nfs", direction="to_host") > SIZE
    assert (
        daemon.metric("hostnfsd_relayed_bytes_total", service="nfs", direction="to_client") > SIZE
    )
    assert daemon.terminate() == 0


@pytest.mark.parametrize(
    "options",
    [
        BedOptions(sshd=SshdOptions(gateway_ports="clientspecified")),
        BedOptions(user="root", low_ports=False),
        BedOptions(through_proxy=True),
    ],
    ids=["clientspecified", "root", "proxy"],
)
def test_kernel_mounts_in_every_variant(make_bed: MakeBed, options: BedOptions) -> None:
    bed = make_bed(options)
    daemon = bed.daemon()
    daemon.await_ready()
    (bed.share / "hello").write_text("from the host\n")

    bed.kernel.mount(f"{network.GATEWAY_NAME}:{EXPORT}")

    assert bed.kernel.run("cat /mnt/nfs/hello").output == "from the host\n"
