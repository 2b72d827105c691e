"""What probes cost, on the test bed, with six services and one address family.

    make bench WHAT=probes
    python -m tests.bench.probes [SECONDS]

The daemon's processor time and what passes between host and gateway are read over as many seconds
with a round of probes each second as without any; the difference is what a round costs. With the
default interval there are 360 rounds an hour.
"""

import os
import sys
import time
from pathlib import Path
from typing import Final

from tests.bed.bed import Bed
from tests.bed.box import Box
from tests.bed.daemon import Daemon

SECONDS: Final = 60
_DEFAULT_INTERVAL_S: Final = 10
_HOUR_S: Final = 3600


def measure(seconds: float) -> None:
    """Measure and print."""
    with Bed() as bed:
        with_probes = _run(bed, seconds, interval_s=1.0)
        without = _run(bed, seconds, interval_s=3600.0)
    rounds = with_probes["rounds"]
    cpu_s = (with_probes["cpu_s"] - without["cpu_s"]) / rounds
    wire = (with_probes["bytes"] - without["bytes"]) / rounds
    an_hour = _HOUR_S / _DEFAULT_INTERVAL_S
    print(f"Probes of six services in one family, {rounds:.0f} rounds in {seconds:g} s")
    print(f"  processor time of the daemon   {cpu_s * 1000:8.2f} ms a round")
    print(f"  at the default interval        {cpu_s * an_hour:8.2f} s an hour")
    print(f"  between host and gateway       {wire:8.0f} bytes a round, both directions, frames")
    for side in ("host", "gateway"):
        print(f"  one probe, {side:8}            {with_probes[side] * 1000:8.2f} ms")


def _run(bed: Bed, seconds: float, *, interval_s: float) -> dict[str, float]:
    daemon = bed.daemon({"probe": {"interval_s": interval_s, "timeout_s": 1.0}})
    daemon.await_ready()
    # The survey, the first mount and whatever else follows a start is over by then.
    time.sleep(5)
    before = _read(bed.network.host, daemon)
    time.sleep(seconds)
    after = _read(bed.network.host, daemon)
    daemon.terminate()
    found = {key: after[key] - before[key] for key in after}
    for side in ("host", "gateway"):
        found[side] = found[side] / max(1.0, found[f"{side}_count"])
    # rpcbind, which answers at the gateway itself, has a gateway's side in every round.
    found["rounds"] = found["rpcbind"]
    return found


def _read(host: Box, daemon: Daemon) -> dict[str, float]:
    # Before the scrape, which costs processor time itself.
    cpu_s, frames = _cpu_s(daemon), _bytes(host)
    found = {"cpu_s": cpu_s, "bytes": frames}
    name = "hostnfsd_probe_duration_seconds"
    for side in ("host", "gateway"):
        found[side] = daemon.metric(f"{name}_sum", side=side)
        found[f"{side}_count"] = daemon.metric(f"{name}_count", side=side)
    found["rpcbind"] = daemon.metric(f"{name}_count", side="gateway", service="rpcbind")
    return found


def _cpu_s(daemon: Daemon) -> float:
    """User and system time of the daemon (proc_pid_stat(5), fields 14 and 15)."""
    text = Path(f"/proc/{daemon.process.pid.number}/stat").read_text(encoding="ascii")
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _bytes(box: Box) -> int:
    """Bytes of frames that passed the box's wires, both directions (proc_pid_net(5), dev)."""
    text = Path(f"/proc/{box.first.number}/net/dev").read_text(encoding="ascii")
    rows = (line.partition(":") for line in text.splitlines() if ":" in line)
    counts = [numbers.split() for name, _, numbers in rows if name.strip() != "lo"]
    return sum(int(row[0]) + int(row[8]) for row in counts)


if __name__ == "__main__":
    measure(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
