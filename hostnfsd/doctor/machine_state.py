"""Sleep settings, as the system's commands print them. Pure.

``pmset -g custom`` (pmset(1) of macOS): headers ``Battery Power:`` and ``AC Power:``, then one
setting on a line, such as `` sleep                1`` (minutes; 0: never). ``systemctl is-enabled
sleep.target suspend.target`` prints one state on a line; ``masked`` keeps the machine awake.
What a desktop does by itself stands elsewhere, and is not seen.
"""

import re
from typing import Final

from hostnfsd.doctor.finding import Finding, passed, skipped, warned
from hostnfsd.tunnel import wakelock

PMSET: Final = ("/usr/bin/pmset", "-g", "custom")
SLEEP_TARGETS: Final = ("systemctl", "is-enabled", "sleep.target", "suspend.target")

_SLEEP: Final = re.compile(r"^\s*sleep\s+(\d+)", re.MULTILINE)
#: All of logind's actions by which a machine sleeps; the others end it, lock it, or do nothing.
_SLEEPS: Final = frozenset(
    {"sleep", "suspend", "hibernate", "hybrid-sleep", "suspend-then-hibernate"}
)


def of_pmset(output: str, mode: str, error: str | None = None) -> Finding:
    """Whether a Mac that is plugged in falls asleep while clients work.

    Args:
        output: what pmset printed.
        mode: ``host.keep_awake``.
        error: why the daemon cannot keep it awake; None if it can, or nobody knows.
    """
    _, found, mains = output.partition("AC Power:")
    match = _SLEEP.search(mains.partition("Battery Power:")[0] if found else output)
    if match is None:
        return skipped("pmset does not tell when this Mac sleeps")
    minutes = int(match[1])
    if minutes == 0:
        return passed("this Mac does not fall asleep while it is plugged in")
    text = f"this Mac falls asleep after {minutes} idle minutes, plugged in"
    return _kept(text, mode, error)


def _kept(text: str, mode: str, error: str | None) -> Finding:
    """Of a machine that falls asleep, as ``text`` says: whether it matters."""
    if error is not None:
        return warned("host-sleeps", f"{text}, and the daemon cannot keep it awake: {error}")
    if mode == "never":
        return warned("host-sleeps", f'{text}, also while clients work (host.keep_awake = "never")')
    when = "while clients work" if mode == "while-connected" else "while the daemon runs"
    return passed(f"{text}, but not {when} (host.keep_awake)")


def of_systemd(
    status: int | None, output: str, idle: str, mode: str, error: str | None = None
) -> Finding:
    """Whether systemd would let the machine sleep.

    Args:
        status: of :data:`SLEEP_TARGETS`; None if it could not be run.
        output: what that printed.
        idle: what :data:`hostnfsd.tunnel.wakelock.IDLE_ACTION` printed.
        mode: ``host.keep_awake``.
        error: why the daemon cannot keep it awake; None if it can, or nobody knows.
    """
    states = output.split()
    if status is None or not states or any("-" in s and "enabled" not in s for s in states):
        return skipped("no systemd here that tells whether this machine sleeps")
    if all(state.startswith("masked") for state in states):
        return passed("this machine is kept from sleeping (sleep.target is masked)")
    action = wakelock.idle_action(idle)
    if action in _SLEEPS:
        return _kept(f"this machine falls asleep when it is idle ({action})", mode, error)
    if error is not None:
        return warned("host-sleeps", f"the daemon cannot keep this machine awake: {error}")
    if all(state in {"static", "enabled", "disabled", "masked"} for state in states):
        return passed("this machine sleeps only when it is told to (systemctl suspend, its lid)")
    return skipped("no systemd here that tells whether this machine sleeps")
