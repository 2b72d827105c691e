"""How often rpcbind is asked for a service that fails: less and less while nothing changes. Pure.

Whoever fails says so again and again; a question costs rpcbind an answer, and each port that it
names a NULL call.
"""

from dataclasses import dataclass
from typing import Final

from hostnfsd.services import Service

#: Seconds from one question for a service to the next; the last one goes on.
_PAUSES_S: Final = (1.0, 2.0, 4.0, 5.0)
#: Seconds after which a service is left to the question that is asked each minute anyway.
_PATIENCE_S: Final = 300.0


@dataclass(slots=True)
class _Doubt:
    since: float
    due: float
    times: int = 0


class Doubts:
    """The services that fail. Instants are seconds of a clock that only goes forward."""

    def __init__(self) -> None:
        self._doubts: dict[Service, _Doubt] = {}

    def due(self, service: Service, now: float, *, needed: bool) -> bool:
        """Whether to ask for a service now, because it fails; counts as asked if so.

        Args:
            service: that fails.
            now: the instant.
            needed: whether it is missed: required, or seen before. What nobody misses is asked for
                once.
        """
        doubt = self._doubts.setdefault(service, _Doubt(now, now))
        if now < doubt.due:
            return False
        if doubt.times and (not needed or now - doubt.since >= _PATIENCE_S):
            return False
        doubt.due = now + _PAUSES_S[min(doubt.times, len(_PAUSES_S) - 1)]
        doubt.times += 1
        return True

    def over(self, service: Service) -> None:
        """Something about a service changed."""
        self._doubts.pop(service, None)

    def all_over(self) -> None:
        """Everything may have changed."""
        self._doubts.clear()
