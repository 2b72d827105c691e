"""How soon to probe again while services fail at the host. Pure.

Most servers that end are back within seconds, and clients wait. One that stays away is not to be
called every second for the rest of the day.
"""

from collections.abc import Sequence
from typing import Final

from hostnfsd.services import Service
from hostnfsd.snapshot import ServiceState

#: Seconds since a service fails in this way, and those from one round to the next until then;
#: afterwards the configured interval.
_REQUIRED: Final = ((60.0, 1.0), (120.0, 2.0), (300.0, 5.0))
_OPTIONAL: Final = ((10.0, 1.0), (30.0, 2.0), (60.0, 5.0))


class Unrest:
    """What fails at the host, since when, and how soon to look at it again."""

    def __init__(self) -> None:
        self._round: dict[Service, tuple[set[ServiceState], bool]] = {}
        self._since: dict[Service, tuple[set[ServiceState], float]] = {}

    def failed(self, service: Service, state: ServiceState, *, required: bool) -> None:
        """In the round under way a service was found to fail."""
        self._round.setdefault(service, (set(), required))[0].add(state)

    def pause_s(self, now: float, interval_s: float) -> float:
        """The round has ended: seconds until the next one.

        Args:
            now: seconds of any clock that does not go back.
            interval_s: between rounds in which nothing fails.
        """
        found, self._round = self._round, {}
        before, self._since = self._since, {}
        pauses = [interval_s]
        for service, (states, required) in found.items():
            known, since = before.get(service, (None, now))
            if known != states:
                since = now
            self._since[service] = states, since
            pauses.append(_pause_s(_REQUIRED if required else _OPTIONAL, now - since, interval_s))
        return min(pauses)


def _pause_s(steps: Sequence[tuple[float, float]], age_s: float, interval_s: float) -> float:
    return next((pause_s for until_s, pause_s in steps if age_s < until_s), interval_s)
