"""Whether this machine slept, and how long a session may take to prove that it has survived. Pure.

Two clocks tell: one that counts sleep and one that does not. What the first is ahead of the second
is the sleep since boot, and only sleep adds to it.
"""

from typing import Final

#: Less is no sleep: what lies between two readings is not exactly the same for both clocks.
SHORTEST_S: Final = 0.2
#: A nap this short leaves most sessions alive; after a longer one most far ends have given up.
SHORT_NAP_S: Final = 60.0
#: Seconds a session has to answer after a longer sleep.
PATIENCE_S: Final = 3.0


def slept_s(asleep_before: float, asleep_now: float) -> float:
    """Seconds of sleep between two readings of the sleep since boot; 0 for none."""
    seconds = asleep_now - asleep_before
    return seconds if seconds >= SHORTEST_S else 0.0


def patience_s(asleep_s: float, silence_s: float) -> float:
    """Seconds within which a session has to answer after a sleep.

    Args:
        asleep_s: how long the machine slept.
        silence_s: of silence after which a session is lost at any other time.

    After a short nap it has all the time there is: the network of this machine may need some
    seconds itself, and clients whose connections survive notice nothing.
    """
    return silence_s if asleep_s <= SHORT_NAP_S else min(PATIENCE_S, silence_s)
