"""One gateway's shell: feeds the state machine, carries out its commands, keeps its one timer.

Every event goes through one queue and one loop. An attempt (dial, bind, serve until lost) is one
task; what it has to tell carries its generation, so that a late word of an old attempt is dropped.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from hostnfsd.config.model import Config
from hostnfsd.daemon.face import Meters
from hostnfsd.daemon.gateway import session as ssh
from hostnfsd.daemon.gateway.account import Account
from hostnfsd.daemon.gateway.board import Board
from hostnfsd.daemon.gateway.forwards import Forwards
from hostnfsd.daemon.gateway.gateway_view import gateway_view
from hostnfsd.daemon.gateway.memory import Memory
from hostnfsd.daemon.gateway.own_sessions import OwnSessions
from hostnfsd.daemon.gateway.session_book import SessionBook
from hostnfsd.daemon.host.face import HostServices
from hostnfsd.daemon.relay.circle import Circle
from hostnfsd.daemon.relay.gate import Gate
from hostnfsd.daemon.relay.ledger import Ledger
from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.daemon.ssh.login_watch import LoginWatch
from hostnfsd.dial.patience import pausing, within
from hostnfsd.snapshot import FailureKind, GatewayView, Phase
from hostnfsd.tunnel import machine, nap
from hostnfsd.tunnel.backoff import Limits
from hostnfsd.tunnel.failure import Failure
from hostnfsd.tunnel.forward import Answer, Verdict
from hostnfsd.tunnel.machine import Command, Event, Policy, Tunnel, step
from hostnfsd.tunnel.ssh_config import Alias

#: Seconds that ending an old session may delay what comes next.
_END_TIMEOUT_S: Final = 5.0

#: Seconds until supervision begins anew after a bug of ours.
_BROKEN_PAUSE_S: Final = 1.0

#: What ends an attempt.
_LAST_WORDS: Final = (machine.Failed, machine.Refused, machine.Lost)

_log: Final = structlog.stdlib.get_logger("hostnfsd.supervisor")


class Supervisor:
    """Keeps one tunnel.

    Args:
        name: of the gateway's table.
        config: gives the configuration in force.
        host: the host's services.
        gate: who may come in.
        ledger: where clients are entered.
        meters: where durations go.
        sessions: where our own sessions are remembered.
        changed: called when the view may have changed.
    """

    def __init__(
        self,
        name: str,
        *,
        config: Callable[[], Config],
        host: HostServices,
        gate: Gate,
        ledger: Ledger,
        meters: Meters,
        sessions: SessionBook,
        changed: Callable[[], None],
    ) -> None:
        self.name = name
        self._config = config
        self._host = host
        self._gate = gate
        self._ledger = ledger
        self._meters = meters
        self._changed = changed
        self._tunnel = Tunnel()
        self._events: asyncio.Queue[tuple[int | None, Event]] = asyncio.Queue()
        self._generation = 0
        self._stopped = False
        self._group: asyncio.TaskGroup | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._proof: asyncio.Task[None] | None = None
        self._forwards: Forwards | None = None
        self._session: ssh.Session | None = None
        self._may_bind = asyncio.Event()
        self._memory = Memory(name, Board(name))
        self._own = OwnSessions(name, book=sessions, config=config, quiet=self._memory.quiet)
        self._memory.own = self._own
        self._memory.admits = lambda address: gate.verdict(name, address, 0).admitted
        self._memory.expect(config())
        self._addresses = self._memory.client_addresses(config())
        self._board = self._memory.board
        self._account = Account(name, self._memory.quiet)
        self._login = LoginWatch(os.environ)

    # -- asked from outside ----------------------------------------------------------------------

    def stop(self) -> None:
        """End the tunnel: drain, close; :meth:`run` then returns."""
        self._stopped = True
        self._post(machine.Stop())

    def hasten(self) -> None:
        """Drop the wait and connect now."""
        self._post(machine.Hasten())

    def redial(self) -> None:
        """The connection's own settings changed."""
        self._post(machine.Redial())

    def apply(self) -> None:
        """Follow the configuration: forwards and timing, on the live session if there is one."""
        self._memory.expect(self._config())
        if self._session is not None:
            self._session.set_keepalive(self._config().tunnel)
        if self._forwards is not None:
            self._forwards.apply()

    def woke(self, asleep_s: float) -> None:
        """This machine slept: dial again, or let the session prove that it has survived."""
        self._post(machine.Woke())
        if self._session is not None and self._group is not None:
            silence_s = ssh.silence_s(self._config().tunnel)
            proof = self._session.prove(nap.patience_s(asleep_s, silence_s), asleep_s)
            self._proof = self._group.create_task(proof, name=f"{self.name} proof")

    def network_changed(self) -> None:
        """What was unreachable may be within reach now."""
        self._post(machine.NetworkChanged())

    def access_changed(self) -> None:
        """Other clients may come in: perhaps at other addresses of the gateway."""
        addresses = self._memory.client_addresses(self._config())
        if addresses != self._addresses:
            self._addresses = addresses
            self.apply()

    def host_changed(self) -> None:
        """A service of the host moved, or lets clients mount or not: look at once."""
        if self._forwards is not None:
            self._forwards.look_again()
        self._changed()

    # -- the loop --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Supervise until stopped. A bug of ours here ends neither the daemon nor other tunnels."""
        while True:
            try:
                await self._supervise()
            except Exception:  # noqa: BLE001  # the others must go on
                _log.exception("supervisor_broke", gateway=self.name)
            else:
                return
            if self._stopped:
                return
            self._tunnel, self._group = Tunnel(), None
            self._attempt = self._watch = self._proof = None
            self._session = self._forwards = None
            self._generation += 1
            self._board.forget(time.time())
            await asyncio.sleep(_BROKEN_PAUSE_S)

    async def _supervise(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._take(machine.Start())
            while self._tunnel.phase is not Phase.STOPPED:
                self._take(await self._next_event())
            for task in (self._attempt, self._watch, self._proof):
                if task is not None:
                    task.cancel()

    async def _next_event(self) -> Event:
        while True:
            wake_at = self._tunnel.wake_at
            wait_s = None if wake_at is None else wake_at - time.monotonic()
            if wait_s is not None and wait_s <= 0 and self._events.empty():
                return machine.WakeUp()
            try:
                async with pausing(wait_s):
                    generation, event = await self._events.get()
            except TimeoutError:
                return machine.WakeUp()
            if generation not in {None, self._generation}:
                continue
            if isinstance(event, _LAST_WORDS):
                self._generation += 1
            return event

    def _post(self, event: Event, generation: int | None = None) -> None:
        """Queue an event; one of an attempt counts only while that attempt is the latest.

        An attempt has one last word: a gateway that refuses every forward and hangs up at the same
        moment must not be heard twice.
        """
        self._events.put_nowait((generation, event))

    def _take(self, event: Event) -> None:
        tunnel, commands = step(
            self._tunnel,
            event,
            now=time.monotonic(),
            chance=random.random(),  # noqa: S311  # jitter, not a secret
            policy=self._policy(),
        )
        before, self._tunnel = self._tunnel, tunnel
        self._account.book(event, before, tunnel)
        if tunnel.phase is not before.phase:
            self._entered(before)
        for command in commands:
            self._carry_out(command)
        self._changed()

    def _policy(self) -> Policy:
        timing = self._config().tunnel
        limits = Limits(timing.backoff_min_s, timing.backoff_max_s)
        return Policy(limits, timing.steady_after_s)

    def _carry_out(self, command: Command) -> None:
        assert self._group is not None  # noqa: S101  # set by run
        match command:
            case Command.CONNECT:
                self._generation += 1
                former, self._may_bind = self._attempt, asyncio.Event()
                attempt = self._try(self._generation, former)
                self._attempt = self._group.create_task(attempt, name=f"{self.name} attempt")
            case Command.BIND:
                self._may_bind.set()
            case Command.DISCONNECT:
                drain = self._tunnel.phase is Phase.STOPPING
                # This attempt, not one that a hastened retry may have begun by then.
                end = self._disconnect(self._attempt, drain=drain)
                self._group.create_task(end, name=f"{self.name} disconnect")

    # -- an attempt ------------------------------------------------------------------------------

    async def _try(self, generation: int, former: asyncio.Task[None] | None) -> None:
        await _end(former)
        self._account.attempts += 1
        established = False
        try:
            circle = Circle()
            config = self._config()
            self._login.begin(config.gateway[self.name].ssh_config)
            session = await ssh.connect(
                self.name,
                config.gateway[self.name],
                config.tunnel,
                on_congestion=circle.set_congested,
                dialling=self._dialling,
                agent_holds=self._login.agent_holds,
            )
            established = True
            try:
                await self._serve(session, circle, generation)
            finally:
                await session.close()
        except TunnelFailureError as exc:
            self._end_of_attempt(exc.failure, generation, established=established)
        except Exception as exc:  # noqa: BLE001  # a bug of ours must not end the daemon
            _log.exception("attempt_broke", gateway=self.name)
            failure = Failure(
                FailureKind.INTERNAL,
                f"{type(exc).__name__}: {exc}",
                "this is a bug in hostnfsd: please report it with the log",
            )
            self._end_of_attempt(failure, generation, established=established)

    async def _serve(self, session: ssh.Session, circle: Circle, generation: int) -> None:
        session.watch_keepalives(lambda s: self._meters.keepalive_rtt(self.name, s))
        forwards = Forwards(
            gateway=self.name,
            session=session,
            connections=circle,
            gate=self._gate,
            config=self._config,
            host=self._host,
            ledger=self._ledger,
            meters=self._meters,
            memory=self._memory,
            changed=self._look,
        )
        self._own.begins(session)
        self._post(machine.Connected(), generation)
        await self._may_bind.wait()
        self._session, self._forwards = session, forwards
        try:
            failure = await forwards.serve(lambda answers: self._bound(answers, generation))
        except asyncio.CancelledError:
            self._own.ended(session)
            raise
        finally:
            self._session = self._forwards = None
        self._post(machine.Lost(failure), generation)

    def _bound(self, answers: tuple[Answer, ...], generation: int) -> None:
        forbidden = [a for a in answers if a.verdict is Verdict.POLICY]
        if answers and len(forbidden) == len(answers):
            failure = Failure(
                FailureKind.FORBIDDEN,
                f"every forward is forbidden: {forbidden[0].text}",
                forbidden[0].hint,
            )
            self._post(machine.Refused(failure), generation)
        else:
            self._post(machine.Bound(), generation)

    def _end_of_attempt(self, failure: Failure, generation: int, *, established: bool) -> None:
        event: Event = (
            machine.Refused(failure) if failure.needs_a_person else machine.Failed(failure)
        )
        self._post(machine.Lost(failure) if established else event, generation)

    def _dialling(self, alias: Alias) -> None:
        self._login.begin(self._config().gateway[self.name].ssh_config, alias)
        self._account.address = str(alias)
        self._changed()

    async def _disconnect(self, attempt: asyncio.Task[None] | None, *, drain: bool) -> None:
        if drain and self._forwards is not None:
            # A gateway that answers no more must not delay the stop beyond what was allowed.
            with suppress(TimeoutError):
                async with within(self._config().tunnel.drain_timeout_s + 1):
                    await self._forwards.drain()
        await _end(attempt)
        self._post(machine.Closed())

    def _entered(self, before: Tunnel) -> None:
        """What else a change of phase means."""
        if before.phase in {Phase.UP, Phase.BINDING} and self._tunnel.phase is not Phase.UP:
            self._board.forget(self._account.since)
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._tunnel.phase is Phase.BLOCKED and self._group is not None:
            watch = self._hasten_on_change()
            self._watch = self._group.create_task(watch, name=f"{self.name} watch")

    async def _hasten_on_change(self) -> None:
        await self._login.changed()
        self.hasten()

    # -- what is shown ---------------------------------------------------------------------------

    def _look(self) -> None:
        """Something was found out: perhaps the outage is over."""
        if self._tunnel.phase is Phase.UP and self._all_serve():
            seconds = self._account.recovered()
            if seconds is not None:
                self._meters.recovered(self.name, seconds)
        self._changed()

    def _all_serve(self) -> bool:
        return all(
            view.state.ready
            for service, carried in self._config().carried(self.name).items()
            if carried.required
            for view in self._board.views(service).values()
        )

    def view(self) -> GatewayView:
        """The tunnel as it stands, its instants as seconds since the epoch."""
        return gateway_view(
            self._config(),
            self._tunnel,
            account=self._account,
            memory=self._memory,
            host=self._host,
            ledger=self._ledger,
            gate=self._gate,
        )


async def _end(task: asyncio.Task[None] | None) -> None:
    """Cancel a task and wait for its end, but not for ever."""
    if task is None or task.done():
        return
    task.cancel()
    await asyncio.wait((task,), timeout=_END_TIMEOUT_S)
