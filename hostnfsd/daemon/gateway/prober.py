"""Tries each service from the gateway's side, as a client there would, and keeps what it found.

A probe calls the service at the host first, as the relay dials it. If that is answered, the gateway
dials for us (``direct-tcpip``, RFC 4254 section 7.2) the address that clients dial: the call enters
our listener and comes back to us, where it is recognised by its transaction number. What a probe
finds is judged by :mod:`hostnfsd.tunnel.probe`.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import asyncssh

from hostnfsd.config.model import Carried
from hostnfsd.daemon.face import Meters
from hostnfsd.daemon.host.face import HostServices
from hostnfsd.daemon.relay.recognition import Candidate, Expected, Recognition
from hostnfsd.dial.caller import (
    Caller,
    HungUpError,
    NoAnswerError,
    NotRpcError,
    RejectedError,
    Stream,
    results,
)
from hostnfsd.dial.patience import pausing, within
from hostnfsd.server.finding import Reached
from hostnfsd.server.versions import to_try
from hostnfsd.services import FACTS, Service
from hostnfsd.snapshot import Family, ServiceState
from hostnfsd.tunnel import probe
from hostnfsd.tunnel.forward import Spec
from hostnfsd.tunnel.gateway import Survey
from hostnfsd.tunnel.probe import Crossing, End, Finding, Target
from hostnfsd.tunnel.unrest import Unrest

#: Seconds between probes while something is about to be known.
_RESTLESS_S: Final = 1.0
_NULL: Final = 0
#: Bytes of a reply to NULL: it has no results, but a verifier.
_MAX_REPLY: Final = 1024

#: Seconds from one round to the next at least, however many clients are turned away meanwhile.
_BREATH_S: Final = 0.2

#: The version of NFS that needs no mountd to be mounted (RFC 7530 section 4.1).
_WITHOUT_MOUNTD: Final = 4
#: Services that are there for mounting.
_MOUNTED: Final = frozenset({Service.NFS, Service.MOUNTD})


class Way(Protocol):
    """The way in: the session, as the prober sees it."""

    @property
    def over(self) -> bool:
        """Whether the session has ended."""
        ...

    async def answers(self, within_s: float) -> bool:
        """Whether the gateway itself answers."""
        ...

    async def dial_from_gateway(self, address: str, port: int) -> Stream:
        """Let the gateway dial. Raises asyncssh.ChannelOpenError."""
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

    def carried(self, service: Service) -> Carried | None:
        """How the configuration in force carries a service; None if it does not."""
        ...


class Prober:
    """Probes the bound forwards of one session.

    Args:
        gateway: its name.
        way: how to dial from its side.
        subject: what to probe.
        host: the host's services.
        meters: where durations go.
        seen: services that have ever answered; shared across sessions.
        host_up: whether each service answers at the host, as far as is known.
        xid: draws the transaction number of a probe.
        report: told what was found, whenever something was.
    """

    def __init__(
        self,
        *,
        gateway: str,
        way: Way,
        subject: Subject,
        host: HostServices,
        meters: Meters,
        seen: set[Service],
        host_up: dict[Service, bool],
        xid: Callable[[], int],
        report: Callable[[Spec, Family, Finding], None],
    ) -> None:
        self._gateway = gateway
        self._way = way
        self._subject = subject
        self._host = host
        self._meters = meters
        self._seen = seen
        self._host_up = host_up
        self._xid = xid
        self._report = report
        self._recognition = Recognition(self._owns, time.monotonic)
        self._now = asyncio.Event()
        self._restless = False
        self._unrest = Unrest()

    # -- the intake's view -----------------------------------------------------------------------

    def look(self, service: Service, originator: str) -> Candidate | None:
        """Whether a connection from ``originator`` may be the probe under way."""
        return self._recognition.look(service, originator)

    def _owns(self, address: str) -> bool | None:
        survey = self._subject.survey()
        return None if survey is None else survey.owns(address)

    def service_failed(self, service: Service) -> None:
        """A client found the service down: look at once."""
        self._host.doubt(service)
        self.hasten()

    def hasten(self) -> None:
        """Probe now: something changed."""
        self._now.set()

    # -- the work --------------------------------------------------------------------------------

    async def run(self, interval: Callable[[], tuple[float, float]]) -> None:
        """Probe for ever; ``interval`` gives ``[probe] interval_s`` and ``timeout_s`` each time."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                interval_s, timeout_s = interval()
                self._now.clear()
                self._restless = False
                breathe_at = loop.time() + min(_BREATH_S, interval_s)
                await self._round(timeout_s)
                wait_s = self._unrest.pause_s(loop.time(), interval_s)
                if self._restless:
                    wait_s = min(_RESTLESS_S, wait_s)
                try:
                    async with pausing(wait_s):
                        await self._now.wait()
                except TimeoutError:
                    continue
                await asyncio.sleep(max(0.0, breathe_at - loop.time()))
        finally:
            self._host_up.clear()

    async def _round(self, timeout_s: float) -> None:
        specs = tuple(self._subject.bound())
        todo = probe.targets(specs, self._subject.client_addresses())
        self._recognition.sweep()
        async with asyncio.TaskGroup() as group:
            for service in {spec.service for spec in specs}:
                carried = self._subject.carried(service)
                mine = tuple(spec for spec in specs if spec.service is service)
                aims = tuple(target for target in todo if target.spec in mine)
                if carried is not None:
                    probing = self._probe(carried, mine, aims, timeout_s)
                    group.create_task(probing, name=f"probe {service}")

    async def _probe(
        self, carried: Carried, specs: tuple[Spec, ...], aims: tuple[Target, ...], timeout_s: float
    ) -> None:
        """Probe one service: at the host, then at every place where clients come in."""
        at_host = await self._at_host(carried, timeout_s)
        aimed = {target.spec for target in aims}
        for spec in specs:
            # While the gateway has not been asked, its addresses may yet become known.
            if spec not in aimed and (at_host or self._subject.surveyed):
                found = at_host or self._judged(carried, probe.unaddressed())
                self._conclude(spec, min(spec.families), found)
        if at_host is not None:
            for target in aims:
                self._conclude(target.spec, target.family, at_host)
            return
        async with asyncio.TaskGroup() as group:
            for target in aims:
                crossing = self._at_gateway(carried, target, timeout_s)
                group.create_task(crossing, name=f"probe {target}")

    async def _at_host(self, carried: Carried, timeout_s: float) -> Finding | None:
        """Probe a service at the host; None if it answers."""
        service = carried.service
        if service is Service.RPCBIND and carried.mode == "virtual":
            return None  # it is we who answer
        found = await self._host.probe(carried, timeout_s)
        answered = found.reached is Reached.ANSWERED
        self._host_up[service] = answered or found.reached is Reached.DENIED
        self._meters.probed(self._gateway, service, "host", found.duration_s)
        finding = probe.at_host(
            service, found, optional=not carried.required, seen=service in self._seen
        )
        if answered:
            self._seen.add(service)
        if finding is None:
            return None
        if finding.state is not ServiceState.ABSENT:
            self._host.doubt(service)
            self._unrest.failed(service, finding.state, required=carried.required)
            self._meters.probe_failed(self._gateway, service, "host")
        return finding

    async def _at_gateway(self, carried: Carried, target: Target, timeout_s: float) -> None:
        """Probe a service, which answers at the host, from the gateway's side."""
        service = carried.service
        started = time.perf_counter()
        crossing = await self._cross(target, timeout_s)
        # A gateway that is frozen, or lost, says nothing about the service.
        if crossing.doubtful and not await self._way.answers(timeout_s):
            self._restless = True
            return
        if self._way.over:
            return
        self._meters.probed(self._gateway, service, "gateway", time.perf_counter() - started)
        finding = probe.at_gateway(target, crossing)
        if not finding.state.ready:
            self._meters.probe_failed(self._gateway, service, "gateway")
        changed = None
        if crossing.failed_behind:
            self._unrest.failed(service, finding.state, required=carried.required)
            self._host.doubt(service)
            # It has answered a moment ago. One that is going down hangs up first: ask it again, to
            # tell that from one that lets nobody in.
            changed = await self._at_host(carried, timeout_s)
        self._conclude(target.spec, target.family, changed or self._judged(carried, finding))

    def _judged(self, carried: Carried, finding: Finding) -> Finding:
        """What was found of a service, unless clients could not mount, or nobody knows that yet."""
        service = carried.service
        if service not in _MOUNTED:
            return finding
        if finding.state.ready and self._host.pending(carried):
            self._restless = True
            return probe.untried()
        denial = self._host.denial(carried)
        if service is Service.NFS and _WITHOUT_MOUNTD not in self._host.versions(service):
            mountd = self._subject.carried(Service.MOUNTD)
            denial = denial or (None if mountd is None else self._host.denial(mountd))
        return finding if denial is None else probe.denied(denial)

    async def _cross(self, target: Target, timeout_s: float) -> Crossing:
        expected, end, text = await self._cross_once(target, timeout_s)
        if expected.turned_away:
            # The gateway dialled from an address that nobody knew for its own. Now it is known.
            expected, end, text = await self._cross_once(target, timeout_s)
        return Crossing(end, expected.came_in, expected.arrived, text, expected.error)

    async def _cross_once(
        self, target: Target, timeout_s: float
    ) -> tuple[Expected, End, str | None]:
        expected = self._recognition.expect(target.spec.service, target.address, self._xid())
        try:
            end, text = await self._call(target, expected, timeout_s)
        finally:
            self._recognition.over(expected)
        return expected, end, text

    async def _call(
        self, target: Target, expected: Expected, timeout_s: float
    ) -> tuple[End, str | None]:
        try:
            async with within(timeout_s) as limit:
                stream = await self._way.dial_from_gateway(target.address, target.spec.port)
        except TimeoutError:
            return End.NOT_REACHED, f"no answer within {timeout_s:g} s"
        except asyncssh.ChannelOpenError as exc:
            self._recognition.over(expected, dialled=False)
            if exc.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
                return End.FORBIDDEN, exc.reason
            return End.NOT_REACHED, exc.reason.lower()
        service = target.spec.service
        version = to_try(service, self._host.versions(service))
        with Caller(stream, first_xid=expected.xid, max_reply=_MAX_REPLY) as caller:
            try:
                program, left_s = FACTS[service].program, limit.left_s
                results(await caller.call(program, version, _NULL, within_s=left_s))
            except NoAnswerError:
                return End.SILENT, f"did not answer within {timeout_s:g} s"
            except HungUpError as exc:
                return End.HUNG_UP, str(exc)
            except NotRpcError as exc:
                return End.GARBAGE, str(exc)
            except RejectedError as exc:
                return End.REJECTED, str(exc)
        return End.REPLIED, None

    def _conclude(self, spec: Spec, family: Family, finding: Finding) -> None:
        self._report(spec, family, finding)
