"""Follows the host's services from port to port: asks rpcbind, and believes what NULL confirms."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import structlog

from hostnfsd.config.model import Carried, Config
from hostnfsd.daemon.host import calls as host_calls
from hostnfsd.daemon.host.calls import Met, RpcbindSilentError
from hostnfsd.daemon.host.joint import Joint
from hostnfsd.dial.sources import Sources
from hostnfsd.server import ports
from hostnfsd.server.finding import Origin, Place, Reached
from hostnfsd.server.ports import Candidate, Known, Registered
from hostnfsd.services import FACTS, Service

#: Seconds rpcbind has to answer, and a service to confirm its port: both are near, and a client
#: may be waiting.
_ASK_S: Final = 1.0
_RPCBIND_PORT: Final = FACTS[Service.RPCBIND].gateway_port

SILENT_CONSEQUENCE: Final = "the ports last known, or the usual ones, are dialled"
SILENT_CURE: Final = "start it (macOS: nfsd does), or give each service its host_port"

#: A service, and its port on the host where the configuration names one.
Key = tuple[Service, int | None]

_log: Final = structlog.stdlib.get_logger("hostnfsd.host_ports")


def key_of(carried: Carried) -> Key:
    """What a carried service is known under."""
    return carried.service, None if carried.ask_rpcbind else carried.host_port


class HostPorts:
    """Where the host's services are, as far as is known.

    Args:
        config: gives the configuration in force.
        changed: called when a service is dialled elsewhere than before.
    """

    def __init__(self, *, config: Callable[[], Config], changed: Callable[[Service], None]) -> None:
        self._config = config
        self._changed = changed
        # rpcbind is asked, and ports are confirmed, from ordinary source ports: reserved ones are
        # few, and nobody asks for them there.
        self._sources = Sources("never")
        self._address = ""
        self._known: dict[Key, Known] = {}
        self._dumps: Joint[Registered | None] = Joint()
        self._looks: Joint[None] = Joint()
        self._silent: str | None = None
        self._told_silent = False

    @property
    def silent(self) -> str | None:
        """Why rpcbind could not be asked last, a sentence's end; None if it answered."""
        return self._silent

    def place(self, carried: Carried) -> Place:
        """Where a service is dialled now."""
        address = self._config().host.address
        known = self._known.get(key_of(carried)) if address == self._address else None
        if known is not None:
            return Place(address, known.port, known.origin)
        origin = Origin.ASSUMED if carried.ask_rpcbind else Origin.CONFIGURED
        return Place(address, carried.host_port, origin)

    def versions(self, service: Service) -> tuple[int, ...]:
        """Versions of a service, ascending; empty if it was never seen."""
        known = (k.versions for (s, _), k in self._known.items() if s is service)
        return next((versions for versions in known if versions), ())

    async def refresh(self, service: Service | None = None) -> None:
        """Ask rpcbind, and look at the services, or at one of them only."""
        config = self._config()
        if config.host.address != self._address:
            self._address = config.host.address
            self._known.clear()
        address = self._address
        told = await self._dumps.do(address, lambda: self._ask(address))
        if address != self._address:
            return  # a reload named another host meanwhile, which is asked on its own
        wanted = _wanted(config)
        self._known = {key: known for key, known in self._known.items() if key in wanted}
        self._note_rpcbind(told, wanted)
        async with asyncio.TaskGroup() as group:
            for key, assumed in wanted.items():
                if service in {None, key[0]} and key[0] is not Service.RPCBIND:
                    look = partial(self._look, address, key, told, assumed)
                    group.create_task(self._looks.do((address, key), look), name=f"look {key[0]}")

    async def _ask(self, address: str) -> Registered | None:
        """What rpcbind says; None if it cannot be asked."""
        port = _rpcbind_port(self._config())
        try:
            rows = await host_calls.dump(self._sources, address, port, _ASK_S)
        except RpcbindSilentError as exc:
            self._silent = str(exc)
            return None
        self._silent = None
        return ports.registered(rows)

    def _note_rpcbind(self, told: Registered | None, wanted: Mapping[Key, tuple[int, ...]]) -> None:
        """Take rpcbind itself in, and tell of it if somebody depends on it."""
        for key in wanted:
            if key[0] is not Service.RPCBIND:
                continue
            before = self._known.get(key)
            if told is not None:
                rows = told.get(Service.RPCBIND, ())
                versions = tuple(sorted({v for row in rows for v in row.versions})) or (2,)
                origin = Origin.RPCBIND if key[1] is None else Origin.CONFIGURED
                port = _rpcbind_port(self._config())
                self._known[key] = Known(key[1] or port, origin, versions, seen=True)
            elif before is not None and before.origin is Origin.RPCBIND:
                self._known[key] = replace(before, origin=Origin.LAST_KNOWN)
        depended = any(
            service is not Service.RPCBIND and fixed is None for service, fixed in wanted
        )
        if told is not None and self._told_silent:
            self._told_silent = False
            _log.info("rpcbind_answers", address=self._address)
        elif told is None and depended and not self._told_silent:
            self._told_silent = True
            _log.warning(
                "rpcbind_silent",
                address=self._address,
                port=_rpcbind_port(self._config()),
                error=f"{self._silent}: {SILENT_CONSEQUENCE}",
                hint=SILENT_CURE,
            )

    async def _look(
        self, address: str, key: Key, told: Registered | None, assumed: tuple[int, ...]
    ) -> None:
        service, fixed = key
        before = self._known.get(key)
        said = () if told is None else told.get(service, ())
        if fixed is None:
            todo = ports.candidates(said, before, assumed)
        else:
            versions = next((c.versions for c in said if c.port == fixed), ())
            todo = (Candidate(fixed, Origin.CONFIGURED, versions),)
        tried: list[tuple[Candidate, Met]] = []
        for candidate in todo:
            met = await self._meet(service, address, candidate)
            tried.append((candidate, met))
            if ports.settled(met.reading.reached):
                break
        chosen, reached = ports.choose((c, met.reading.reached) for c, met in tried)
        learned = next(met.versions for c, met in tried if c is chosen)
        if address != self._address:
            return
        known = ports.known_now(chosen, reached, learned, before)
        self._known[key] = known
        self._note_move(key, before, known, reached)

    async def _meet(self, service: Service, address: str, candidate: Candidate) -> Met:
        try:
            sock = await self._sources.connect(service, address, candidate.port, within_s=_ASK_S)
        except OSError as exc:
            return Met(host_calls.unreached(exc, _ASK_S))
        return await host_calls.meet(
            sock, service, candidate.versions, _ASK_S, learn=not candidate.versions
        )

    def _note_move(self, key: Key, before: Known | None, now: Known, reached: Reached) -> None:
        if before == now:
            return
        log = _log.bind(service=str(key[0]), port=now.port, origin=str(now.origin))
        log = log.bind(versions=list(now.versions), reached=str(reached.value))
        if before is None or before.port == now.port:
            log.debug("host_port_found")
        else:
            log.info("host_port_moved", before=before.port)
        if before is None or (before.port, before.versions) != (now.port, now.versions):
            self._changed(key[0])


def _rpcbind_port(config: Config) -> int:
    """Where the host's rpcbind is: 111, unless the configuration names another port."""
    carried = (config.carried(gateway).get(Service.RPCBIND) for gateway in config.gateway)
    named = (c.host_port for c in carried if c is not None and not c.ask_rpcbind)
    return next(named, _RPCBIND_PORT)


def _wanted(config: Config) -> dict[Key, tuple[int, ...]]:
    """Which services are carried anywhere, and the ports each is assumed at."""
    assumed: dict[Key, tuple[int, ...]] = {}
    for gateway in config.gateway:
        for carried in config.carried(gateway).values():
            key = key_of(carried)
            assumed[key] = tuple(dict.fromkeys((*assumed.get(key, ()), carried.host_port)))
    return assumed
