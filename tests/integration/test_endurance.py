"""A year in a few minutes: a thousand reconnects, and nothing grows."""

from typing import Final

import pytest

from tests.bed.bed import Bed
from tests.bed.daemon import Daemon

ROUNDS: Final = 1000
MEBIBYTE: Final = 1024 * 1024


@pytest.mark.timeout(900)
def test_a_thousand_reconnects_leave_no_growth(own_bed: Bed) -> None:
    tunnel = {"steady_after_s": 0.01}  # each session counts as steady: the next follows at once
    daemon = own_bed.daemon({"tunnel": tunnel, "log": {"level": "error"}})
    daemon.await_ready()
    reconnect(daemon, own_bed, 100)  # caches fill, the allocator finds its size
    before = daemon.memory_bytes(), daemon.descriptors(), daemon.threads()

    reconnect(daemon, own_bed, ROUNDS)

    daemon.await_ready()
    # An attempt that is ending may still hold its socket for a moment.
    daemon.wait_until(lambda: daemon.descriptors() <= before[1], "descriptors to be given back")
    assert daemon.threads() <= before[2]
    grown = (daemon.memory_bytes() - before[0]) / MEBIBYTE
    assert grown < 2, f"{grown:.2f} MiB in {ROUNDS} reconnects"
    assert daemon.metric("hostnfsd_tunnel_losses_total") >= ROUNDS


def reconnect(daemon: Daemon, bed: Bed, times: int) -> None:
    for _ in range(times):
        recovered = daemon.metric("hostnfsd_tunnel_recovery_seconds_count")
        bed.gateway.kill_sessions()
        await_recovery(daemon, recovered)


def await_recovery(daemon: Daemon, before: float) -> None:
    daemon.wait_until(
        lambda: daemon.metric("hostnfsd_tunnel_recovery_seconds_count") > before, "the recovery"
    )
