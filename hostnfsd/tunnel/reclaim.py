"""Which of our own dead sessions may still hold a port, what ends them, and what came of it.

sshd holds a port for as long as its process of that session lives: until ClientAliveInterval x
(ClientAliveCountMax + 1) have passed, or for hours where nobody set it. Ended is what we recorded
ourselves and nothing else (:mod:`hostnfsd.tunnel.own_session`): the same machine, boot, pid
namespace, number, start time, user and program, and not a session that stands. Looking and ending
are one run of one shell, whose look is the step before the signal.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from hostnfsd.readable import duration
from hostnfsd.tunnel.forward import Answer, Verdict
from hostnfsd.tunnel.own_session import READ_STAT, OwnSession, SessionProcess

#: Steps of a tenth of a second that a process is left to end, before it is killed and after.
_PATIENCE: Final = 20
_LAST_PATIENCE: Final = 10
#: Seconds the whole command may take: sessions are ended one after the other, and one is usual.
WITHIN_S: Final = 8.0
#: Sessions of a gateway that are remembered, and so looked at; each loss adds one at most.
MOST: Final = 8

#: ``look`` tells whether the process that started at that time is still there, and not a corpse;
#: ``ours`` moreover whether it is what was recorded.
_FUNCTIONS: Final = (
    f'look() {{ t=; z=; {READ_STAT} <"/proc/$1/stat"; '
    '[ "$t" = "$2" ] && [ "$z" != Z ] && [ "$z" != X ]; }; '
    'owner() { u=; while read -r k u _; do [ "$k" = Uid: ] && break; done <"/proc/$1/status"; '
    '[ "$u" = "$2" ]; }; '
    'ours() { look "$1" "$2" && [ "$n" = "($4)" ] && owner "$1" "$3"; }; '
    'tell() { echo "session $*"; }; '
    'seen() { if ours "$@"; then tell "$@" alive; '
    'elif look "$1" "$2"; then tell "$@" foreign; else tell "$@" gone; fi; }; '
    'end() { ours "$@" || { seen "$@"; return; }; '
    'if look "$1" "$2" && kill -TERM "$1"; then :; '
    'elif look "$1" "$2"; then tell "$@" denied; return; fi; '
    'i=0; while look "$1" "$2"; do '
    f'[ $i -ge {_PATIENCE + _LAST_PATIENCE} ] && {{ tell "$@" stuck; return; }}; '
    # A session that was stopped hears no TERM.
    f'[ $i -ge {_PATIENCE} ] && kill -KILL "$1"; '
    # sleep(1) as POSIX has it knows whole seconds only. Whoever waited looks before he signals.
    "sleep 0.1 || { sleep 1; i=$((i+9)); }; i=$((i+1)); "
    'done; tell "$@" ended; }; '
)


class Fate(StrEnum):
    """What became of a recorded process."""

    ALIVE = "alive"  # it was only looked at
    ENDED = "ended"
    GONE = "gone"  # it had ended by itself; its number may be another's by now
    FOREIGN = "foreign"  # what is there is not what was recorded
    DENIED = "denied"  # we may not signal it
    STUCK = "stuck"  # it outlives even KILL


#: Whether nobody needs to remember such a process any more.
OVER: Final = frozenset({Fate.ENDED, Fate.GONE, Fate.FOREIGN})


def suspects(
    remembered: Iterable[OwnSession],
    *,
    here: SessionProcess | None,
    host_key: str,
    port: int,
    standing: Collection[SessionProcess] = (),
) -> tuple[OwnSession, ...]:
    """The sessions of ours that may still hold a port, the latest first.

    Args:
        remembered: all that are.
        here: what carries the session that stands now; None where the gateway did not tell.
        host_key: of the gateway that it was made with.
        port: that was refused.
        standing: what carries sessions that this very daemon still has.
    """
    return tuple(
        session
        for session in sorted(remembered, key=lambda s: s.since, reverse=True)
        if session.host_key == host_key
        and port in session.ports
        and (
            session.process is None
            or here is None
            or (
                session.process.place == here.place
                and session.process != here
                and session.process not in standing
            )
        )
    )


def elsewhere(
    remembered: Iterable[OwnSession], *, here: SessionProcess | None, host_key: str
) -> tuple[OwnSession, ...]:
    """Those that a session which has all its ports says nothing of: of other machines and boots."""
    return tuple(
        session
        for session in remembered
        if session.host_key != host_key
        or (
            session.process is not None and here is not None and session.process.place != here.place
        )
    )


def command(candidates: Iterable[SessionProcess], *, end: bool) -> str:
    """What to run on the gateway: for any POSIX shell, with numbers and known words alone.

    Args:
        candidates: whom it is about.
        end: whether they are to be ended, not only looked at.
    """
    verb = "end" if end else "seen"
    calls = "; ".join(f"{verb} {p.pid} {p.start} {p.uid} {p.name}" for p in candidates)
    return f"exec 2>/dev/null; {_FUNCTIONS}{calls}; true"


def read(
    output: str | None, candidates: Iterable[SessionProcess]
) -> dict[SessionProcess, Fate] | None:
    """What became of each; those it says nothing of are left out.

    Returns:
        None where it did not run at all, or not as we wrote it (a forced command).
    """
    known: dict[tuple[str, ...], SessionProcess] = {
        (str(p.pid), str(p.start), str(p.uid), p.name): p for p in candidates
    }
    fates: dict[SessionProcess, Fate] = {}
    for line in (output or "").splitlines():
        match line.split():
            case ["session", *words, fate] if tuple(words) in known and fate in set(Fate):
                fates[known[tuple(words)]] = Fate(fate)
    return fates or None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Why a port that a session of ours may hold is not ours yet.

    Attributes:
        session: that session.
        why: why it still may, or is left alone: ``waited for``, ``no command`` …
    """

    session: OwnSession
    why: "Why"


