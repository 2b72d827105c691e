"""The daemon: start and stop order, reload, signals. One TaskGroup; everything is a child of it.

Start: limits, control socket (which also makes us the only one), endpoints, tunnels, then READY:
ready to *supervise*; nothing waits for the far end. Stop: tunnels drain, then endpoints, then the
control socket. No step of starting depends on a clean stop before.
"""

import asyncio
import os
import platform
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Final

import asyncssh
import structlog

from hostnfsd import __version__
from hostnfsd.config.model import Config
from hostnfsd.config.reader import parse
from hostnfsd.daemon import limits, network
from hostnfsd.daemon.awake import Awake
from hostnfsd.daemon.beginning import Beginning
from hostnfsd.daemon.endpoints.control import Control
from hostnfsd.daemon.endpoints.endpoints import Endpoints
from hostnfsd.daemon.endpoints.metrics import Metrics
from hostnfsd.daemon.exports.watch import ExportsWatch, this_machine
from hostnfsd.daemon.face import ReloadVerdict
from hostnfsd.daemon.gateway import session_store
from hostnfsd.daemon.gateway.session_book import SessionBook
from hostnfsd.daemon.gateway.supervisor import Supervisor
from hostnfsd.daemon.host.host import Host
from hostnfsd.daemon.notify import Notify
from hostnfsd.daemon.relay.gate import Gate
from hostnfsd.daemon.relay.ledger import Ledger
from hostnfsd.daemon.sleep import Sleep
from hostnfsd.daemon.ssh import seams
from hostnfsd.dial.patience import pausing
from hostnfsd.dial.sources import Sources
from hostnfsd.errors import HostnfsdError
from hostnfsd.problem import Place, Problem, Severity
from hostnfsd.reload import Difference, diff
from hostnfsd.snapshot import ReloadView, Snapshot

#: How often the loop comes round at least, for a status line that is due.
_ROUND_S: Final = 30.0
#: Seconds beyond ``drain_timeout_s`` after which a stop no longer waits.
_STOP_GRACE_S: Final = 5.0

_log: Final = structlog.stdlib.get_logger("hostnfsd.service")


