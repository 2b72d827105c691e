"""The log of a day on which nothing happens."""

from typing import Final

from tests.bed.bed import Bed
from tests.bed.daemon import Daemon

#: Rounds of probes, and with them more trial mounts.
ROUNDS: Final = 12
#: "About ten": the start, and what there is to say of it.
MOST_LINES: Final = 10


def rounds(daemon: Daemon) -> float:
    return daemon.metric("hostnfsd_probe_duration_seconds_count", service="nfs", side="gateway")


def test_a_calm_day_has_about_ten_lines(bed: Bed) -> None:
    """Probes, trial mounts, scrapes and an idle reload go by without a word, or with one."""
    probe = {"interval_s": 1.0, "timeout_s": 1.0, "mount_interval_s": 0.5}
    daemon = bed.daemon({"probe": probe, "log": {"level": "info"}})
    daemon.await_ready()
    before = len(daemon.log.splitlines())

    daemon.wait_until(lambda: rounds(daemon) >= ROUNDS, "many rounds of probes", timeout_s=60)
    assert len(daemon.log.splitlines()) == before
    daemon.sighup()
    daemon.await_log("config_reloaded")
    assert daemon.terminate() == 0

    lines = daemon.log.splitlines()
    assert len(lines) <= MOST_LINES, "\n".join(lines)
