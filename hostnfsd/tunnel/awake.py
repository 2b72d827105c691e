"""When this machine is to be kept from falling asleep, and when no longer. Pure.

``host.keep_awake``: ``never``; ``always``, as long as the daemon runs; ``while-connected``, while
clients work (:mod:`hostnfsd.tunnel.work`) and for :data:`LINGER_S` after. An installation in a pod
downloads for minutes before it writes again, and a machine that is let go falls asleep at once if
nobody touched it meanwhile; the same time keeps it from being held and let go in turns.
"""

from dataclasses import dataclass, replace
from math import inf
from typing import Final, Literal

#: Seconds after the last work of a client for which the machine is kept awake.
LINGER_S: Final = 300.0
#: Seconds after which another attempt is made to hold what could not be held.
RETRY_S: Final = 60.0

Mode = Literal["never", "while-connected", "always"]
Step = Literal["hold", "let-go", "stay"]


@dataclass(frozen=True, slots=True)
class Vigil:
    """What is remembered from one look to the next. Times are of a clock that stops in sleep.

    Attributes:
        worked_at: when a client was last seen at work.
        retry_at: no attempt before then; it may be never, while what is wanted stays the same.
    """

    worked_at: float | None = None
    retry_at: float = -inf

    def look(self, mode: Mode, *, worked: bool, held: bool, now: float) -> "tuple[Vigil, Step]":
        """What is to be done at ``now``.

        Args:
            mode: ``host.keep_awake``.
            worked: whether a client has worked since the last look.
            held: whether the machine is kept awake.
            now: seconds.
        """
        worked_at = now if worked else self.worked_at
        if not _wanted(mode, worked_at, now):
            return Vigil(worked_at), "let-go" if held else "stay"
        after = replace(self, worked_at=worked_at)
        return after, "stay" if held or now < self.retry_at else "hold"

    def failed(self, now: float, *, for_good: bool) -> "Vigil":
        """It could not be held; ``for_good``: nor will it be, this time."""
        return replace(self, retry_at=inf if for_good else now + RETRY_S)

    def anew(self) -> "Vigil":
        """Whatever failed before may be tried at once."""
        return replace(self, retry_at=-inf)


def _wanted(mode: Mode, worked_at: float | None, now: float) -> bool:
    if mode != "while-connected":
        return mode == "always"
    return worked_at is not None and now - worked_at < LINGER_S
