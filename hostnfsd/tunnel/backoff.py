"""How long to wait before the next attempt: by class of failure, with full jitter.

Full jitter (a uniform draw from zero to the bound) spreads many daemons that lost the same gateway
at the same moment. Randomness is an argument: ``chance`` is uniform in [0, 1).

Why the classes differ: sshd 9.8 and later penalise a source address, 5 s for each refused
authentication, and enforce it once more than 15 s are owed (sshd_config(5), PerSourcePenalties);
a container's clients share one address and so one penalty. "Not allowed at this time" says the
penalty is in force: knocking again soon only prolongs it.
"""

from dataclasses import dataclass
from typing import Final

from hostnfsd.snapshot import FailureKind

#: Doubling stops mattering long before this; it keeps 2**n a small number.
_MOST_DOUBLINGS: Final = 32
#: Seconds during which a series of losses of established sessions is retried in under a second.
BRISK_S: Final = 120.0
#: Seconds between attempts while a person must act.
BLOCKED_RETRY_S: Final = 300.0
#: Seconds that must lie between a refused authentication and the next attempt, whoever asks.
AUTH_FLOOR_S: Final = 6.0


@dataclass(frozen=True, slots=True)
class Limits:
    """``[tunnel] backoff_min_s`` and ``backoff_max_s``."""

    min_s: float = 0.2
    max_s: float = 30.0


@dataclass(frozen=True, slots=True)
class _Curve:
    """Bound for the n-th failure in a row: ``floor + jitter * min(cap, base * 2**n)``."""

    floor_s: float
    base_s: float | None  # None: backoff_min_s
    cap_s: float | None  # None: backoff_max_s


_CURVES: Final = {
    FailureKind.UNREACHABLE: _Curve(0.0, None, 5.0),
    FailureKind.TIMEOUT: _Curve(0.0, 1.0, 10.0),
    FailureKind.BUSY: _Curve(20.0, 5.0, 40.0),
}
_OTHERWISE: Final = _Curve(0.0, None, None)


def after_failure(kind: FailureKind, failures: int, chance: float, limits: Limits) -> float:
    """Seconds to wait after the ``failures``-th attempt in a row that failed (counted from 1)."""
    curve = _CURVES.get(kind, _OTHERWISE)
    cap = limits.max_s if curve.cap_s is None else curve.cap_s
    if curve.floor_s == 0.0:
        cap = min(cap, limits.max_s)
    base = limits.min_s if curve.base_s is None else curve.base_s
    return curve.floor_s + chance * min(cap, base * _doubled(failures - 1))


def after_loss(losses: int, series_s: float, chance: float, limits: Limits) -> float:
    """Seconds to wait after an established session was lost.

    Args:
        losses: how many in this series, counted from 1; the first is retried at once.
        series_s: how long the series has lasted.
        chance: uniform in [0, 1).
        limits: of the configuration.
    """
    if losses <= 1:
        return 0.0
    brisk = min(limits.min_s, 1.0)
    if series_s < BRISK_S:
        return chance * brisk
    # Doubled per further two minutes: a link that has failed for long is given longer rests. Not
    # more often than it was lost: an outage of hours between two losses is not their doing.
    times = min(int(series_s // BRISK_S) + 1, losses - 1)
    return chance * min(limits.max_s, brisk * _doubled(times))


def _doubled(times: int) -> int:
    return 1 << max(0, min(times, _MOST_DOUBLINGS))
