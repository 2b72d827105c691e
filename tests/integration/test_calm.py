"""The log of a day on which nothing happens."""

from typing import Final

from tests.bed.bed import Bed
from tests.bed.daemon import Daemon

#: Rounds of probes, and with them more trial mounts.
ROUNDS: Final = 12
#: "About ten", of which the start has most.
MOST_LINES: Final = 11


def rounds(daemon: Daemon) -> float:
    return daemon.metric("hostnfsd_probe_duration_seconds_count", service="nfs", side="gateway")


def test_a_calm_day_has_about_ten_lines(bed: Bed) -> None:
    """After the start probes, trial mounts and scrapes go by without a word."""
    probe = {"interval_s": 1.0, "timeout_s": 1.0, "mount_interval_s": 0.5}
    daemon = bed.daemon({"probe": probe, "log": {"level": "info"}})
    daemon.await_ready()
    daemon.wait_until(lambda: rounds(daemon) >= 2, "the start to be over", timeout_s=30)
    start = daemon.log.splitlines()
    assert len(start) <= MOST_LINES, "\n".join(start)

    daemon.wait_until(lambda: rounds(daemon) >= ROUNDS, "many rounds of probes", timeout_s=60)

    assert daemon.log.splitlines() == start
    assert daemon.terminate() == 0
