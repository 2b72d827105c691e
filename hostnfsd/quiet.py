"""What to say of a failure that repeats: the transition once, then one line a minute.

Pure: the caller passes the time and does the logging.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Literal

INTERVAL_S: Final = 60.0
MAX_KEYS: Final = 1024


@dataclass(frozen=True, slots=True)
class Summary:
    """The same failure went on.

    Attributes:
        count: how often it occurred since the last line about it, this time included.
        since: when it occurred first, on the clock of the ``now`` that was passed in.
    """

    count: int
    since: float


@dataclass(slots=True)
class _Lasting:
    since: float
    said: float
    hushed: int = 0


class Quiet:
    """Remembers which failures last.

    A failure is named by a key: everything about it that should make a new line when it changes
    (gateway, kind, message), and nothing that changes each time (attempt, delay). At most
    ``MAX_KEYS`` are remembered; the one that was spoken of longest ago is forgotten first.
    """

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._lasting: dict[Hashable, _Lasting] = {}

    def decide(self, key: Hashable, now: float) -> Literal["say", "hush"] | Summary:
        """Whether to log one occurrence.

        Args:
            key: names the failure.
            now: seconds on a clock that never runs backwards.

        Returns:
            "say" for the first occurrence, "hush" for one within the interval of the last line,
            and a summary for one that is due a line again.
        """
        lasting = self._lasting.get(key)
        if lasting is None:
            if len(self._lasting) >= MAX_KEYS:
                del self._lasting[next(iter(self._lasting))]
            self._lasting[key] = _Lasting(since=now, said=now)
            return "say"
        if now - lasting.said < self._interval_s:
            lasting.hushed += 1
            return "hush"
        summary = Summary(count=lasting.hushed + 1, since=lasting.since)
        lasting.said, lasting.hushed = now, 0
        # Last in the dictionary is spoken of last.
        self._lasting[key] = self._lasting.pop(key)
        return summary

    def over(self, key: Hashable) -> Summary | None:
        """The failure ended: its next occurrence is said again.

        Returns:
            The occurrences nothing was logged about, or None if there were none.
        """
        lasting = self._lasting.pop(key, None)
        if lasting is None or lasting.hushed == 0:
            return None
        return Summary(count=lasting.hushed, since=lasting.since)

    def over_where(self, prefix: tuple[Hashable, ...]) -> None:
        """Every failure ended whose key is a tuple that begins with these values."""
        length = len(prefix)
        ended = [k for k in self._lasting if isinstance(k, tuple) and k[:length] == prefix]
        for key in ended:
            del self._lasting[key]
