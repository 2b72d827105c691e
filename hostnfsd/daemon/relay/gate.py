"""Who may come in, for all gateways: one door for what changes that, and it logs.

:mod:`hostnfsd.tunnel.admission` decides. Three things change what it decides from: the
configuration, the exports, and what a gateway tells of its networks. Whoever waits for a decision,
or for one to be taken back, waits for :attr:`Gate.change`.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

import structlog

from hostnfsd.access_view import AccessView
from hostnfsd.dial.patience import within
from hostnfsd.quiet import INTERVAL_S, Quiet, Summary
from hostnfsd.readable import printable
from hostnfsd.services import Service
from hostnfsd.snapshot import Advice, Refusal, RefusedView
from hostnfsd.tunnel.admission import UNKNOWN, Admission, Allow, Exported, Verdict

#: Seconds for which a client is kept waiting until it is known who may come in: longer than a
#: gateway has to answer the survey.
UNDECIDED_S: Final = 7.0

#: Originators that are named in a minute, of all gateways.
NAMED_MOST: Final = 30

_log: Final = structlog.stdlib.get_logger("hostnfsd.gate")


class Gate:
    """The rules of every gateway.

    Args:
        gateways: gives the names of those that are configured.
        allow: gives ``[access] allow``.
        changed: called when anybody may be judged otherwise than before.

    Attributes:
        change: set at the next change, and replaced by another then.
    """

    def __init__(
        self,
        gateways: Callable[[], Iterable[str]],
        allow: Callable[[], Allow],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._gateways = gateways
        self._allow = allow
        self._changed = changed
        self._exported: Exported | None = None
        self._networks: dict[str, tuple[str, ...]] = {}
        self._admissions: dict[str, Admission] = {}
        self._told: dict[str, tuple[object, ...]] = {}
        self._quiet = Quiet()
        self._minute = 0.0
        self._named = 0
        self.change = asyncio.Event()

    # -- what changes it -------------------------------------------------------------------------

    def follow(self, exported: Exported | None) -> None:
        """This is what the host exports now; None says nothing."""
        if exported is not None and exported != self._exported:
            self._exported = exported
            self._judge_anew()

    def attached(self, gateway: str, networks: tuple[str, ...]) -> None:
        """A gateway was asked for the networks it is attached to; empty where it does not tell."""
        if self._networks.get(gateway) != networks:
            self._networks[gateway] = networks
            self._judge_anew()

    def knows(self, gateway: str) -> bool:
        """Whether a gateway was asked, with or without success."""
        return gateway in self._networks

    def forget(self, gateway: str) -> None:
        """Another machine may have the name from now on: it has not been asked yet."""
        self._networks.pop(gateway, None)
        self._told.pop(gateway, None)
        self._judge_anew()

    def apply(self) -> None:
        """Follow the configuration."""
        self._judge_anew()

    def _judge_anew(self) -> None:
        self._admissions.clear()
        self._quiet = Quiet()
        for gateway in self._gateways():
            self._tell(gateway, self.admission(gateway))
        self.change.set()
        self.change = asyncio.Event()
        self._changed()

    def _tell(self, gateway: str, admission: Admission) -> None:
        if admission.pending:
            return
        now = (admission.admitted, admission.trouble)
        if self._told.get(gateway) == now:
            return
        self._told[gateway] = now
        if admission.trouble is None:
            _log.info("access_changed", gateway=gateway, admitted=list(admission.admitted))
        else:
            error, hint = admission.trouble
            _log.warning("access_denied_to_all", gateway=gateway, error=error, hint=hint)

    # -- what it says ----------------------------------------------------------------------------

    def admission(self, gateway: str) -> Admission:
        """The rules of one gateway."""
        known = self._admissions.get(gateway)
        if known is None:
            known = Admission(self._allow(), self._exported, self._networks.get(gateway))
            self._admissions[gateway] = known
        return known

    def verdict(self, gateway: str, host: str, port: int) -> Verdict:
        """Whether an originator may come in now. Never raises, whatever the gateway says."""
        return self.admission(gateway).verdict(host, port)

    async def decide(self, gateway: str, host: str, port: int) -> Verdict:
        """The same; while it is not known, wait a little for it to become so."""
        try:
            async with within(UNDECIDED_S):
                while True:
                    change = self.change
                    verdict = self.verdict(gateway, host, port)
                    if not verdict.pending:
                        return verdict
                    await change.wait()
        except TimeoutError:
            return self.verdict(gateway, host, port)

    # -- who was refused -------------------------------------------------------------------------

    def refused(self, gateway: str, host: str, service: Service, verdict: Verdict) -> None:
        """Tell of an originator that was turned away: once, then once a minute."""
        now = time.monotonic()
        said = self._quiet.decide((gateway, host, verdict.why), now)
        if said == "hush" or not self._may_name(now):
            return
        remedy = self.admission(gateway).remedy(host, 0)
        _log.warning(
            "client_not_admitted",
            gateway=gateway,
            originator=host,
            service=str(service),
            error=verdict.text,
            hint=remedy.allow and f"to let him in: [access] {remedy.allow}",
            times=said.count if isinstance(said, Summary) else 1,
        )

    def _may_name(self, now: float) -> bool:
        """Whether one more may be named: of IPv6 anybody has any number of addresses."""
        if now - self._minute >= INTERVAL_S:
            self._minute, self._named = now, 0
        self._named += 1
        return self._named <= NAMED_MOST

    # -- what is shown ---------------------------------------------------------------------------

    def view(self, gateway: str) -> AccessView:
        """Who may come in at a gateway."""
        admission = self.admission(gateway)
        error, hint = admission.trouble or (None, None)
        return AccessView(admission.admitted, error, hint, admission.networks or ())

    def explained(self, refused: Iterable[RefusedView]) -> tuple[RefusedView, ...]:
        """Who was refused, with what would let him in now."""
        return tuple(
            replace(view, remedy=self.admission(view.gateway).remedy(view.host, 0))
            if view.reason is Refusal.NOT_ADMITTED
            else view
            for view in refused
        )

    def advice(self) -> tuple[Advice, ...]:
        """What status tells of gateways where nobody may come in."""
        gateways: dict[tuple[str, str], list[str]] = {}
        for gateway in self._gateways():
            trouble = self.admission(gateway).trouble
            if trouble is not None:
                gateways.setdefault(trouble, []).append(gateway)
        return tuple(
            Advice(f"nobody may come in at {', '.join(names)}: {error}", hint)
            for (error, hint), names in gateways.items()
        )


def shown(host: str, port: int) -> str:
    """An originator as it is told to people."""
    return "unknown" if (host, port) == UNKNOWN else printable(host)
