"""The system service is stopped while a kernel has its share mounted and writes."""

import filecmp
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hostnfsd
from hostnfsd.errors import Exit
from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.nfs_server import EXPORT, exports_line
from tests.bed.systemd_box import SystemdBox
from tests.bed.transfer import write_random
from tests.bed.waiting import wait_until
from tests.support.boxed_gateway import SSH_FOLDER
from tests.support.systemd_service import CONFIG, UNIT, deploy, hostnfsd_in, state, write

pytestmark = pytest.mark.timeout(180)

CONFIGURATION = f"""\
[gateway.{network.GATEWAY_NAME}]
host = "{network.GATEWAY_SSH}"
user = "admin"
ssh_config = "none"
client_address = "{network.GATEWAY}"
"""


@pytest.fixture
def host(own_bed: Bed, tmp_path: Path) -> Iterator[SystemdBox]:
    """The host of the bed, booted by systemd, with the service of an operator who has read on."""
    with SystemdBox(tmp_path / "machine", network_of=own_bed.network.host) as box:
        deploy(box, Path(hostnfsd.__file__).parent)
        box.open_to_everybody(Path(os.path.realpath(sys.executable)), Path(os.__file__))
        box.boot()
        write(box, CONFIG, CONFIGURATION)
        (box.root / EXPORT.lstrip("/")).mkdir(parents=True, exist_ok=True)
        write(box, "/etc/exports", exports_line(EXPORT))
        hostnfsd_in(box, "install", "--system")
        keys = box.root / SSH_FOLDER.lstrip("/")
        keys.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(own_bed.key, keys)
        shutil.copy(own_bed.known_hosts, keys)
        box.run("chown", "-R", "hostnfsd:", SSH_FOLDER)
        box.run("systemctl", "restart", UNIT)
        await_ready(box)
        yield box


def await_ready(box: SystemdBox) -> None:
    wait_until(
        lambda: hostnfsd_in(box, "status", check=False).status == Exit.OK,
        "all services to be ready",
        timeout_s=30,
        poll_s=0.2,
        seen=lambda: box.journal(UNIT),
    )


def test_what_it_writes_is_whole_after_a_stop_and_a_start(own_bed: Bed, host: SystemdBox) -> None:
    kernel = own_bed.kernel
    source, copy = kernel.share / "source", own_bed.share / "copy"
    write_random(source)
    kernel.mount(f"{network.GATEWAY_NAME}:{EXPORT}", "vers=3,tcp,nolock,hard")
    writing = kernel.start("dd if=/mnt/share/source of=/mnt/nfs/copy bs=1M conv=fsync 2>&1")
    wait_until(
        lambda: copy.exists() and copy.stat().st_size > 1 << 20,
        "the write to be under way",
        poll_s=0.02,
        seen=kernel.console,
    )

    host.run("systemctl", "stop", UNIT)

    assert not writing.done
    now = state(host)
    assert (now["ActiveState"], now["Result"]) == ("inactive", "success"), host.journal(UNIT)
    written = copy.stat().st_size
    assert written < source.stat().st_size
    host.run("systemctl", "start", UNIT)
    writing.wait(90)
    assert filecmp.cmp(source, copy, shallow=False)
    kernel.unmount()
