"""Who may hold a port of the gateway: seen where it can be seen, else candidates. Pure.

The descriptors of one's own sshd session cannot be read (it is not dumpable), so that a session of
ours is a candidate by its user and age, never more.
"""

import re
from dataclasses import dataclass
from typing import Final

from hostnfsd.readable import duration

#: Prints ``holder PORT PID SECONDS COMMAND`` for listeners whose process can be seen, and
#: ``session PID SECONDS COMMAND`` for logins of our user. Reads /proc only.
COMMAND: Final = (
    # Processes come and go while they are looked at.
    "exec 2>/dev/null; "
    "hz=$(getconf CLK_TCK 2>/dev/null || echo 100); read -r up _ < /proc/uptime; up=${up%.*}; "
    'me=$(id -u); age() { t=$(sed "s/.*) //" "/proc/$1/stat" 2>/dev/null | cut -d" " -f20); '
    "echo $((up - ${t:-0} / hz)); }; "
    "for d in /proc/[0-9]*; do p=${d#/proc/}; "
    'c=$(tr "\\000" " " < "$d/cmdline" 2>/dev/null) || continue; '
    'case "$c" in sshd*@*|sshd-session*@*|"sshd: "*) '
    'u=$(sed -n "s/^Uid:[^0-9]*\\([0-9]*\\).*/\\1/p" "$d/status" 2>/dev/null); '
    '[ "$u" = "$me" ] && [ "$p" != "$PPID" ] && echo "session $p $(age "$p") $c";; esac; done; '
    "for t in /proc/net/tcp /proc/net/tcp6; do "
    'grep " 0A " "$t" 2>/dev/null | while read -r _ l _ _ _ _ _ _ _ n _; do '
    'echo "$((0x${l##*:})) $n"; done; done | sort -u | while read -r port inode; do '
    'for d in /proc/[0-9]*; do ls -l "$d/fd" 2>/dev/null | grep -q "socket:\\[$inode\\]" && { '
    'p=${d#/proc/}; c=$(tr "\\000" " " < "$d/cmdline" 2>/dev/null); '
    'echo "holder $port $p $(age "$p") $c"; break; }; done; done; true'
)
_HOLDER: Final = re.compile(r"holder (\d+) (\d+) (-?\d+) (.*)")
_SESSION: Final = re.compile(r"session (\d+) (-?\d+) (.*)")


@dataclass(frozen=True, slots=True)
class Holder:
    """A process of the gateway.

    Attributes:
        pid: its number there.
        seconds: how long it has run.
        command: its command line, or title.
        port: that it was seen to hold; None for a candidate.
    """

    pid: int
    seconds: int
    command: str
    port: int | None = None

    @property
    def words(self) -> str:
        """It in a few words."""
        since = f"pid {self.pid} on the gateway, for {duration(self.seconds)}"
        if self.port is None:
            return f"a login of ours that is still there ({self.command.strip()}: {since})"
        return f"{self.command.strip()[:60]} ({since})"


def read(output: str | None) -> tuple[Holder, ...]:
    """Read what :data:`COMMAND` printed; lines that make no sense are passed over."""
    found = []
    for line in (output or "").splitlines():
        if match := _HOLDER.fullmatch(line):
            port, pid, seconds, command = match.groups()
            found.append(Holder(int(pid), int(seconds), command, int(port)))
        elif match := _SESSION.fullmatch(line):
            pid, seconds, command = match.groups()
            found.append(Holder(int(pid), int(seconds), command))
    return tuple(found)


def of_port(found: tuple[Holder, ...], port: int) -> tuple[Holder, ...]:
    """Who was seen to hold a port; where nobody was, the candidates."""
    seen = tuple(holder for holder in found if holder.port == port)
    return seen or tuple(holder for holder in found if holder.port is None)
