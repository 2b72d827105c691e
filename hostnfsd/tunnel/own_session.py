"""Which process of the gateway carries our session, told apart from every other there ever was.

A process number alone says nothing: numbers are given out again, and a container that is restarted
begins at the low ones, under the same boot id. The start time of a process (proc(5), stat, field
22: clock ticks since boot) never comes twice with its number in one pid namespace; which namespace
that is, its inode and the start time of its first process tell; and of which machine, its host key
and boot id.
"""

import re
from dataclasses import dataclass
from typing import Final

#: Reads ``/proc/PID/stat`` into variables of the shell: ``n`` the program's name in brackets, ``z``
#: the state, ``r`` the parent, ``t`` the start. A program whose name has a blank makes no sense of
#: the rest, and is none of sshd's.
READ_STAT: Final = f"read -r _ n z r {'_ ' * 17}t _"

#: Prints ``sshd BOOT NAMESPACE FIRST PID START UID NAME``: the nearest process above this shell
#: that is sshd's. That is the one that holds our listeners: of an unprivileged login its own child,
#: below the monitor; of root's the only one. Where /proc hides it, or there is none: nothing.
IDENTIFY: Final = (
    # A /proc that speaks of another pid namespace than ours would tell of others' processes.
    'p=$$; { read -r x _ </proc/self/stat; } 2>/dev/null; [ "$x" = "$p" ] || p=0; '
    'i=0; u=; b=; while [ $i -lt 16 ] && [ "$p" -gt 1 ]; do t=; '
    f'{READ_STAT} <"/proc/$p/stat" || break; '
    'case $n in "(sshd)"|"(sshd-session)") s=$t; c=$n; '
    'while read -r k u _; do [ "$k" = Uid: ] && break; done <"/proc/$p/status"; '
    "read -r b </proc/sys/kernel/random/boot_id; t=; "
    f"{READ_STAT} </proc/1/stat; "
    'echo "sshd $b $(readlink /proc/self/ns/pid || echo -) $t $p $s $u $c"; break;; esac; '
    "p=$r; i=$((i+1)); done 2>/dev/null; "
)

_BOOT: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMESPACE: Final = re.compile(r"-|pid:\[[0-9]{1,20}\]")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
#: sshd's session process before 9.8, and since.
NAMES: Final = ("sshd", "sshd-session")
_WORDS: Final = 7


@dataclass(frozen=True, slots=True)
class Place:
    """One pid namespace of one boot of a machine.

    Attributes:
        boot_id: of ``/proc/sys/kernel/random/boot_id``.
        namespace: what ``/proc/self/ns/pid`` points to; ``-`` where nobody could tell.
        first_start: when its first process started, in clock ticks since boot.
    """

    boot_id: str
    namespace: str
    first_start: int


@dataclass(frozen=True, slots=True)
class SessionProcess:
    """The process of sshd that carries a session and holds its listeners.

    Attributes:
        place: where it runs.
        pid: its number there.
        start: when it started, in clock ticks since boot.
        uid: whose it is.
        name: ``sshd`` or ``sshd-session``.
    """

    place: Place
    pid: int
    start: int
    uid: int
    name: str


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A session of ours as it is remembered.

    Attributes:
        host_key: fingerprint of the gateway's host key, ``SHA256:…``.
        address: ``user@host:port`` as dialled.
        since: when it was made, seconds since the epoch.
        ports: of the gateway, that it asked for.
        process: what carries it there; None where the gateway did not tell.
    """

    host_key: str
    address: str
    since: float
    ports: frozenset[int]
    process: SessionProcess | None = None


def read_process(words: list[str]) -> SessionProcess | None:
    """Read what :data:`IDENTIFY` printed after ``sshd``; None if it makes no sense.

    All of it goes into a command later: nothing is let through but numbers and known words.
    """
    if len(words) != _WORDS:
        return None
    boot_id, namespace, *numbers, name = words
    name = name.removeprefix("(").removesuffix(")")
    if not (_BOOT.fullmatch(boot_id) and _NAMESPACE.fullmatch(namespace) and name in NAMES):
        return None
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        return None
    first_start, pid, start, uid = map(int, numbers)
    if pid <= 1 or start == 0:  # a machine's first process is nobody's session
        return None
    return SessionProcess(Place(boot_id, namespace, first_start), pid, start, uid, name)
