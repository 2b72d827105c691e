"""Keeps the forwards of one session: asks for each, asks again for those refused, probes the rest.

Forwards are independent: a busy port is asked for again on the live connection while the others
serve. Nothing here outlives the session; what is found out goes to the board, which does.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final

import structlog

from hostnfsd.config.model import Carried, Config
from hostnfsd.daemon.face import Meters
from hostnfsd.daemon.gateway.holder import Holder
from hostnfsd.daemon.gateway.memory import Memory
from hostnfsd.daemon.gateway.prober import Prober
from hostnfsd.daemon.gateway.session import Session
from hostnfsd.daemon.host.face import HostServices
from hostnfsd.daemon.relay import circle
from hostnfsd.daemon.relay.circle import Circle
from hostnfsd.daemon.relay.gate import Gate
from hostnfsd.daemon.relay.intake import Intake
from hostnfsd.daemon.relay.ledger import Ledger
from hostnfsd.daemon.relay.revocation import Revocation
from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.reload import specs
from hostnfsd.services import Service
from hostnfsd.snapshot import Family, ServiceState
from hostnfsd.sunrpc.portmapper import PortmapView
from hostnfsd.tunnel import probe
from hostnfsd.tunnel.failure import Failure
from hostnfsd.tunnel.forward import Answer, Spec, Verdict
from hostnfsd.tunnel.gateway import Survey
from hostnfsd.tunnel.portmap_view import portmap_view
from hostnfsd.tunnel.probe import Finding

#: Seconds between surveys of a gateway that is connected.
_RESURVEY_S: Final = 300.0

_log: Final = structlog.stdlib.get_logger("hostnfsd.forwards")


class Forwards:
    """The forwards of one session.

    Args:
        gateway: its name.
        session: the session that carries them.
        connections: its relays.
        gate: who may come in.
        config: gives the configuration in force.
        host: the host's services.
        ledger: where clients are entered.
        meters: where durations go.
        memory: what outlives the session.
        changed: called when the board may have changed.
    """

    def __init__(
        self,
        *,
        gateway: str,
        session: Session,
        connections: Circle,
        gate: Gate,
        config: Callable[[], Config],
        host: HostServices,
        ledger: Ledger,
        meters: Meters,
        memory: Memory,
        changed: Callable[[], None],
    ) -> None:
        self._gateway = gateway
        self._session = session
        self._circle = connections
        self._gate = gate
        self._config = config
        self._host = host
        self._memory = memory
        self._changed = changed
        self._prober = Prober(
            gateway=gateway,
            way=session,
            subject=self,
            host=host,
            meters=meters,
            seen=memory.seen,
            host_up=memory.host_up,
            xid=lambda: random.getrandbits(32),
            report=self._found,
        )
        self._intake = Intake(
            gateway=gateway,
            dial=lambda service: host.dial(self._carried(service)),
            dial_plainly=lambda service: host.dial_plainly(self._carried(service)),
            answered=self._answered_here,
            ledger=ledger,
            circle=connections,
            gate=gate,
            watch=self._prober,
        )
        self._revocation = Revocation(
            gateway=gateway,
            connections=connections,
            gate=gate,
            ledger=ledger,
            timing=self._revocation_timing,
        )
        self._answers: dict[Spec, Answer] = {}
        self._holders: dict[Spec, Holder] = {}
        self._tasks: dict[Spec, asyncio.Task[None]] = {}
        self._givings: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._probing: asyncio.Task[None] | None = None
        self._all_answered = asyncio.Event()

    # -- what the prober asks --------------------------------------------------------------------

    def bound(self) -> tuple[Spec, ...]:
        """Listeners that stand now."""
        return tuple(spec for spec, answer in self._answers.items() if answer.stands)

    @property
    def surveyed(self) -> bool:
        """Whether the gateway has been asked about itself, with or without success."""
        return self._memory.surveyed

    def survey(self) -> Survey | None:
        """What the gateway told about itself, in this session or the one before."""
        return self._memory.survey

    def client_addresses(self) -> tuple[str, ...]:
        """How clients reach the gateway."""
        return self._memory.client_addresses(self._config())

    def carried(self, service: Service) -> Carried | None:
        """How the configuration in force carries a service; None if it does not."""
        return self._config().carried(self._gateway).get(service)

    # -- the work --------------------------------------------------------------------------------

    async def serve(self, bound: Callable[[tuple[Answer, ...]], None]) -> Failure:
        """Keep the forwards until the session ends; why it ended.

        Args:
            bound: told the answers once every forward has had one.
        """
        self._session.on_lost(self._lost)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                survey = group.create_task(self._survey(), name=f"{self._gateway} survey")
                probing = group.create_task(self._announce(bound), name=f"{self._gateway} bound")
                self._probing = probing
                revoking = group.create_task(self._revocation.run(), name=f"{self._gateway} revoke")
                self.apply()
                failure = await self._session.lost()
                for task in (survey, probing, revoking, *self._tasks.values(), *self._givings):
                    task.cancel()
        finally:
            self._group = None
            self._lost()
        return failure

    def apply(self) -> None:
        """Follow the configuration: ask for what is new, give back what is gone."""
        if self._group is None:
            return
        wanted = specs(self._config(), self._gateway)
        self._memory.expect(self._config())
        if self._memory.own is not None:
            self._memory.own.follow(self._session)
        for spec in sorted(wanted - self._holders.keys()):
            self._holders[spec] = holder = self._holder(spec)
            name = f"{self._gateway} {spec}"
            self._tasks[spec] = self._group.create_task(holder.run(), name=name)
        for spec in self._holders.keys() - wanted:
            del self._holders[spec]
            self._tasks.pop(spec).cancel()
            self._answers.pop(spec, None)
            giving = self._group.create_task(self._give_back(spec), name=f"{self._gateway} -{spec}")
            self._givings.add(giving)
            giving.add_done_callback(self._givings.discard)
        for spec, holder in self._holders.items():
            families = probe.expected_families(spec, self.client_addresses())
            holder.expect(frozenset(families))
        self._note_all_answered()
        self._prober.hasten()
        self._changed()

    def look_again(self) -> None:
        """Something changed at the host: probe now."""
        self._prober.hasten()

    def _holder(self, spec: Spec) -> Holder:
        return Holder(
            spec,
            session=self._session,
            accept=self._intake.door(spec),
            memory=self._memory,
            standing=lambda: self._session.listeners,
            answered=self._answered,
        )

    async def _announce(self, bound: Callable[[tuple[Answer, ...]], None]) -> None:
        await self._all_answered.wait()
        bound(tuple(self._answers.values()))
        await self._prober.run(self._probe_timing)

    def _revocation_timing(self) -> tuple[float, float]:
        config = self._config()
        return config.access.revoke_grace_s, config.tunnel.drain_timeout_s

    def _probe_timing(self) -> tuple[float, float]:
        timing = self._config().probe
        return timing.interval_s, timing.timeout_s

    async def _survey(self) -> None:
        if self._memory.surveyed:
            # Clients wait for the listeners; what is known of the gateway hardly ever changes, and
            # the dozen processes that tell it would compete with sshd for the gateway's processor.
            await self._all_answered.wait()
        while not self._session.over:
            found = await self._session.survey()
            news = self._memory.learn(found)
            if self._memory.own is not None:
                self._memory.own.remember(self._session)
                self._note_all_ours()
            if found is not None or not self._gate.knows(self._gateway):
                self._gate.attached(self._gateway, () if found is None else found.networks)
            if news:
                self._memory.expect(self._config())
                self._prober.hasten()
            # A container is put on one more network while we are connected, now and then.
            await asyncio.sleep(_RESURVEY_S)

    def _answered(self, spec: Spec, answer: Answer) -> None:
        before = self._answers.get(spec)
        self._answers[spec] = answer
        self._log_answer(spec, answer, before)
        if not answer.stands:
            self._memory.board.record(spec, None, probe.refused(answer), time.time())
        self._note_all_answered()
        self._prober.hasten()
        self._changed()

    def _note_all_answered(self) -> None:
        if self._holders and self._answers.keys() >= self._holders.keys():
            self._all_answered.set()

    def _note_all_ours(self) -> None:
        """Whether every listener is ours in each family, as far as it can be found out."""
        own = self._memory.own
        if own is None or len(self.bound()) < len(self._holders):
            return
        met = (
            view
            for each in self._holders
            for view in self._memory.board.views(each.service).values()
        )
        # A listener that was granted may lack the family that a dead session holds.
        if all(view.state.ready or view.state is ServiceState.ABSENT for view in met):
            own.all_ours(self._session)

    def _log_answer(self, spec: Spec, answer: Answer, before: Answer | None) -> None:
        log = _log.bind(gateway=self._gateway, service=str(spec.service), port=spec.port)
        if answer.stands:
            if before is not None and not before.stands:
                log.info("forward_bound")
            if answer.verdict is Verdict.COVERED:
                log.debug("forward_covered", error=answer.text)
            elif answer.text is not None:
                log.warning("forward_overridden", error=answer.text, hint=answer.hint)
            self._memory.quiet.over_where((self._gateway, spec))
            return
        now = time.monotonic()
        said = self._memory.quiet.decide((self._gateway, spec, answer.verdict), now)
        if said == "say":
            log.warning("forward_refused", error=answer.text, hint=answer.hint)
        elif (
            said != "hush" and self._memory.quiet.decide((self._gateway, "refused"), now) != "hush"
        ):
            # Most often all have one cause: one line a minute does for all of them.
            refused = [str(s) for s, each in self._answers.items() if not each.stands]
            _log.warning(
                "forwards_refused",
                gateway=self._gateway,
                services=refused,
                error=answer.text,
                hint=answer.hint,
            )

    def _found(self, spec: Spec, family: Family, finding: Finding) -> None:
        if spec in self._answers:
            somebody_else = finding.state is ServiceState.REFUSED
            self._holders[spec].answers_there(family, somebody_else=somebody_else)
            self._memory.board.record(spec, family, finding, time.time())
            self._note_all_ours()
            self._changed()

    async def _give_back(self, spec: Spec) -> None:
        try:
            await self._session.unlisten(spec)
        except TunnelFailureError:
            return
        for spec_left, answer in self._answers.items():
            if answer.verdict is Verdict.COVERED and spec_left.service is spec.service:
                self._holders[spec_left].ask_again()
        if spec.service in self._config().carried(self._gateway):
            return  # it moved: its connections live on
        await self._close_quietly(lambda service: service is spec.service)

    def _carried(self, service: Service) -> Carried:
        carried = self.carried(service)
        if carried is None:
            raise ConnectionRefusedError("the service is no longer carried")
        return carried

    def _answered_here(self, service: Service) -> Callable[[], PortmapView] | None:
        carried = self._config().carried(self._gateway).get(service)
        if service is not Service.RPCBIND or carried is None or carried.mode != "virtual":
            return None
        return self._portmap_view

    def _portmap_view(self) -> PortmapView:
        config = self._config()
        return portmap_view(
            config.carried(self._gateway),
            specs=specs(config, self._gateway),
            versions=self._host.versions,
            configured=config.gateway[self._gateway].client_address,
            discovered=self._memory.discovered_addresses(),
        )

    # -- the end ---------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Take no more clients, and close each connection when no call is unanswered."""
        self._intake.stopping = True
        if self._probing is not None:
            self._probing.cancel()
        for task in self._tasks.values():
            task.cancel()
        try:
            for spec in tuple(self._session.listeners):
                await self._session.unlisten(spec)
        except TunnelFailureError:
            return
        await self._close_quietly(lambda _service: True)

    async def _close_quietly(self, which: Callable[[Service], bool]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._config().tunnel.drain_timeout_s
        while members := self._circle.of(which):
            over = loop.time() >= deadline
            circle.end(members, at_once=over)
            if over:
                break
            await asyncio.sleep(circle.STEP_S)

    def _lost(self) -> None:
        # Relays hear of it from their channels; those still being dialled have none.
        self._intake.lost = True
