"""Who may hold a port of the gateway: seen where it can be seen, else candidates. Pure.

The descriptors of one's own sshd session cannot be read (it is not dumpable), so that a session of
ours is a candidate by its user and age, never more.
"""

import re
from dataclasses import dataclass
from typing import Final

from hostnfsd.readable import duration

#: Prints ``holder PORT PID SECONDS COMMAND`` for listeners whose process can be seen, and
#: ``session PID SECONDS COMMAND`` for logins of our user but this one, which is not always our
#: parent: between us and sshd is the login's own shell. Reads /proc only, and most of it at once:
#: a gateway may have thousands of processes. They come and go meanwhile: what our own session's
#: sshd forks for another command is called as a session is, until it becomes that command.
COMMAND: Final = r"""
exec 2>/dev/null
hz=$(getconf CLK_TCK || echo 100); read -r up _ < /proc/uptime; up=${up%.*}; me=$(id -u)
age() { t=$(sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20); echo $((up - ${t:-0} / hz)); }
cmd() { tr '\000' ' ' < "/proc/$1/cmdline"; }
own=$PPID
while [ "${own:-1}" -gt 1 ]; do
  case "$(cmd "$own")" in sshd*) break;; esac
  own=$(sed 's/.*) [A-Z] \([0-9]*\) .*/\1/' "/proc/$own/stat")
done
for f in $(grep -l '^sshd' /proc/[0-9]*/cmdline); do
  p=${f#/proc/}; p=${p%/cmdline}; c=$(cmd "$p")
  u=$(sed -n 's/^Uid:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/status")
  q=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$p/status")
  case "$c" in *listener*) ;; *)
    [ "$u" = "$me" ] && [ "$p" != "$own" ] && [ "$q" != "$own" ] &&
      echo "session $p $(age "$p") $c";;
  esac
done
l=$(for t in /proc/net/tcp /proc/net/tcp6; do
  grep ' 0A ' "$t" | while read -r _ l _ _ _ _ _ _ _ n _; do echo "$((0x${l##*:})) $n"; done
done)
i=$(echo "$l" | cut -d' ' -f2 | tr '\n' '|' | sed 's/|$//; s/|/\\|/g')
ls -l /proc/[0-9]*/fd |
  sed -n -e 's#^/proc/\([0-9]*\)/fd:$#P \1#p' -e "s#.*socket:\[\($i\)\]\$#I \1#p" |
  while read -r k v; do
    case $k in
      P) p=$v;;
      I) port=$(echo "$l" | sed -n "s/ $v\$//p" | head -n 1)
        echo "holder $port $p $(age "$p") $(cmd "$p")";;
    esac
  done
true
"""
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
