"""Sleep settings, as the system's commands print them. Pure.

``pmset -g custom`` (pmset(1) of macOS): headers ``Battery Power:`` and ``AC Power:``, then one
setting on a line, such as `` sleep                1`` (minutes; 0: never). ``systemctl is-enabled
sleep.target suspend.target`` prints one state on a line; ``masked`` keeps the machine awake.
"""

import re
from typing import Final

from hostnfsd.doctor.finding import Finding, passed, skipped, warned

PMSET: Final = ("/usr/bin/pmset", "-g", "custom")
SLEEP_TARGETS: Final = ("systemctl", "is-enabled", "sleep.target", "suspend.target")

_SLEEP: Final = re.compile(r"^\s*sleep\s+(\d+)", re.MULTILINE)


def of_pmset(output: str) -> Finding:
    """Whether a Mac that is plugged in falls asleep."""
    _, found, mains = output.partition("AC Power:")
    match = _SLEEP.search(mains.partition("Battery Power:")[0] if found else output)
    if match is None:
        return skipped("pmset does not tell when this Mac sleeps")
    minutes = int(match[1])
    if minutes == 0:
        return passed("this Mac does not fall asleep while it is plugged in")
    text = f"this Mac falls asleep after {minutes} idle minutes, plugged in"
    return warned("host-sleeps", text)


def of_systemd(status: int | None, output: str) -> Finding:
    """Whether systemd would let the machine sleep."""
    states = output.split()
    if status is None or not states or any("-" in s and "enabled" not in s for s in states):
        return skipped("no systemd here that tells whether this machine sleeps")
    if all(state.startswith("masked") for state in states):
        return passed("this machine is kept from sleeping (sleep.target is masked)")
    if all(state in {"static", "enabled", "disabled", "masked"} for state in states):
        return passed("this machine sleeps only when it is told to (systemctl suspend, its lid)")
    return skipped("no systemd here that tells whether this machine sleeps")
