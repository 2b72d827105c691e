"""A daemon that was not let run: stopped, swapped out, starved, paused with its machine.

To its clock everybody else was silent meanwhile. They were not, and nothing is to be said of them.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bed.bed import Bed, BedOptions
from tests.bed.box import Box
from tests.bed.daemon import Daemon
from tests.bed.waiting import wait_until

#: Seconds that a probe has: more than it takes to freeze two processes, on any machine.
TIMEOUT_S = 1.0
#: What the daemon sleeps through: more than it allows anybody, a silent gateway included.
STOP_S = 3.0
PROBE = {"interval_s": TIMEOUT_S, "timeout_s": TIMEOUT_S}
TUNNEL = {"keepalive_interval_s": 1.0, "keepalive_count_max": 1}


def unread(box: Box, port: int) -> bool:
    """Whether somebody who is connected to this port waits for an answer (proc(5), net/tcp)."""
    for file in ("tcp", "tcp6"):
        text = Path(f"/proc/{box.first.number}/net/{file}").read_text(encoding="ascii")
        for _, local, _, state, queues, *_ in (line.split() for line in text.splitlines()[1:]):
            here = int(local.rpartition(":")[2], 16) == port
            if here and state != "0A" and int(queues.partition(":")[2], 16):
                return True
    return False


def stopped_while_nfs_answers(bed: Bed, daemon: Daemon) -> None:
    bed.nfs.freeze()
    try:
        wait_until(lambda: unread(bed.nfs.box, 2049), "a call to lie before nfs")
        daemon.process.freeze()
    finally:
        bed.nfs.thaw()
    time.sleep(STOP_S)  # the stop itself: by any clock the time of the call runs out
    daemon.process.thaw()


def stopped_while_the_gateway_answers(bed: Bed, daemon: Daemon) -> None:
    assert bed.gateway.freeze_sessions() == 1
    try:
        wait_until(lambda: unread(bed.gateway.box, 22), "a request to lie before sshd")
        daemon.process.freeze()
    finally:
        bed.gateway.thaw()
    time.sleep(STOP_S)
    daemon.process.thaw()


def starved(bed: Bed, daemon: Daemon) -> None:
    """It runs for moments only, again and again."""
    del bed
    for _ in range(int(STOP_S)):
        daemon.process.freeze()
        time.sleep(0.9)
        daemon.process.thaw()
        time.sleep(0.1)


Stop = Callable[[Bed, Daemon], None]


@pytest.fixture(scope="module")
def watched() -> Iterator[tuple[Bed, Daemon]]:
    """A bed and a daemon that every test of this module stops, and that neither notices."""
    with Bed(BedOptions()) as bed:
        daemon = bed.daemon({"probe": PROBE, "tunnel": TUNNEL})
        daemon.await_ready()
        yield bed, daemon


@pytest.mark.parametrize(
    "stop", [stopped_while_nfs_answers, stopped_while_the_gateway_answers, starved]
)
def test_nobody_is_blamed_for_what_the_daemon_slept_through(
    watched: tuple[Bed, Daemon], stop: Stop
) -> None:
    bed, daemon = watched
    rounds = probed(daemon)
    daemon.wait_until(lambda: probed(daemon) > rounds + 1, "the start to be over")
    before = daemon.log

    stop(bed, daemon)

    rounds = probed(daemon)
    daemon.wait_until(lambda: probed(daemon) > rounds + 1, "rounds of probes after it")
    assert daemon.log.removeprefix(before) == ""
    assert daemon.ready()
    assert daemon.metric("hostnfsd_probe_failures_total") == 0
    assert daemon.metric("hostnfsd_tunnel_losses_total") == 0, daemon.log


def probed(daemon: Daemon) -> float:
    return daemon.metric("hostnfsd_probe_duration_seconds_count", service="nfs", side="gateway")
