"""Clients that ask for locks, which cannot work through the tunnel: told once each.

The lock manager of the host calls its clients back (NLM, X/Open XNFS C702 chapter 10), and nothing
leads there. Mounts with ``nolock`` never ask.
"""

from collections import OrderedDict
from typing import Final

import structlog

#: Originators remembered; the least recent is forgotten, and told again if it comes back.
_MOST: Final = 256
HINT: Final = "mount with nolock there: hostnfsd mount prints the options"

_log: Final = structlog.stdlib.get_logger("hostnfsd.locks")


class LockCalls:
    """Who has asked for locks, of all gateways."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()

    def note(self, gateway: str, originator: str) -> None:
        """An originator has called the lock manager for a lock."""
        key = (gateway, originator)
        if key in self._told:
            self._told.move_to_end(key)
            return
        self._told[key] = None
        if len(self._told) > _MOST:
            self._told.popitem(last=False)
        _log.warning("nlm_calls", gateway=gateway, originator=originator, hint=HINT)
