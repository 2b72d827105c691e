"""Tries each service from the gateway's side, as a client there would, and keeps what it found.

A probe is a ``direct-tcpip`` channel (RFC 4254 section 7.2): the gateway dials the address that
clients dial, the connection enters our listener and comes back to us. It never carries a byte,
which is how a real client that arrives at that moment from that address is told apart from it.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

import asyncssh
import structlog

from hostnfsd.daemon.face import Meters
from hostnfsd.daemon.recognition import Candidate, Recognition
from hostnfsd.services import Service
from hostnfsd.snapshot import Family, ServiceState
from hostnfsd.tunnel import probe
from hostnfsd.tunnel.forward import Spec
from hostnfsd.tunnel.gateway import Survey
from hostnfsd.tunnel.probe import Finding, Outcome, Target

#: Seconds between probes while something that should serve does not.
_RESTLESS_S: Final = 1.0

#: What a gateway that no longer answers looks like, too.
_DOUBTFUL: Final = frozenset({Outcome.HELD, Outcome.NOT_REACHED})

_log: Final = structlog.get_logger("hostnfsd.prober")


@dataclass(slots=True)
class _Awaited:
    """The probe of a service that is under way: where it went, whether it came in, its result."""

    result: "asyncio.Future[str | None]"
    came_in: bool = False
    stranger: str | None = None


class Way(Protocol):
    """The way in: the session, as the prober sees it."""

    @property
    def over(self) -> bool:
        """Whether the session has ended."""
        ...

    async def answers(self, within_s: float) -> bool:
        """Whether the gateway itself answers."""
        ...

    async def dial_from_gateway(self, address: str, port: int) -> Callable[[], None]:
        """Let the gateway dial; returns what ends that connection."""
        ...


class Subject(Protocol):
    """What is probed: the forwards of a session, as the prober sees them."""

    def bound(self) -> Iterable[Spec]:
        """Listeners that stand now."""
        ...

    @property
    def surveyed(self) -> bool:
        """Whether the gateway has been asked about itself, with or without success."""
        ...

    def client_addresses(self) -> tuple[str, ...]:
        """How clients reach the gateway."""
        ...

    def survey(self) -> Survey | None:
        """What the gateway told about itself."""
        ...

    def required(self, service: Service) -> bool:
        """Whether the service must be there."""
        ...


class Prober:
    """Probes the bound forwards of one session.

    Args:
        gateway: its name.
        way: how to dial from its side.
        subject: what to probe.
        meters: where durations go.
        seen: services that have ever accepted; shared across sessions.
        report: told what was found, whenever something was.
    """

    def __init__(
        self,
        *,
        gateway: str,
        way: Way,
        subject: Subject,
        meters: Meters,
        seen: set[Service],
        report: Callable[[Spec, Family, Finding], None],
    ) -> None:
        self._gateway = gateway
        self._way = way
        self._subject = subject
        self._meters = meters
        self._seen = seen
        self._report = report
        self._awaited: dict[Service, _Awaited] = {}
        self._recognition = Recognition(self._owns, time.monotonic)
        self._now = asyncio.Event()
        self._states: dict[tuple[Spec, Family], ServiceState] = {}

    # -- the intake's view -----------------------------------------------------------------------

    def look(self, service: Service, originator: str) -> Candidate | None:
        """Whether a connection from ``originator`` may be the probe under way."""
        candidate = self._recognition.look(service, originator)
        awaited = self._awaited.get(service)
        if candidate is not None and awaited is not None:
            awaited.came_in |= candidate.presumed
            awaited.stranger = awaited.stranger if candidate.presumed else originator
        return candidate

    def _owns(self, address: str) -> bool | None:
        survey = self._subject.survey()
        return None if survey is None else survey.owns(address)

    def arrived(self, service: Service, error: str | None) -> None:
        """The probe came in; ``error`` says why the service did not take it."""
        awaited = self._awaited.get(service)
        if awaited is not None and not awaited.result.done():
            awaited.result.set_result(error)

    def service_failed(self, _service: Service) -> None:
        """A client found the service down: look at once."""
        self.hasten()

    def hasten(self) -> None:
        """Probe now: something changed."""
        self._now.set()

    # -- the work --------------------------------------------------------------------------------

    async def run(self, interval: Callable[[], tuple[float, float]]) -> None:
        """Probe for ever; ``interval`` gives ``[probe] interval_s`` and ``timeout_s`` each time."""
        while True:
            interval_s, timeout_s = interval()
            self._now.clear()
            await self._round(timeout_s)
            restless = any(
                state in {ServiceState.HOST_DOWN, ServiceState.STALLED, ServiceState.WAITING}
                for state in self._states.values()
            )
            wait_s = min(_RESTLESS_S, interval_s) if restless else interval_s
            try:
                async with asyncio.timeout(wait_s):
                    await self._now.wait()
            except TimeoutError:
                pass

    async def _round(self, timeout_s: float) -> None:
        specs = tuple(self._subject.bound())
        addresses = self._subject.client_addresses()
        todo = probe.targets(specs, addresses)
        self._states = {}
        async with asyncio.TaskGroup() as group:
            for service in {spec.service for spec in specs}:
                mine = tuple(spec for spec in specs if spec.service is service)
                aims = tuple(target for target in todo if target.spec in mine)
                group.create_task(self._probe(mine, aims, timeout_s), name=f"probe {service}")

    async def _probe(
        self, specs: tuple[Spec, ...], aims: tuple[Target, ...], timeout_s: float
    ) -> None:
        """Probe one service; one probe of it at a time, or it could not be recognised."""
        aimed = {target.spec for target in aims}
        for spec in specs:
            # While the gateway has not been asked, its addresses may yet become known.
            if spec not in aimed and self._subject.surveyed:
                self._conclude(spec, min(spec.families), probe.unaddressed())
        for target in aims:
            started = time.perf_counter()
            outcome, error = await self._try(target, timeout_s)
            spec = target.spec
            # A gateway that is frozen, or lost, says nothing about the service.
            if outcome in _DOUBTFUL and not await self._way.answers(timeout_s):
                self._states[spec, target.family] = ServiceState.WAITING
                return
            if self._way.over:
                return
            service = spec.service
            self._meters.probed(self._gateway, service, "gateway", time.perf_counter() - started)
            if outcome is Outcome.ACCEPTED:
                self._seen.add(service)
            elif outcome not in {Outcome.FORBIDDEN, Outcome.ASTRAY}:
                self._meters.probe_failed(self._gateway, service, "gateway")
            absent = not self._subject.required(service) and service not in self._seen
            self._conclude(spec, target.family, probe.find(target, outcome, error, absent=absent))

    async def _try(self, target: Target, timeout_s: float) -> tuple[Outcome, str | None]:
        service = target.spec.service
        result: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._awaited[service] = awaited = _Awaited(result)
        expected = self._recognition.expect(service, target.address, secrets.randbits(32))
        hang_up: Callable[[], None] | None = None
        try:
            async with asyncio.timeout(timeout_s):
                hang_up = await self._way.dial_from_gateway(target.address, target.spec.port)
                error = await result
        except TimeoutError:
            if awaited.came_in:
                return Outcome.SILENT, None
            if hang_up is None:
                return Outcome.NOT_REACHED, f"no answer within {timeout_s:g} s"
            if awaited.stranger is not None:
                return Outcome.ASTRAY, awaited.stranger
            return Outcome.HELD, None
        except asyncssh.ChannelOpenError as exc:
            if result.done():  # it arrived, and the refusal overtook the confirmation
                error = result.result()
            elif exc.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
                return Outcome.FORBIDDEN, exc.reason
            else:
                return Outcome.NOT_REACHED, exc.reason.lower()
        finally:
            del self._awaited[service]
            self._recognition.over(expected)
            if hang_up is not None:
                hang_up()
        return (Outcome.ACCEPTED, None) if error is None else (Outcome.SERVICE_FAILED, error)

    def _conclude(self, spec: Spec, family: Family, finding: Finding) -> None:
        self._states[spec, family] = finding.state
        self._report(spec, family, finding)
