"""Clients that ask for locks, which cannot work through the tunnel: told once each.

The lock manager of the host calls its clients back (NLM, X/Open XNFS C702 chapter 10), and nothing
leads there. Mounts with ``nolock`` never ask.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

import structlog

from hostnfsd.snapshot import Advice

#: Originators remembered; the least recent is forgotten, and told again if it comes back.
_MOST: Final = 256
#: Seconds for which status goes on to tell of a client: it may have been mounted anew since.
SHOWN_S: Final = 3600.0
#: How many are named.
_NAMED: Final = 3
HINT: Final = "mount with nolock there: hostnfsd mount prints the options"

_log: Final = structlog.stdlib.get_logger("hostnfsd.locks")


class LockCalls:
    """Who has asked for locks, of all gateways.

    Args:
        clock: seconds that do not go back.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._last: OrderedDict[tuple[str, str], float] = OrderedDict()

    def note(self, gateway: str, originator: str) -> None:
        """An originator has called the lock manager for a lock."""
        key = (gateway, originator)
        known = key in self._last
        self._last[key] = self._clock()
        self._last.move_to_end(key)
        if len(self._last) > _MOST:
            self._last.popitem(last=False)
        if not known:
            _log.warning("nlm_calls", gateway=gateway, originator=originator, hint=HINT)

    def advice(self) -> tuple[Advice, ...]:
        """What status tells of it."""
        since = self._clock() - SHOWN_S
        recent = [who for (_, who), last in reversed(self._last.items()) if last >= since]
        names = list(dict.fromkeys(recent))
        if not names:
            return ()
        shown = ", ".join(names[:_NAMED])
        if (more := len(names) - _NAMED) > 0:
            shown += f" and {more} more"
        asks = "asks" if len(names) == 1 else "ask"
        return (Advice(f"{shown} {asks} for locks, which cannot work through the tunnel", HINT),)
