"""How soon each fault is told, on the test bed: the table of docs/states.md.

    make bench WHAT=states
    python -m tests.bench.states [--write]     # --write: put the table into docs/states.md

Each fault of ``tests/bed/state_faults.py`` is injected for real, with the configuration's defaults.
One that stands from the start is timed from the start of the daemon, one that is injected from the
end of its injection; then it is mended, and timed until everything serves again.
"""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Final

from tests.bed.bed import Bed
from tests.bed.daemon import Daemon
from tests.bed.state_faults import FAULTS, Fault

PAGE: Final = Path(__file__).parents[2] / "docs" / "states.md"
BEGIN: Final = "<!-- table: make bench WHAT=states -->\n"
END: Final = "<!-- end of table -->\n"
GIVE_UP_S: Final = 60.0
_STEP_S: Final = 0.02
_SETTLED_S: Final = 12.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a fault.

    Attributes:
        fault: which.
        told_s: seconds until its state was told.
        ready: whether ``/readyz`` says 200 meanwhile.
        mended_s: seconds from its end until everything served; None where it was not mended.
    """

    fault: Fault
    told_s: float
    ready: bool
    mended_s: float | None


def measure() -> list[Outcome]:
    """Inject all of them, one after the other."""
    return [_measure(fault) for fault in FAULTS]


def _measure(fault: Fault) -> Outcome:
    with Bed(fault.options) as bed:
        fault.prepare(bed)
        started = time.monotonic()
        daemon = bed.daemon(fault.tables)
        mend: Callable[[], object] | None = None
        if fault.inject is not None:
            daemon.await_ready()
            # What follows a start is over, and a round of probes, too: the next is far off.
            time.sleep(_SETTLED_S)
            mend = fault.inject(bed)
            started = time.monotonic()
        told_s = _until(lambda: _told(daemon, fault), started)
        if fault.ready:
            _until(daemon.ready, started)
        ready = daemon.ready()
        mended_s = None
        if mend is not None:
            mend()
            mended_s = _until(daemon.ready, time.monotonic())
        return Outcome(fault, told_s, ready, mended_s)


def _until(condition: Callable[[], bool], started: float) -> float:
    while not condition():
        if time.monotonic() - started > GIVE_UP_S:
            return float("inf")
        time.sleep(_STEP_S)
    return time.monotonic() - started


def _told(daemon: Daemon, fault: Fault) -> bool:
    with suppress(OSError, HTTPException):
        labels = {"service": fault.service, "family": fault.family}
        return daemon.metric("hostnfsd_service_state", **labels, state=fault.state) == 1
    return False


def table(outcomes: list[Outcome]) -> str:
    """The outcomes as a table in Markdown."""
    lines = [
        "| what is done | state | metric that is 1 | `/readyz` | told after | well again after |",
        "|---|---|---|---|---|---|",
    ]
    for each in outcomes:
        fault = each.fault
        mended = "" if each.mended_s is None else f"{each.mended_s:.1f} s"
        told = f"{each.told_s:.1f} s" + ("" if fault.inject else " from the start")
        lines.append(
            f"| {fault.name} | {fault.service}: `{fault.state}` | `{fault.metric()}` "
            f"| {200 if each.ready else 503} | {told} | {mended} |"
        )
    return "\n".join(lines) + "\n"


def with_table(page: str, new: str) -> str:
    """The page with another table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{new}{END}{after}"


def main(words: list[str]) -> None:
    """Measure and print; with ``--write`` change the page as well."""
    made = table(measure())
    print(made)
    if "--write" in words:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
