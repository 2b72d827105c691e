"""Sleep settings, as the system's commands print them. Pure.

``pmset -g custom`` (pmset(1) of macOS): headers ``Battery Power:`` and ``AC Power:``, then one
setting on a line, such as `` sleep                1`` (minutes; 0: never). ``systemctl is-enabled
sleep.target suspend.target`` prints one state on a line; ``masked`` keeps the machine awake.
``busctl get-property`` prints a property of logind's as its type and value: ``s "suspend"``
(logind.conf(5), IdleAction). What a desktop does by itself stands elsewhere, and is not seen.
"""

import re
from typing import Final

from hostnfsd.doctor.finding import Finding, passed, skipped, warned

PMSET: Final = ("/usr/bin/pmset", "-g", "custom")
SLEEP_TARGETS: Final = ("systemctl", "is-enabled", "sleep.target", "suspend.target")
IDLE_ACTION: Final = (
    *("busctl", "get-property", "org.freedesktop.login1", "/org/freedesktop/login1"),
    *("org.freedesktop.login1.Manager", "IdleAction"),
)

_SLEEP: Final = re.compile(r"^\s*sleep\s+(\d+)", re.MULTILINE)
#: All of logind's actions by which a machine sleeps; the others end it, lock it, or do nothing.
_IDLE: Final = re.compile(r'^s "(sleep|suspend|hibernate|hybrid-sleep|suspend-then-hibernate)"')


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


def of_systemd(status: int | None, output: str, idle: str = "") -> Finding:
    """Whether systemd would let the machine sleep.

    Args:
        status: of :data:`SLEEP_TARGETS`; None if it could not be run.
        output: what that printed.
        idle: what :data:`IDLE_ACTION` printed.
    """
    states = output.split()
    if status is None or not states or any("-" in s and "enabled" not in s for s in states):
        return skipped("no systemd here that tells whether this machine sleeps")
    if all(state.startswith("masked") for state in states):
        return passed("this machine is kept from sleeping (sleep.target is masked)")
    if (match := _IDLE.search(idle)) is not None:
        return warned("host-sleeps", f"this machine falls asleep when it is idle ({match[1]})")
    if all(state in {"static", "enabled", "disabled", "masked"} for state in states):
        return passed("this machine sleeps only when it is told to (systemctl suspend, its lid)")
    return skipped("no systemd here that tells whether this machine sleeps")
