"""What is known of each service of one gateway: the one door for its states. It outlives sessions.

A state is kept for each listener and family, and shown for each service and family. Losing the
tunnel sets all to ``waiting`` without a word, for the tunnel says it; only a state that differs
from the last one told is logged.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from hostnfsd.services import Service
from hostnfsd.snapshot import Family, FamilyView, ServiceState
from hostnfsd.tunnel.forward import Spec
from hostnfsd.tunnel.probe import Finding, expected

_log: Final = structlog.stdlib.get_logger("hostnfsd.board")

#: From best to worst, for listeners of one service that differ.
_WORSE: Final = (
    ServiceState.SERVING,
    ServiceState.OFF,
    ServiceState.UNVERIFIED,
    ServiceState.ABSENT,
    ServiceState.WAITING,
    ServiceState.HOST_DOWN,
    ServiceState.DENIED,
    ServiceState.STALLED,
    ServiceState.UNREACHABLE,
    ServiceState.REFUSED,
)
_CALM: Final = frozenset({ServiceState.SERVING, ServiceState.ABSENT})


@dataclass(slots=True)
class _Entry:
    finding: Finding
    since: float
    told: ServiceState | None = None


class Board:
    """The states of one gateway's services. Instants are seconds since the epoch."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self._entries: dict[tuple[Spec, Family], _Entry] = {}

    def expect(self, specs: Iterable[Spec], client_addresses: tuple[str, ...], now: float) -> None:
        """These listeners, in these families; what is no longer expected is forgotten."""
        wanted = expected(specs, client_addresses)
        self._entries = {key: entry for key, entry in self._entries.items() if key in wanted}
        for key in sorted(wanted - self._entries.keys()):
            self._entries[key] = _Entry(Finding(ServiceState.WAITING), now)

    def record(self, spec: Spec, family: Family | None, finding: Finding, now: float) -> None:
        """What was found out about a listener in one family, or in all (None)."""
        for (known, its_family), entry in self._entries.items():
            if known == spec and family in {None, its_family}:
                self._enter(spec, its_family, entry, finding, now)

    def forget(self, now: float) -> None:
        """The session is gone: nothing is known any more."""
        for entry in self._entries.values():
            if entry.finding.state is not ServiceState.WAITING:
                entry.since = now
            entry.finding = Finding(ServiceState.WAITING)

    def _enter(
        self, spec: Spec, family: Family, entry: _Entry, finding: Finding, now: float
    ) -> None:
        if finding.state is ServiceState.WAITING and not entry.finding.state.ready:
            return  # the last thing that is known is not mended until somebody has seen it
        if finding.state is not entry.finding.state:
            entry.since = now
        entry.finding = finding
        if finding.state in {entry.told, ServiceState.WAITING}:
            return
        first, entry.told = entry.told is None, finding.state
        if first and finding.state in _CALM:
            return  # said by tunnel_up
        say = _log.info if finding.state in _CALM else _log.warning
        say(
            "service_state_changed",
            gateway=self._gateway,
            service=str(spec.service),
            port=spec.port,
            family=str(family),
            state=str(finding.state),
            error=finding.text,
            hint=finding.hint,
        )

    def views(self, service: Service) -> Mapping[Family, FamilyView]:
        """The states of one service by family; the worst of its listeners counts."""
        shown: dict[Family, _Entry] = {}
        for (spec, family), entry in self._entries.items():
            if spec.service is not service:
                continue
            rival = shown.get(family)
            if rival is None or _badness(entry) > _badness(rival):
                shown[family] = entry
        return {
            family: FamilyView(e.finding.state, e.since, e.finding.text, e.finding.hint)
            for family, e in sorted(shown.items())
        }


def _badness(entry: _Entry) -> int:
    return _WORSE.index(entry.finding.state)
