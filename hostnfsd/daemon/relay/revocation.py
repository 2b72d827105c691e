"""Ends the connections of originators that a change no longer admits: after a while, and gently.

They live on for ``[access] revoke_grace_s``: a slip in an exports file is mended before anybody
notices, and whoever is admitted again meanwhile keeps them. Then each ends at the first moment at
which no call is unanswered on it, at the latest when a stop would end it, too
(``[tunnel] drain_timeout_s``).
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from hostnfsd.daemon.relay import circle
from hostnfsd.daemon.relay.circle import Circle, Member
from hostnfsd.daemon.relay.gate import Gate, shown
from hostnfsd.daemon.relay.ledger import Ledger
from hostnfsd.dial.patience import pausing
from hostnfsd.tunnel.admission import Verdict

_log: Final = structlog.stdlib.get_logger("hostnfsd.revocation")


class _Excluded:
    """An originator that is no longer admitted. ``since`` is of the event loop's clock."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.ending: set[Member] = set()
        self.cut = False


class Revocation:
    """The excluded originators of one session.

    Args:
        gateway: its name.
        connections: of the session.
        gate: who may come in.
        ledger: where ended connections are counted.
        timing: gives the seconds they live on, and those for which a quiet moment is waited for.
    """

    def __init__(
        self,
        *,
        gateway: str,
        connections: Circle,
        gate: Gate,
        ledger: Ledger,
        timing: Callable[[], tuple[float, float]],
    ) -> None:
        self._gateway = gateway
        self._circle = connections
        self._gate = gate
        self._ledger = ledger
        self._timing = timing
        self._excluded: dict[str, _Excluded] = {}

    async def run(self) -> None:
        """End what is to end, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            change = self._gate.change
            wait_s = self.look(loop.time())
            try:
                async with pausing(wait_s):
                    await change.wait()
            except TimeoutError:
                continue

    def look(self, now: float) -> float | None:
        """Do what is due; seconds until the next look, None: not before something changes."""
        connected = self._no_longer_admitted(now)
        for host in tuple(self._excluded.keys() - connected.keys()):
            self._over(host)
        waits = [self._end(host, members, now) for host, members in connected.items()]
        return min(waits, default=None)

    def _no_longer_admitted(self, now: float) -> dict[str, list[Member]]:
        """Connections of originators that are not admitted, by originator."""
        verdicts: dict[str, Verdict] = {}
        found: dict[str, list[Member]] = {}
        for member in self._circle.where(lambda each: each.judged):
            view = member.view()
            host = shown(view.host, view.port)
            verdict = verdicts.get(host)
            if verdict is None:
                verdict = self._gate.verdict(self._gateway, view.host, view.port)
                verdicts[host] = verdict
            if verdict.admitted or verdict.pending:
                continue
            found.setdefault(host, []).append(member)
        for host, members in found.items():
            if host not in self._excluded:
                self._excluded[host] = _Excluded(now)
                self._tell(host, verdicts[host], len(members))
        return found

    def _end(self, host: str, members: list[Member], now: float) -> float:
        excluded = self._excluded[host]
        grace_s, patience_s = self._timing()
        due = excluded.since + grace_s
        if now < due:
            return due - now
        for member in members:
            if member not in excluded.ending:
                excluded.ending.add(member)
                self._ledger.tally(self._gateway, member.view().service).revoked += 1
        over = now >= due + patience_s
        excluded.cut = excluded.cut or over
        circle.end(members, at_once=over)
        return circle.STEP_S

    def _tell(self, host: str, verdict: Verdict, connections: int) -> None:
        remedy = self._gate.admission(self._gateway).remedy(host, 0)
        _log.warning(
            "client_excluded",
            gateway=self._gateway,
            originator=host,
            connections=connections,
            error=verdict.text,
            hint=remedy.allow and f"to let him in: [access] {remedy.allow}",
            grace_s=self._timing()[0],
        )

    def _over(self, host: str) -> None:
        """Nothing of him is left, or he is admitted again."""
        excluded = self._excluded.pop(host)
        if excluded.ending:
            _log.info(
                "client_revoked",
                gateway=self._gateway,
                originator=host,
                connections=len(excluded.ending),
                cut=excluded.cut,
            )
        elif self._gate.verdict(self._gateway, host, 0).admitted:
            _log.info("client_spared", gateway=self._gateway, originator=host)
