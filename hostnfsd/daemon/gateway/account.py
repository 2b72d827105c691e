"""One tunnel's books: attempts, failures, losses, down time, and the log lines of its transitions.

The supervisor tells of each step once; what is booked here survives sessions and reloads.
"""

import time
from collections import Counter
from typing import Final

import structlog

from hostnfsd.quiet import Quiet, Summary
from hostnfsd.snapshot import FailureKind, Phase
from hostnfsd.tunnel import machine
from hostnfsd.tunnel.machine import Event, Tunnel

#: A session lost before its forwards were answered is an attempt that failed.
_ESTABLISHED: Final = frozenset({Phase.UP, Phase.STOPPING})

_log: Final = structlog.stdlib.get_logger("hostnfsd.tunnel")


class Account:
    """The books of one gateway.

    Attributes:
        address: ``user@host:port`` as dialled last.
        since: when the phase was entered, seconds since the epoch.
        attempts: connection attempts begun.
        failures: attempts that failed, by kind.
        losses: sessions lost, by kind.
    """

    def __init__(self, gateway: str, quiet: Quiet) -> None:
        self._quiet = quiet
        self._key = (gateway, "tunnel")
        self._log = _log.bind(gateway=gateway)
        self.address = ""
        self.since = time.time()
        self.attempts = 0
        self.failures: Counter[FailureKind] = Counter()
        self.losses: Counter[FailureKind] = Counter()
        self._down_since: float | None = time.monotonic()
        self._downtime_s = 0.0
        self._lost_at: float | None = None
        self._loss_told = True

    def book(self, event: Event, before: Tunnel, after: Tunnel) -> None:
        """Enter one step of the machine."""
        match event:
            case machine.Lost() if before.phase in _ESTABLISHED:
                self.losses[event.failure.kind] += 1
            case machine.Failed() | machine.Refused() | machine.Lost():
                self.failures[event.failure.kind] += 1
            case _:
                pass
        if after.phase is before.phase:
            return
        now = time.monotonic()
        self.since = time.time()
        if after.phase is Phase.UP:
            self._downtime_s = self.downtime_s(now)
            self._down_since = None
        elif before.phase is Phase.UP:
            self._down_since = now
            if after.phase is not Phase.STOPPING:
                self._lost_at = now
        self._say(before, after, now)

    def downtime_s(self, now: float) -> float:
        """Seconds without a tunnel until ``now`` (monotonic), the present outage included."""
        return self._downtime_s + (0.0 if self._down_since is None else now - self._down_since)

    def recovered(self) -> float | None:
        """All that is required serves: seconds since the loss, if this ends one."""
        if self._lost_at is None:
            return None
        seconds, self._lost_at = time.monotonic() - self._lost_at, None
        return seconds

    def _say(self, before: Tunnel, after: Tunnel, now: float) -> None:
        self._log.debug("tunnel_phase_changed", phase=str(after.phase), before=str(before.phase))
        failure = after.failure
        if after.phase is Phase.UP:
            # A tunnel that comes and goes is told once a minute, its coming as its going.
            if self._loss_told:
                self._quiet.over_where(self._key)
                self._log.info("tunnel_up", address=self.address)
        elif failure is None:
            if after.phase is Phase.STOPPED:
                self._log.info("tunnel_stopped")
        elif before.phase is Phase.UP and after.phase is Phase.BACKOFF:
            lost = self._quiet.decide((self._key[0], "lost"), now)
            self._loss_told = lost != "hush"
            if self._loss_told:
                self._log.warning(
                    "tunnel_lost",
                    reason=str(failure.kind),
                    error=failure.text,
                    times=lost.count if isinstance(lost, Summary) else 1,
                )
        elif after.phase in {Phase.BACKOFF, Phase.BLOCKED}:
            # The text is no part of the key: a failure that words itself anew each time is still
            # the same failure.
            said = self._quiet.decide((*self._key, failure.kind), now)
            if said == "hush":
                return
            blocked = after.phase is Phase.BLOCKED
            (self._log.error if blocked else self._log.warning)(
                "tunnel_blocked" if blocked else "tunnel_failed",
                kind=str(failure.kind),
                error=failure.text,
                hint=failure.hint,
                attempts=self.attempts,
                failing_for_s=round(now - said.since) if isinstance(said, Summary) else 0,
            )
