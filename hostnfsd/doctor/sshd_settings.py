"""The gateway's sshd as it is configured, where it may be asked. Pure.

``sshd -T`` (sshd(8)) prints the effective configuration as ``keyword value`` lines. It needs the
right to read the host keys, and the ``-f`` of the sshd that serves us, which its command line
tells.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from hostnfsd.doctor import forward_verdict
from hostnfsd.doctor.finding import Finding, passed, skipped, warned
from hostnfsd.readable import duration
from hostnfsd.snapshot import FailureKind, GatewayView, ServiceState

#: Prints the file that our own sshd was started with, and what that sshd makes of it. Reads only.
#: The login's shell is between us and sshd, and has all of this in its command line.
COMMAND: Final = (
    'p=$PPID; f=; while [ "${p:-1}" -gt 1 ] 2>/dev/null; do '
    'c=$(tr "\\000" " " < "/proc/$p/cmdline" 2>/dev/null); '
    'case "$c" in sshd*listener*) f=$(printf %s "$c" | sed -n "s/.* -f \\([^ ]*\\).*/\\1/p"); '
    "break;; esac; "
    'p=$(sed "s/.*) [A-Z] \\([0-9]*\\) .*/\\1/" "/proc/$p/stat" 2>/dev/null); done; '
    'if [ "${p:-1}" -gt 1 ] 2>/dev/null; then '
    's=$(command -v sshd || echo /usr/sbin/sshd); "$s" -T ${f:+-f "$f"} 2>&1; '
    "else echo no listener seen; fi"
)
_WANTED: Final = "clientaliveinterval"
#: Keywords that cut forwards or sessions that are idle.
_CUTTING: Final = ("unusedconnectiontimeout", "channeltimeout")
#: Seconds after which sshd has noticed a dead session if it is set as our cure says.
_NOTICED_S: Final = 20.0
#: Seconds for which what happened before the session that stands says something of now.
_RECENT_S: Final = 86_400.0
_OFF: Final = frozenset({"none", "0", ""})


def read(output: str | None) -> Mapping[str, str] | None:
    """The keywords; None if sshd did not tell."""
    words = dict(line.split(" ", 1) for line in (output or "").splitlines() if " " in line)
    return words if _WANTED in words else None


def why_not(output: str | None) -> str:
    """Why it did not tell: the last line that it said."""
    if output is None:
        return "the gateway runs no commands for our login"
    if "no hostkeys" in output:
        return "sshd -T needs the host keys, which our login may not read"
    last = [line.strip() for line in output.splitlines() if line.strip()]
    return last[-1].rstrip(".") if last else "sshd -T says nothing"


def judge(
    output: str | None, view: GatewayView | None = None, now: float = 0.0
) -> tuple[Finding, ...]:
    """Client-alive, penalties and time-outs.

    Args:
        output: of :data:`COMMAND`; None where nobody can run it.
        view: what a daemon has seen of the gateway: it counts where sshd does not tell.
        now: of that view, in seconds since the epoch.
    """
    words = read(output)
    if words is None:
        return _by_behaviour(f"sshd_config cannot be read there: {why_not(output)}", view, now)
    found = []
    seconds = _silence(words)
    if seconds is None:
        text = "ClientAliveInterval is 0: a dead session holds our ports until TCP gives up"
        found.append(warned("client-alive-off", text))
    else:
        found.append(passed(f"a dead session is noticed after {seconds} s (ClientAlive)"))
    for keyword in _CUTTING:
        value = words.get(keyword, "none")
        if value not in _OFF:
            found.append(warned("channel-timeout", f"{keyword} {value}"))
    penalties = words.get("persourcepenalties", "")
    if penalties and penalties != "no":
        exempt = words.get("persourcepenaltyexemptlist", "none")
        told = "nobody is exempt" if exempt == "none" else f"exempt: {exempt}"
        found.append(passed(f"failed logins are penalised (PerSourcePenalties); {told}"))
    return tuple(found)


def _by_behaviour(why: str, view: GatewayView | None, now: float) -> tuple[Finding, ...]:
    """What a daemon has met is told as such: the settings themselves stay unknown."""
    if view is None:
        return (skipped(why),)
    rows = [*_held(view, now), *_turned_away(view, now)]
    if not rows:
        return (skipped(f"{why}; the daemon has met nothing that speaks against them"),)
    return (skipped(f"{why}; by what the daemon has met:"), *rows)


def _held(view: GatewayView, now: float) -> Iterator[Finding]:
    """Ports that stay taken after a tunnel was lost: its dead session may have them."""
    if view.up_since is None or not sum(view.losses.values()):
        return
    held = {
        str(service.service): now - max(each.since, view.up_since)
        for service in view.services
        for each in service.families.values()
        if each.state is ServiceState.REFUSED
        and forward_verdict.code(each.state, each.error) in {"port-busy", "stale-session"}
    }
    longest = max(held.values(), default=0.0)
    if longest > _NOTICED_S:
        yield warned(
            "client-alive-off",
            f"a tunnel was lost, and since the next came up, {duration(longest)} ago, the port of"
            f" {', '.join(held)} has been taken: if the dead session has it, sshd has not noticed"
            " yet (ClientAlive)",
        )


def _turned_away(view: GatewayView, now: float) -> Iterator[Finding]:
    """Penalties, or too many that log in at once: sshd has the same words for both."""
    times = view.failures.get(FailureKind.BUSY, 0)
    if times and (view.up_since is None or now - view.up_since < _RECENT_S):
        yield warned(
            "gateway-turns-away",
            f"sshd turned the daemon away {'once' if times == 1 else f'{times} times'} since it"
            " started (PerSourcePenalties or MaxStartups)",
        )


def _silence(words: Mapping[str, str]) -> int | None:
    interval = re.fullmatch(r"\d+", words[_WANTED])
    count = re.fullmatch(r"\d+", words.get("clientalivecountmax", "3"))
    if interval is None or count is None or int(interval[0]) == 0 or int(count[0]) == 0:
        return None
    return int(interval[0]) * (int(count[0]) + 1)  # sshd counts one more than it says
