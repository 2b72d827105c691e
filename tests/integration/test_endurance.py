"""A year in a few minutes: a thousand reconnects, and nothing grows.

Memory, descriptors and threads are what a process shows from outside. How many asyncio tasks it
has shows nowhere: those are counted in the process, by test_a_hundred_reconnects_leave_nothing of
tests/shell/daemon/gateway/test_supervisor.py.
"""

from typing import Final

import pytest

from tests.bed.bed import Bed
from tests.bed.daemon import Daemon

HALF: Final = 500
MEBIBYTE: Final = 1024 * 1024


@pytest.mark.timeout(900)
def test_a_thousand_reconnects_leave_no_growth(own_bed: Bed) -> None:
    tunnel = {"steady_after_s": 0.01}  # each session counts as steady: the next follows at once
    daemon = own_bed.daemon({"tunnel": tunnel, "log": {"level": "error"}})
    daemon.await_ready()
    reconnect(daemon, own_bed, 100)
    descriptors, threads = daemon.descriptors(), daemon.threads()

    # Caches fill and the allocator finds its size in the first half; what leaks also grows in the
    # second: 2 KiB for each reconnect would be found.
    reconnect(daemon, own_bed, HALF)
    middle = daemon.memory_bytes()
    reconnect(daemon, own_bed, HALF)

    grown = (daemon.memory_bytes() - middle) / MEBIBYTE
    assert grown < 1, f"{grown:.2f} MiB in {HALF} reconnects"
    daemon.await_ready()
    # An attempt that is ending may still hold its socket for a moment.
    daemon.wait_until(lambda: daemon.descriptors() <= descriptors, "descriptors to be given back")
    assert daemon.threads() <= threads
    assert daemon.metric("hostnfsd_tunnel_losses_total") >= 2 * HALF


def reconnect(daemon: Daemon, bed: Bed, times: int) -> None:
    for _ in range(times):
        recovered = daemon.metric("hostnfsd_tunnel_recovery_seconds_count")
        bed.gateway.kill_sessions()
        await_recovery(daemon, recovered)


def await_recovery(daemon: Daemon, before: float) -> None:
    daemon.wait_until(
        lambda: daemon.metric("hostnfsd_tunnel_recovery_seconds_count") > before, "the recovery"
    )