class Why(StrEnum):
    """Why nothing has been ended."""

    WAIT = "wait"  # the configuration says so
    UNTOLD = "untold"  # it runs no commands for us, or did not then: nobody knows which process
    DENIED = "denied"
    STUCK = "stuck"
    SEEN = "seen"  # somebody looks who ends nothing: the doctor


#: What makes a gateway notice dead sessions by itself.
CLIENT_ALIVE: Final = (
    "set ClientAliveInterval 5 and ClientAliveCountMax 2 in the gateway's sshd_config, which then"
    " frees such a port in half a minute"
)


def words(suspicion: Suspicion, now: float) -> tuple[str, str]:
    """Which session may hold the port and why it still does; and what a person can do.

    Args:
        suspicion: of one port.
        now: seconds since the epoch.
    """
    session = suspicion.session
    told = f"the session we recorded there {duration(now - session.since)} ago"
    number = "" if session.process is None else str(session.process.pid)
    if number:
        told += f" (process {number})"
    text, hint = _why(suspicion.why, number)
    return f"{told} may hold it; {text}", hint


def _why(why: Why, number: str) -> tuple[str, str]:
    match why:
        case Why.WAIT:
            return (
                'reclaim = "wait" leaves it to the gateway\'s time-out',
                f'set reclaim = "auto" for hostnfsd to end it, or {CLIENT_ALIVE}',
            )
        case Why.SEEN:
            return (
                "hostnfsd ends it when it runs",
                'start the daemon: with reclaim = "auto" it ends that session, and no other',
            )
        case Why.UNTOLD:
            return (
                "the gateway runs no command that would end it: its time-out is waited for",
                CLIENT_ALIVE,
            )
        case Why.DENIED:
            return (
                "our login may not end it: the gateway's time-out is waited for",
                f"on the gateway, as root: kill {number}; or {CLIENT_ALIVE}",
            )
        case Why.STUCK:
            return (
                "it did not end though it was killed",
                "its process hangs in the gateway's kernel: restart the gateway",
            )


def explain(answer: Answer, suspicion: Suspicion | None, now: float) -> Answer:
    """The answer for a busy port, with the session of ours that may hold it.

    Args:
        answer: as judged from what the gateway said.
        suspicion: of that port.
        now: seconds since the epoch.
    """
    if suspicion is None or answer.verdict is not Verdict.BUSY:
        return answer
    text, hint = words(suspicion, now)
    return replace(answer, text=f"{answer.text}; {text}", hint=hint)
