"""The doctor's own way to a gateway: one login, and, where no daemon has them, the forwards."""

import asyncio
import os
import shutil
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal, TypeVar

from hostnfsd.access_view import AccessView
from hostnfsd.config.model import Carried, Config
from hostnfsd.daemon.gateway import session as ssh
from hostnfsd.daemon.gateway.board import Board
from hostnfsd.daemon.gateway.forwards import Forwards
from hostnfsd.daemon.gateway.memory import Memory
from hostnfsd.daemon.gateway.own_sessions import OwnSessions
from hostnfsd.daemon.gateway.session import Session
from hostnfsd.daemon.gateway.session_book import SessionBook
from hostnfsd.daemon.gateway.session_store import StoreError
from hostnfsd.daemon.host.host import Host
from hostnfsd.daemon.relay.circle import Circle
from hostnfsd.daemon.relay.gate import Gate
from hostnfsd.daemon.relay.ledger import Ledger
from hostnfsd.daemon.ssh import alias as aliases
from hostnfsd.daemon.ssh import keys
from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.daemon.ssh.keys import Ring
from hostnfsd.dial.patience import pausing, within
from hostnfsd.doctor import exports_checks
from hostnfsd.doctor.engine import Once, in_thread
from hostnfsd.doctor.scene import Scene
from hostnfsd.quiet import Quiet
from hostnfsd.server.finding import Denial, HostFinding, Place
from hostnfsd.services import Service
from hostnfsd.snapshot import (
    Family,
    FamilyView,
    GatewayView,
    Phase,
    RefusedView,
    ServiceState,
)
from hostnfsd.tunnel.admission import Admission, Exported
from hostnfsd.tunnel.failure import Failure
from hostnfsd.tunnel.gateway import Survey
from hostnfsd.tunnel.ssh_config import Alias

#: Seconds for ssh_config, for the login, and for the forwards: a check has five.
_ALIAS_S: Final = 4.0
_CONNECT_S: Final = 4.5
SETTLE_S: Final = 4.0
_COMMAND_S: Final = 3.0
_END_S: Final = 3.0
_CLIENTS: Final = 64

T = TypeVar("T")
Views = Mapping[Family, FamilyView]


class _Nobody:
    """Meters that measure nothing."""

    def recovered(self, gateway: str, seconds: float) -> None:
        """Nobody asks."""

    def keepalive_rtt(self, gateway: str, seconds: float) -> None:
        """Nobody asks."""

    def probed(
        self, gateway: str, service: Service, side: Literal["host", "gateway"], seconds: float
    ) -> None:
        """Nobody asks."""

    def probe_failed(
        self, gateway: str, service: Service, side: Literal["host", "gateway"]
    ) -> None:
        """Nobody asks."""


class _Answering:
    """The host's services without trial mounts, which are a check of their own."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def place(self, carried: Carried) -> Place:
        """As the host."""
        return self._host.place(carried)

    def versions(self, service: Service) -> tuple[int, ...]:
        """As the host."""
        return self._host.versions(service)

    async def dial(self, carried: Carried) -> socket.socket:
        """As the host."""
        return await self._host.dial(carried)

    async def dial_plainly(self, carried: Carried) -> socket.socket:
        """As the host."""
        return await self._host.dial_plainly(carried)

    async def probe(self, carried: Carried, timeout_s: float) -> HostFinding:
        """As the host."""
        return await self._host.probe(carried, timeout_s)

    def denial(self, carried: Carried) -> Denial | None:
        """Nobody was asked."""
        del carried
        return None

    def pending(self, carried: Carried) -> bool:
        """Nobody will be asked."""
        del carried
        return False

    def doubt(self, service: Service) -> None:
        """The host's own checks tell what is wrong with it."""


