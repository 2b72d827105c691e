"""What ``hostnfsd mount`` prints is what a client runs, to the letter."""

import json
import shlex
from collections.abc import Callable

import pytest

from hostnfsd.errors import Exit
from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.nfs_server import EXPORT, NfsOptions

pytestmark = pytest.mark.integration

#: In the guest there is no docker: what it would do there.
_NODE = 'docker() { test "$1 $2" = "exec kind-control-plane" && shift 2 && "$@"; }\n'
#: As dockerd does it: mount(2) with what the volume was made with, no mount.nfs.
_DAEMON = """
docker() {
    test "$1" = volume || return 0
    for word; do
        case $word in o=*) o=${word#o=} ;; device=*) device=${word#device=} ;; esac
    done
    mkdir -p /mnt/volume && mount --internal-only -t nfs -o "$o" "$device" /mnt/volume
}
"""


@pytest.mark.parametrize(
    ("listen", "address", "scheme"),
    [
        (["0.0.0.0"], network.GATEWAY_NAME, "tcp"),
        (["0.0.0.0"], network.GATEWAY, "tcp"),
        (["0.0.0.0", "::"], network.GATEWAY_V6, "tcp6"),
    ],
    ids=["name", "ipv4", "ipv6"],
)
def test_the_kernel_client_runs_it_as_printed(
    own_bed: Bed, listen: list[str], address: str, scheme: str
) -> None:
    gateway = {"listen": listen, "client_address": address}
    daemon = own_bed.daemon({"gateway": {network.GATEWAY_NAME: gateway}})
    daemon.await_ready()
    folder = own_bed.share / "R&D: it's 100%"
    folder.mkdir()
    (folder / "hello").write_text("from the host\n")
    path = f"{EXPORT}/{folder.name}"

    def told(kind: str) -> str:
        return daemon.command("mount", "--for", kind, path, check=True).output

    def seen(where: str) -> str:
        here = shlex.quote(where)
        show = f"cat {here}/hello && echo back >>{here}/answer && grep ' nfs ' /proc/mounts"
        output = own_bed.kernel.run(show).output
        own_bed.kernel.unmount(here)
        assert output.startswith("from the host\n")
        # What the kernel made of it.
        for option in (f"proto={scheme}", "port=2049", "mountport=20048", "nolock", "hard"):
            assert f",{option}," in output
        return output

    own_bed.kernel.run(f"set -e\n{told('linux')}")
    assert ",vers=3," in seen(f"/mnt/{folder.name}")

    tab = own_bed.kernel.share / "fstab"
    tab.write_text(told("fstab"))
    point = shlex.quote(f"/mnt/{folder.name}")
    own_bed.kernel.run(f"mkdir -p {point} && mount --fstab /mnt/share/fstab {point}")
    assert ",vers=3," in seen(f"/mnt/{folder.name}")

    own_bed.kernel.run(f"set -e\n{_NODE}{told('kind-node')}")
    assert ",vers=3," in seen(f"/mnt/{folder.name}")

    if address != network.GATEWAY_NAME:  # which dockerd would not know
        own_bed.kernel.run(f"set -e\n{_DAEMON}{told('docker')}")
        assert ",vers=3," in seen("/mnt/volume")
    assert (folder / "answer").read_text() == "back\n" * (4 if address != "dev-gw" else 3)


def test_version_4_is_mounted_as_printed(make_bed: Callable[[BedOptions], Bed]) -> None:
    bed = make_bed(BedOptions(nfs=NfsOptions(protocols="3,4")))
    daemon = bed.daemon()
    daemon.await_ready()
    daemon.wait_until(
        lambda: "--vers 4" in daemon.command("mount", "--for", "linux", EXPORT).output,
        "the daemon to know that the server speaks version 4",
    )
    (bed.share / "hello").write_text("by version 4\n")
    for kind, before, point in (
        ("linux", "", f"/mnt/{EXPORT.rpartition('/')[2]}"),
        ("docker", _DAEMON, "/mnt/volume"),
    ):
        printed = daemon.command("mount", "--for", kind, "--vers", "4", "--dev", EXPORT, check=True)
        bed.kernel.run(f"set -e\n{before}{printed.output}")
        output = bed.kernel.run(f"cat {point}/hello && grep ' nfs4 ' /proc/mounts").output
        bed.kernel.unmount(point)
        assert output.startswith("by version 4\n")
        for option in ("vers=4.2", "proto=tcp", "hard", "acregmax=1"):
            assert f",{option}," in output


def test_the_commands_in_json_are_the_same(bed: Bed) -> None:
    daemon = bed.daemon()
    daemon.await_ready()
    printed = daemon.command("mount", "--for", "linux", EXPORT, check=True).output
    document = json.loads(daemon.command("mount", "--for", "linux", EXPORT, "--json").output)
    commands = [line for line in printed.splitlines() if not line.startswith("#")]
    assert document["commands"] == commands
    assert daemon.terminate() == Exit.OK
