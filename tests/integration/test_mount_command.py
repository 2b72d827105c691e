"""What ``hostnfsd mount --for linux`` prints is what a client runs, to the letter."""

import json
import shlex

import pytest

from hostnfsd.errors import Exit
from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.nfs_server import EXPORT

pytestmark = pytest.mark.integration


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

    printed = daemon.command("mount", "--for", "linux", path, check=True).output
    own_bed.kernel.run(f"set -e\n{printed}")

    here = shlex.quote(f"/mnt/{folder.name}")
    seen = own_bed.kernel.run(
        f"cat {here}/hello && echo back >{here}/answer && grep ' nfs ' /proc/mounts"
    ).output
    assert seen.startswith("from the host\n")
    assert (folder / "answer").read_text() == "back\n"
    # What the kernel made of it.
    for option in (f"proto={scheme}", "port=2049", "mountport=20048", "nolock", "hard", "vers=3"):
        assert f",{option}," in seen
    own_bed.kernel.unmount(here)


def test_the_commands_in_json_are_the_same(bed: Bed) -> None:
    daemon = bed.daemon()
    daemon.await_ready()
    printed = daemon.command("mount", "--for", "linux", EXPORT, check=True).output
    document = json.loads(daemon.command("mount", "--for", "linux", EXPORT, "--json").output)
    commands = [line for line in printed.splitlines() if not line.startswith("#")]
    assert document["commands"] == commands
    assert daemon.terminate() == Exit.OK
