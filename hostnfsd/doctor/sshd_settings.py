"""The gateway's sshd as it is configured, where it may be asked. Pure.

``sshd -T`` (sshd(8)) prints the effective configuration as ``keyword value`` lines. It needs the
right to read the host keys, and the ``-f`` of the sshd that serves us, which its command line
tells.
"""

import re
from collections.abc import Mapping
from typing import Final

from hostnfsd.doctor.finding import Finding, passed, skipped, warned

#: Prints the file that our own sshd was started with, and what that sshd makes of it. Reads only.
COMMAND: Final = (
    'p=$PPID; f=; while [ "${p:-1}" -gt 1 ] 2>/dev/null; do '
    'c=$(tr "\\000" " " < "/proc/$p/cmdline" 2>/dev/null); '
    'case "$c" in *listener*) f=$(printf %s "$c" | sed -n "s/.* -f \\([^ ]*\\).*/\\1/p"); '
    "break;; esac; "
    'p=$(sed "s/.*) [A-Z] \\([0-9]*\\) .*/\\1/" "/proc/$p/stat" 2>/dev/null); done; '
    'if [ "${p:-1}" -gt 1 ] 2>/dev/null; then '
    's=$(command -v sshd || echo /usr/sbin/sshd); "$s" -T ${f:+-f "$f"} 2>&1; '
    "else echo no listener seen; fi"
)
_WANTED: Final = "clientaliveinterval"
#: Keywords that cut forwards or sessions that are idle.
_CUTTING: Final = ("unusedconnectiontimeout", "channeltimeout")
_OFF: Final = frozenset({"none", "0", ""})


def read(output: str | None) -> Mapping[str, str] | None:
    """The keywords; None if sshd did not tell."""
    words = dict(line.split(" ", 1) for line in (output or "").splitlines() if " " in line)
    return words if _WANTED in words else None


def why_not(output: str | None) -> str:
    """Why it did not tell: the last line that it said."""
    if output is None:
        return "the gateway runs no commands for our login"
    last = [line.strip() for line in output.splitlines() if line.strip()]
    return last[-1] if last else "sshd -T says nothing"


def judge(output: str | None) -> tuple[Finding, ...]:
    """Client-alive, penalties and time-outs."""
    words = read(output)
    if words is None:
        return (skipped(f"sshd_config cannot be read there: {why_not(output)}"),)
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


def _silence(words: Mapping[str, str]) -> int | None:
    interval = re.fullmatch(r"\d+", words[_WANTED])
    count = re.fullmatch(r"\d+", words.get("clientalivecountmax", "3"))
    if interval is None or count is None or int(interval[0]) == 0 or int(count[0]) == 0:
        return None
    return int(interval[0]) * (int(count[0]) + 1)  # sshd counts one more than it says
