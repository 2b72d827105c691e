"""The descriptor limit: raised as far as the system lets us, and honest about what that carries."""

import resource
from dataclasses import dataclass
from typing import Final

#: Descriptors for everything that is not a client: listeners, sessions, logs, probes, subprocesses.
_SPARE: Final = 96


@dataclass(frozen=True, slots=True)
class Carrying:
    """How many client connections the daemon can carry; ``text`` says why fewer than wished."""

    connections: int
    text: str | None = None


def needed(connections: int) -> int:
    """Descriptors for so many clients: each costs one, for its far side is an SSH channel."""
    return connections + _SPARE


def decide(wished: int, soft: int) -> Carrying:
    """What a limit of ``soft`` descriptors carries."""
    if soft >= needed(wished):
        return Carrying(wished)
    carried = max(1, soft - _SPARE)
    return Carrying(
        carried,
        f"only {soft} descriptors are allowed, so at most {carried} connections are carried"
        f" instead of {wished}",
    )


def raise_limit(wished: int) -> Carrying:
    """Raise our own soft limit (getrlimit(2)) to what ``wished`` connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = needed(wished)
    if soft != resource.RLIM_INFINITY and soft < want:
        target = want if hard == resource.RLIM_INFINITY else min(want, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        except (OSError, ValueError):  # macOS: above kern.maxfilesperproc
            target = soft
        soft = target
    return decide(wished, want if soft == resource.RLIM_INFINITY else soft)
