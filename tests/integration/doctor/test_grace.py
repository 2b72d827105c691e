"""A server that has just started, and waits for clients of before: explained, and cured."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.daemon import Daemon
from tests.bed.nfs_server import EXPORT, NfsOptions
from tests.bed.waiting import wait_until
from tests.integration.doctor.faults import PLAIN, explained

OVER = "NFS Server Now NOT IN GRACE"


@pytest.fixture
def shared() -> Iterator[Bed]:
    with Bed(BedOptions(nfs=NfsOptions(protocols="3, 4", grace_s=6))) as bed:
        yield bed


@pytest.fixture
def daemon(shared: Bed) -> Iterator[Daemon]:
    made = shared.daemon(PLAIN)
    made.await_ready()
    yield made
    made.close()


def log(bed: Bed) -> str:
    return bed.nfs.log.read_text(encoding="utf-8", errors="replace")


@pytest.mark.produces("grace-period")
def test_what_makes_a_file_waits_for_the_end_of_the_grace_period(
    shared: Bed, daemon: Daemon
) -> None:
    source = f"{network.GATEWAY_NAME}:{EXPORT}"
    options = "vers=4.1,proto=tcp,port=2049,retry=0"
    shared.kernel.run(f"mkdir -p /mnt/v4 && mount -t nfs -o {options} {source} /mnt/v4")
    wait_until(lambda: OVER in log(shared), "the first grace period to be over", timeout_s=30)

    shared.nfs.restart_ganesha()
    assert OVER not in log(shared)
    shared.kernel.run("ls /mnt/v4")
    shared.kernel.run("touch /mnt/v4/made", timeout_s=60)
    assert OVER in log(shared), "it waited"

    (said, *_) = (line for line in log(shared).splitlines() if "Now IN GRACE" in line)
    entry = explained(daemon, said)
    assert entry["code"] == "grace-period", said
    assert "Graceless = true" in entry["cure"][0]
    shared.nfs.restart_ganesha(replace(shared.nfs.options, grace_s=0))
    shared.kernel.run("touch /mnt/v4/made-at-once")
    assert "IN GRACE" not in log(shared)
    shared.kernel.run("umount /mnt/v4")
