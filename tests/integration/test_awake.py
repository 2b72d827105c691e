"""What a real kernel client does that counts as work, and what it does by itself.

No machine is kept awake here: what tells is when a client was last seen at work. A reload looks.
"""

from collections.abc import Callable

import pytest

from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.daemon import Daemon
from tests.bed.nfs_server import EXPORT, NfsOptions

V3 = "vers=3,proto=tcp,port=2049,mountproto=tcp,mountport=20048,nolock"
#: Attributes are asked for anew each time.
FRESH = "noac"


def worked(daemon: Daemon) -> float:
    """When a client was last seen at work: 0 for never."""
    daemon.command("reload", check=True)
    when = daemon.status()["keep_awake"]["worked"]
    return 0.0 if when is None else float(when)


def asked(daemon: Daemon) -> float:
    return daemon.metric("hostnfsd_rpc_calls_total", service="nfs")


@pytest.mark.parametrize("version", [V3, "vers=4.1,port=2049"], ids=["v3", "v4.1"])
def test_work_is_told_from_having_something_mounted(
    make_bed: Callable[[BedOptions], Bed], version: str
) -> None:
    bed = make_bed(BedOptions(nfs=NfsOptions(protocols="3, 4")))
    daemon, kernel = bed.daemon(), bed.kernel
    daemon.await_ready()
    (bed.share / "hello").write_text("hello")
    assert worked(daemon) == 0  # after every probe, and a trial mount

    kernel.mount(f"{network.GATEWAY_NAME}:{EXPORT}", f"{version},{FRESH}")
    mounted = worked(daemon)
    calls = asked(daemon)
    # As kubelet does for each volume, and whoever looks whether it is there.
    kernel.run("for _ in 1 2 3 4 5 6 7 8 9 10; do df /mnt/nfs; stat /mnt/nfs; done >/dev/null")
    assert asked(daemon) > calls + 10
    assert worked(daemon) == mounted

    for command in (
        "ls /mnt/nfs",
        "cat /mnt/nfs/hello",
        "echo line >>/mnt/nfs/log",
        "rm /mnt/nfs/log",
    ):
        before = worked(daemon)
        kernel.run(command)
        assert worked(daemon) > before, command
    kernel.unmount()