class Daemon:
    """The whole; the :class:`~hostnfsd.daemon.face.Face` that endpoints and control socket see."""

    def __init__(self, beginning: Beginning) -> None:
        self._beginning = beginning
        self._config = beginning.config
        self._logs = beginning.logs
        self._started = time.time()
        self._reload = ReloadView(True, 0, 0, self._started, beginning.problems)
        self._ledger = Ledger(beginning.config.access.max_connections)
        self._ledger.count_rpc = beginning.config.metrics.rpc
        self._metrics = Metrics()
        self._sources = Sources(self._config.host.reserved_source_port)
        self._exports = ExportsWatch(
            config=lambda: self._config,
            read=this_machine(self._sources),
            follow=lambda book: self._gate.follow(book.exported),
        )
        self._host = Host(
            config=lambda: self._config,
            sources=self._sources,
            changed=partial(self._tell, Supervisor.host_changed),
            heard=self._exports.heard,
        )
        self._sleep = Sleep(self._slept)
        self._awake = Awake(lambda: self._config.host.keep_awake, self._ledger.worked)
        self._gate = Gate(
            gateways=lambda: self._config.gateway,
            allow=lambda: self._config.access.allow,
            changed=partial(self._tell, Supervisor.access_changed),
        )
        folder = beginning.state_folder
        self._sessions = SessionBook(
            None if folder is None else session_store.of_config(folder, beginning.path)
        )
        self._control = Control(self)
        self._endpoints = Endpoints(self, self._metrics)
        self._notify = Notify()
        #: The configuration that each gateway follows: the last one that had it, so that one which
        #: is gone can drain.
        self._followed: dict[str, Config] = {}
        self._supervisors: dict[str, Supervisor] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._hangups = 0
        self._stops = 0
        # They show from the first moment, so that nobody is told "ready" before anything is.
        self._supervise(self._config.gateway)

    # -- start, work, stop -----------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises:
            AlreadyRunningError, NotPermittedError, CannotWriteError: the control socket cannot be
                ours.
        """
        self._catch_signals()
        await self._control.start(self._beginning.control_path(self._config))
        try:
            self._announce()
            await self._endpoints.start(self._config.metrics)
            try:
                async with asyncio.TaskGroup() as group:
                    self._group = group
                    network_changed = partial(self._tell, Supervisor.network_changed)
                    watchers = [
                        group.create_task(self._host.run(), name="host"),
                        group.create_task(
                            self._exports.run(self._host.look_at_exports), name="exports"
                        ),
                        group.create_task(self._sleep.run(), name="sleep"),
                        group.create_task(self._awake.run(), name="awake"),
                        group.create_task(network.watch(network_changed), name="network"),
                        group.create_task(self._sessions.run(), name="sessions"),
                    ]
                    self._start(self._config.gateway)
                    self._notify.ready()
                    await self._rounds()
                    await self._drain()
                    for watcher in watchers:
                        watcher.cancel()
            finally:
                await self._endpoints.stop()
        finally:
            await self._control.stop()
            self._notify.close()
        _log.info("daemon_stopped", uptime_s=round(time.time() - self._started))

    def _announce(self) -> None:
        _log.info(
            "daemon_started",
            version=__version__,
            pid=os.getpid(),
            config=str(self._beginning.path),
            gateways=list(self._config.gateway),
        )
        self._limit_connections()
        self._sources.apply(self._config.host.reserved_source_port)
        for misfit in seams.check():
            _log.warning("asyncssh_differs", error=misfit)

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)

    def _asked_to_stop(self) -> None:
        self._stops += 1
        self._woken.set()

    def _hung_up(self) -> None:
        self._hangups += 1
        self._woken.set()

    async def _rounds(self) -> None:
        """The loop that does the work: reloads, status line, watchdog. Ends when asked to stop."""
        watchdog_s = self._notify.watchdog_interval_s
        while not self._stops:
            self._woken.clear()
            self._notify.watchdog()
            self._notify.status(self._line())
            if self._hangups:
                self._hangups = 0  # a storm of signals is one reload
                await self.reload()
                continue
            with suppress(TimeoutError):
                async with pausing(min(_ROUND_S, watchdog_s or _ROUND_S)):
                    await self._woken.wait()

    async def _drain(self) -> None:
        self._notify.stopping()
        _log.info("daemon_stopping", connections=len(self._ledger.open))
        self._stop(tuple(self._supervisors))
        deadline = time.monotonic() + self._config.tunnel.drain_timeout_s + _STOP_GRACE_S
        once = self._stops
        while self._tasks and self._stops == once and time.monotonic() < deadline:
            self._woken.clear()
            self._notify.watchdog()
            with suppress(TimeoutError):
                async with pausing(1.0):
                    await self._woken.wait()
        for task in self._tasks:
            task.cancel()

    # -- supervisors -----------------------------------------------------------------------------

    def _supervise(self, names: Iterable[str]) -> None:
        for name in names:
            self._followed[name] = self._config
            self._supervisors[name] = Supervisor(
                name,
                config=partial(self._followed.__getitem__, name),
                host=self._host,
                gate=self._gate,
                ledger=self._ledger,
                meters=self._metrics,
                sessions=self._sessions,
                changed=self._woken.set,
            )

    def _tell(self, of: Callable[[Supervisor], None]) -> None:
        for supervisor in self._supervisors.values():
            of(supervisor)

    def _slept(self, seconds: float) -> None:
        self._host.apply()
        self._tell(lambda supervisor: supervisor.woke(seconds))

    def _start(self, names: Iterable[str]) -> None:
        assert self._group is not None  # noqa: S101  # set by run
        for name in names:
            run = self._supervisors[name].run()
            task = self._group.create_task(run, name=f"{name} supervisor")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _task: self._woken.set())

    def _stop(self, names: Iterable[str]) -> None:
        for name in names:
            self._supervisors[name].stop()

    def _limit_connections(self) -> None:
        carrying = limits.raise_limit(self._config.access.max_connections)
        self._ledger.limit = carrying.connections
        if carrying.text is not None:
            _log.warning(
                "descriptors_limited",
                error=carrying.text,
                hint="raise the hard limit: LimitNOFILE= (systemd), HardResourceLimits (launchd)",
            )

    # -- the face --------------------------------------------------------------------------------

    async def reload(self) -> ReloadVerdict:
        """Read the file again; apply it, or leave everything as it is."""
        async with self._turn:
            if self._stops:
                return self._too_late()
            self._notify.reloading()
            try:
                return await self._read_and_apply()
            finally:
                self._notify.ready()

    async def _read_and_apply(self) -> ReloadVerdict:
        path = str(self._beginning.path)
        try:
            reading = parse(self._beginning.read(), path)
            config, problems = reading.config, reading.problems
        except HostnfsdError as exc:
            config = None
            problems = (
                Problem("file-unreadable", Severity.ERROR, Place(path), "file", str(exc), exc.hint),
            )
        self._logs.reopen()
        if config is None:
            self._reload = ReloadView(
                successful=False,
                reloads=self._reload.reloads + 1,
                failures=self._reload.failures + 1,
                last_success=self._reload.last_success,
                problems=problems,
            )
            _log.error("config_rejected", path=path, problems=[p.render() for p in problems])
            return ReloadVerdict(accepted=False, problems=problems)
        difference = diff(self._config, config)
        self._config = config
        await self._apply(difference)
        self._reload = ReloadView(
            successful=True,
            reloads=self._reload.reloads + 1,
            failures=self._reload.failures,
            last_success=time.time(),
            problems=problems,
        )
        _log.info("config_reloaded", path=path, changes=list(difference.texts))
        return ReloadVerdict(accepted=True, changes=difference.texts, problems=problems)

    async def _apply(self, difference: Difference) -> None:
        self._sources.apply(self._config.host.reserved_source_port)
        # Tunnels first, and without a pause: nothing may look at half a change.
        self._stop(difference.removed)
        for name in difference.removed:
            del self._supervisors[name]
        for name in (*difference.redialled, *difference.removed):
            self._gate.forget(name)
        for name in (*difference.redialled, *difference.kept):
            self._followed[name] = self._config
            self._supervisors[name].apply()
        for name in difference.redialled:
            self._supervisors[name].redial()
        self._supervise(difference.added)
        self._start(difference.added)
        self._host.apply()
        self._exports.apply()
        self._awake.apply()
        self._ledger.count_rpc = self._config.metrics.rpc
        if "log" in difference.tables:
            self._logs.apply(self._config.log)
        self._gate.apply()
        if "access" in difference.tables:
            self._limit_connections()
        if "control" in difference.tables:
            await self._control.move(self._beginning.control_path(self._config))
        # Certificates and passwords are read again even where no key changed.
        await self._endpoints.apply(self._config.metrics)

    def _too_late(self) -> ReloadVerdict:
        place = Place(str(self._beginning.path))
        text = "the daemon is stopping; the file is read when it starts again"
        problem = Problem("stopping", Severity.ERROR, place, "reload", text)
        return ReloadVerdict(accepted=False, problems=(problem,))

    def reconnect(self, gateway: str | None) -> tuple[str, ...]:
        """Drop the wait of one gateway or all."""
        names = [n for n in self._supervisors if gateway in {None, n}]
        for name in names:
            self._supervisors[name].hasten()
        return tuple(names)

    def snapshot(self) -> Snapshot:
        """What is known now."""
        return Snapshot(
            version=__version__,
            python=platform.python_version(),
            asyncssh=asyncssh.__version__,
            pid=os.getpid(),
            started=self._started,
            now=time.time(),
            config_path=str(self._beginning.path),
            log_destination=self._logs.destination,
            stopping=self._stops > 0,
            connections_limit=self._ledger.limit,
            reload=self._reload,
            gateways=tuple(s.view() for s in self._supervisors.values()),
            clients=tuple(self._ledger.clients()),
            refused=self._gate.explained(self._ledger.turned_away()),
            advice=(
                *self._endpoints.advice(),
                *self._sources.advice(),
                *self._host.advice(),
                *self._gate.advice(),
                *self._ledger.lock_calls.advice(),
                *self._sessions.advice(),
                *self._awake.advice(),
            ),
            source_port_fallbacks=dict(self._sources.fallbacks),
            asleep_s=self._sleep.total_s,
            awake=self._awake.view(),
            exports=self._exports.view(),
        )

    def _line(self) -> str:
        parts = []
        for view in (s.view() for s in self._supervisors.values()):
            serving = sum(service.ready for service in view.services)
            parts.append(f"{view.name} {view.phase}, {serving}/{len(view.services)} ready")
        return "; ".join(parts)