class Link:
    """One gateway.

    Attributes:
        name: of its table.
        view: what the daemon tells of it; None where no daemon has it.
    """

    def __init__(self, scene: Scene, name: str) -> None:
        self.scene = scene
        self.name = name
        self.view: GatewayView | None = scene.view(name)
        self._once = Once()
        self._session: Session | None = None
        self._forwards: asyncio.Task[Failure] | None = None
        self._changed = asyncio.Event()
        self._circle = Circle()
        self._ledger = Ledger(_CLIENTS)
        self._guard: Gate | None = None

    @property
    def config(self) -> Config:
        """In force, with less patience: a check has five seconds."""
        tunnel = self.scene.config.tunnel
        patient = min(tunnel.connect_timeout_s, _CONNECT_S)
        return self.scene.config.model_copy(
            update={"tunnel": tunnel.model_copy(update={"connect_timeout_s": patient})}
        )

    @property
    def carried(self) -> Mapping[Service, Carried]:
        """What is carried to it."""
        return self.scene.config.carried(self.name)

    @property
    def daemon_up(self) -> bool:
        """Whether a daemon has its session, and so the ports."""
        return self.view is not None and self.view.phase in {Phase.UP, Phase.BINDING}

    async def alias(self) -> Alias:
        """What the name means. Raises TunnelFailureError."""
        gateway = self.scene.config.gateway[self.name]
        return await self._once.get("alias", lambda: aliases.resolve(self.name, gateway, _ALIAS_S))

    async def ring(self) -> Ring:
        """What to log in with. Raises TunnelFailureError."""
        alias = await self.alias()

        def collect() -> Ring:
            return keys.collect(
                alias.identity_files,
                named=not alias.default_identities,
                only=alias.identities_only,
                agent=keys.agent_socket(alias.identity_agent, os.environ),
                environ=os.environ,
            )

        return await self._once.get("ring", lambda: in_thread(collect))

    async def once(self, key: str, find: Callable[[], Awaitable[T]]) -> T:
        """What several checks want to know of this gateway, found out once."""
        return await self._once.get(key, find)

    async def ssh_dash_g(self) -> str | None:
        """The output of ``ssh -G NAME``; None where ssh_config is not used."""
        gateway = self.scene.config.gateway[self.name]
        ssh_program = shutil.which("ssh")
        if aliases.config_file(gateway) is None or ssh_program is None:
            return None
        words = (ssh_program, *aliases.config_arguments(gateway), "-G", self.name)
        told = await self.scene.run(*words)
        return told.output if told.status == 0 else None

    async def session(self) -> Session | Failure:
        """The login, or why there is none."""
        return await self._once.get("session", self._connect)

    async def _connect(self) -> Session | Failure:
        config = self.config
        try:
            self._session = await ssh.connect(
                self.name,
                config.gateway[self.name],
                config.tunnel,
                on_congestion=self._circle.set_congested,
                dialling=lambda _alias: None,
                agent_holds=lambda _held: None,
            )
        except TunnelFailureError as exc:
            return exc.failure
        return self._session

    async def output(self, command: str) -> str | None:
        """What a command prints on the gateway; None if nobody can run one."""
        session = await self.session()
        if isinstance(session, Failure):
            return None
        return await self._once.get(command, lambda: session.output(command, _COMMAND_S))

    async def survey(self) -> Survey | None:
        """What the gateway tells of itself."""
        session = await self.session()
        if isinstance(session, Failure):
            return None
        return await self._once.get("survey", session.survey)

    async def states(self) -> Mapping[Service, Views]:
        """What clients meet: as the daemon tells, else as forwards of our own find."""
        if self.view is not None:
            return {each.service: each.families for each in self.view.services}
        if self.scene.mute is not None and self.scene.mute.a_daemon:
            return {}  # it may have the ports: they are not bound a second time
        return await self._once.get("states", self._own_states)

    async def _own_states(self) -> Mapping[Service, Views]:
        session = await self.session()
        if isinstance(session, Failure):
            return {}
        await self.scene.looked()
        memory = Memory(self.name, Board(self.name))
        memory.own = await self._own(session, memory.quiet)
        memory.expect(self.config)
        self._guard = await self._gate()
        forwards = Forwards(
            gateway=self.name,
            session=session,
            connections=self._circle,
            gate=self._guard,
            config=lambda: self.config,
            host=_Answering(self.scene.host),
            ledger=self._ledger,
            meters=_Nobody(),
            memory=memory,
            changed=self._changed.set,
        )
        serving = forwards.serve(lambda _answers: None)
        self._forwards = asyncio.get_running_loop().create_task(serving, name="doctor's forwards")
        deadline = time.monotonic() + SETTLE_S
        while True:
            self._changed.clear()
            views = {service: memory.board.views(service) for service in self.carried}
            left_s = deadline - time.monotonic()
            if self._forwards.done() or left_s <= 0 or not _waiting(views):
                return views
            try:
                async with pausing(left_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _own(self, session: Session, quiet: Quiet) -> OwnSessions:
        """Whom a daemon would end that held our ports: they are looked at, and left alone."""
        book = SessionBook(None)
        remembered = await self.scene.remembered()
        if not isinstance(remembered, StoreError):
            book.keep(self.name, remembered.get(self.name, ()))
        own = OwnSessions(self.name, book=book, config=lambda: self.config, quiet=quiet, ends=False)
        own.begins(session)
        return own

    async def _gate(self) -> Gate:
        """Meanwhile come in whom the daemon would let in, and nobody else."""
        access = self.scene.config.access
        gate = Gate(gateways=lambda: (self.name,), allow=lambda: access.allow)
        gate.follow(await self._exported())
        return gate

    async def _exported(self) -> Exported | None:
        """What the exports file says to the gate; None where it says nothing."""
        found = await exports_checks.read(self.scene)
        if found is None or not found.valid:
            return None
        path, dialect = self.scene.config.host.exports, found.reading.dialect
        return Exported(found.reading.exports, found.dialled_from, dialect, path)

    async def access(self) -> AccessView:
        """Who may come in: as the daemon tells, else as its gate would decide."""
        if self.view is not None and (self.view.access.admitted or self.view.access.error):
            return self.view.access
        survey = await self.survey()
        admission = Admission(
            self.scene.config.access.allow,
            await self._exported(),
            () if survey is None else survey.networks,
        )
        error, hint = admission.trouble or (None, None)
        return AccessView(admission.admitted, error, hint)

    async def refused(self) -> tuple[RefusedView, ...]:
        """Whom the gate turned away: the daemon's, asked now, else our own."""
        if self._guard is not None:
            return self._guard.explained(self._ledger.turned_away())
        snapshot = await self.scene.told_now()
        return () if snapshot is None else snapshot.refused

    async def client_addresses(self) -> tuple[str, ...]:
        """How clients reach the gateway, as far as is known."""
        if self.view is not None and self.view.client_address:
            return self.view.client_address
        memory = Memory(self.name, Board(self.name), survey=await self.survey())
        return memory.client_addresses(self.scene.config)

    async def end(self) -> None:
        """Give back every port, and log out."""
        self._once.end()
        session = self._session
        if session is None:
            return
        try:
            async with within(_END_S):
                for spec in tuple(session.listeners):
                    await session.unlisten(spec)
        except (TimeoutError, TunnelFailureError):
            pass  # the end of the session frees them, too
        finally:
            if self._forwards is not None:
                self._forwards.cancel()
            await session.close()


def _waiting(views: Mapping[Service, Views]) -> bool:
    return any(
        view.state is ServiceState.WAITING for each in views.values() for view in each.values()
    )
