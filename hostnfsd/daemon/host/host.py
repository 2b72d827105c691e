"""The host's NFS server: where its services are, and how they take our calls."""

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from hostnfsd.config.model import Carried, Config
from hostnfsd.daemon.host import calls as host_calls
from hostnfsd.daemon.host.joint import Joint
from hostnfsd.daemon.host.mount_verdict import MOUNTED, Haste, Heard, MountVerdict, survive, wait
from hostnfsd.daemon.host.ports import SILENT_CONSEQUENCE, SILENT_CURE, HostPorts, Key, key_of
from hostnfsd.daemon.host.tripwire import Tripwire
from hostnfsd.dial.patience import within
from hostnfsd.dial.reserved import RangeUsedUpError
from hostnfsd.dial.sources import Sources
from hostnfsd.server.doubts import Doubts
from hostnfsd.server.finding import Denial, HostFinding, Place, Reached
from hostnfsd.services import Service
from hostnfsd.snapshot import Advice

#: Seconds a service has to accept a connection: it is near.
_DIAL_S: Final = 3.0
#: Seconds it has to answer NULL, where nobody waits for it.
_ANSWER_S: Final = 3.0
#: Seconds between two questions to rpcbind that nobody had a reason for: a service whose port
#: moved while the old one still answers, as somebody else's, is found so.
_ASK_INTERVAL_S: Final = 60.0
#: The same while rpcbind is silent, which is mended soon or not at all.
_ASK_AGAIN_S: Final = 5.0
#: The least between two questions, whoever doubts how often.
_ASK_SPACING_S: Final = 1.0
#: What says that whoever is dialled is not there any more.
_GONE: Final = frozenset({Reached.DOWN, Reached.FOREIGN})
#: What cannot be mounted from, whatever it admits.
_MUTE: Final = frozenset({Reached.DOWN, Reached.SILENT, Reached.FOREIGN})


class Host:
    """The :class:`~hostnfsd.daemon.host.face.HostServices` of the daemon.

    Args:
        config: gives the configuration in force.
        sources: dials the services, each from the source port it wants.
        changed: called when a service is dialled elsewhere than before, or a client that mounts
            would fare otherwise.
        heard: see :class:`~hostnfsd.daemon.host.mount_verdict.MountVerdict`.
    """

    def __init__(
        self,
        *,
        config: Callable[[], Config],
        sources: Sources,
        changed: Callable[[], None] = lambda: None,
        heard: Heard = lambda _listed, _asked_at: None,
    ) -> None:
        self._config = config
        self._sources = sources
        self._changed = changed
        self._plain = Sources("never")
        self._ports = HostPorts(config=config, changed=self._moved)
        self._probes: Joint[HostFinding] = Joint()
        self._reached: dict[Key, Reached] = {}
        self._wires = {
            service: Tripwire(
                dial=partial(self._watch, service),
                where=partial(self._watched, service),
                answers=partial(self._answers, service),
                lost=self._tripped,
                back=self._tripped,
            )
            for service in sorted(MOUNTED)
        }
        self._doubts = Doubts()
        self._asked: set[Service] = set()  # whom to look at; all if _ask_all
        self._ask_all = True
        self._ask_now = asyncio.Event()
        self._verdict = MountVerdict(
            config=config,
            carried=self._carried,
            dial=self.dial,
            versions=self.versions,
            mute=self._mute,
            changed=changed,
            heard=heard,
        )

    # -- where and what --------------------------------------------------------------------------

    def place(self, carried: Carried) -> Place:
        """See :class:`~hostnfsd.daemon.host.face.HostServices`."""
        return self._ports.place(carried)

    def versions(self, service: Service) -> tuple[int, ...]:
        """See :class:`~hostnfsd.daemon.host.face.HostServices`."""
        return self._ports.versions(service)

    def denial(self, carried: Carried) -> Denial | None:
        """See :class:`~hostnfsd.daemon.host.face.HostServices`."""
        return self._verdict.denial(carried.service) if self._tried(carried) else None

    def pending(self, carried: Carried) -> bool:
        """See :class:`~hostnfsd.daemon.host.face.HostServices`."""
        return self._tried(carried) and self._verdict.pending

    def _tried(self, carried: Carried) -> bool:
        """Whether it is this service that is mounted from: gateways may name different ports."""
        tried = self._carried().get(carried.service)
        return carried.service in MOUNTED and tried is not None and key_of(tried) == key_of(carried)

    def _mute(self) -> bool:
        carried = self._carried()
        tried = (carried[service] for service in MOUNTED if service in carried)
        return any(self._reached.get(key_of(each)) in _MUTE for each in tried)

    async def look(self) -> None:
        """Ask rpcbind and look at every service, once: for who does not :meth:`run`."""
        await self._ports.refresh()

    # -- dialling --------------------------------------------------------------------------------

    async def dial(self, carried: Carried) -> socket.socket:
        """See :class:`~hostnfsd.daemon.host.face.HostServices`."""
        place = self.place(carried)
        try:
            return await self._connect(carried.service, place)
        except (TimeoutError, RangeUsedUpError):
            raise
        except OSError:
            if not self._may_move(carried):
                raise
            await self._ports.refresh(carried.service)
            if self.place(carried).port == place.port:
                raise
        return await self._connect(carried.service, self.place(carried))

    async def dial_plainly(self, carried: Carried) -> socket.socket:
        """See :class:`~hostnfsd.daemon.host.face.HostServices`."""
        place = self.place(carried)
        return await self._plain.connect(
            carried.service, place.address, place.port, within_s=_DIAL_S
        )

    async def _connect(self, service: Service, place: Place) -> socket.socket:
        return await self._sources.connect(service, place.address, place.port, within_s=_DIAL_S)

    def _may_move(self, carried: Carried) -> bool:
        return carried.ask_rpcbind and carried.service is not Service.RPCBIND

    # -- probing ---------------------------------------------------------------------------------

    async def probe(self, carried: Carried, timeout_s: float) -> HostFinding:
        """See :class:`~hostnfsd.daemon.host.face.HostServices`."""
        key = carried.service, self.place(carried)
        return await self._probes.do(key, lambda: self._probe(carried, timeout_s))

    async def _probe(self, carried: Carried, timeout_s: float) -> HostFinding:
        started = time.perf_counter()
        finding = await self._call(carried, timeout_s, started)
        if finding.reached in _GONE and self._may_move(carried) and self._due(carried.service):
            await self._ports.refresh(carried.service)
            if self.place(carried).port != finding.place.port:
                finding = await self._call(carried, timeout_s, started)
        if finding.reached is Reached.ANSWERED and not self.versions(carried.service):
            # Whoever hears that it serves may tell clients of it, and needs to know its versions.
            await self._ports.refresh(carried.service)
        self._note(carried, finding.reached)
        return finding

    async def _call(self, carried: Carried, timeout_s: float, started: float) -> HostFinding:
        place, service = self.place(carried), carried.service
        try:
            async with within(timeout_s) as limit:
                try:
                    sock = await self._connect(service, place)
                except RangeUsedUpError:  # says nothing of the service
                    sock = await self.dial_plainly(carried)
        except OSError as exc:
            reading = host_calls.unreached(exc, min(timeout_s, _DIAL_S))
        else:
            met = await host_calls.meet(sock, service, self.versions(service), limit.left_s)
            reading = met.reading
        duration_s = time.perf_counter() - started
        return HostFinding(reading.reached, place, reading.text, reading.hint, duration_s)

    def _note(self, carried: Carried, reached: Reached) -> None:
        key, service = key_of(carried), carried.service
        before = self._reached.get(key)
        self._reached[key] = reached
        if before in {None, reached}:
            return
        self._doubts.over(service)
        if reached is Reached.ANSWERED:
            self._look_at_all()  # it may have other versions than before, as may the others
            if self._tried(carried):
                self._verdict.expect()
        elif self._tried(carried):
            self._verdict.want(Haste.SOON)

    # -- doubts ----------------------------------------------------------------------------------

    def doubt(self, service: Service) -> None:
        """See :class:`~hostnfsd.daemon.host.face.HostServices`."""
        if self._due(service):
            self._asked.add(service)
            self._ask_now.set()
        if service in MOUNTED:
            self._verdict.want(Haste.DOUBT)

    def apply(self) -> None:
        """Something changed, such as the configuration: look at everything again."""
        for wire in self._wires.values():
            wire.check()
        self._doubts.all_over()
        self._look_at_all()
        self._verdict.want(Haste.SOON)

    def look_at_exports(self, changed: bool) -> None:
        """Mount for trial again, which also asks the server what it exports.

        Args:
            changed: the exports are others than before, or the server was told so: clients may
                fare otherwise.
        """
        if not changed:
            self._verdict.want(Haste.SOON)
            return
        self._verdict.renew()
        self._changed()

    def _due(self, service: Service) -> bool:
        carried = self._carried().get(service)
        # What is optional and was never seen is not run here, most likely.
        needed = carried is None or carried.required or bool(self.versions(service))
        return self._doubts.due(service, time.monotonic(), needed=needed)

    def _look_at_all(self) -> None:
        self._ask_all = True
        self._ask_now.set()

    def advice(self) -> tuple[Advice, ...]:
        """What status tells about the host as a whole: that rpcbind is silent."""
        asked = any(self._may_move(carried) for carried in self._carried().values())
        if self._ports.silent is None or not asked:
            return self._verdict.advice()
        text = f"the host's rpcbind cannot be asked ({self._ports.silent}): {SILENT_CONSEQUENCE}"
        return (Advice(text, SILENT_CURE), *self._verdict.advice())

    def _moved(self, service: Service) -> None:
        self._doubts.over(service)
        if service in MOUNTED:
            self._wires[service].check()
            self._verdict.expect()
        self._changed()

    # -- the work --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ask rpcbind and mount for trial, for ever."""
        self._verdict.expect()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_asking(), name="host ports")
            group.create_task(self._keep_trying(), name="host mounts")
            for service, wire in self._wires.items():
                group.create_task(wire.run(), name=f"host {service} tripwire")

    async def _watch(self, service: Service) -> socket.socket:
        """A connection that carries nothing, from an ordinary source port."""
        carried = self._carried().get(service)
        if carried is None or not self.versions(service):
            raise ConnectionRefusedError("nobody is there")
        place = self.place(carried)
        return await self._plain.connect(service, place.address, place.port, within_s=_DIAL_S)

    def _watched(self, service: Service) -> tuple[str, int] | None:
        """Where the connection that carries nothing leads; None where there is to be none."""
        carried = self._carried().get(service)
        if carried is None:
            return None
        place = self.place(carried)
        return place.address, place.port

    async def _answers(self, service: Service) -> bool:
        try:
            sock = await self._watch(service)
        except OSError:
            return False
        met = await host_calls.meet(sock, service, self.versions(service), _ANSWER_S)
        return met.reading.reached is Reached.ANSWERED

    def _tripped(self) -> None:
        """A server that lets clients mount ended, or is back: perhaps with other exports."""
        self._look_at_all()
        self._verdict.expect()
        self._changed()

    async def _keep_asking(self) -> None:
        silent_since = asked_all = time.monotonic()
        while True:
            services = None if self._ask_all else tuple(self._asked)
            self._ask_all = False
            self._asked.clear()
            self._ask_now.clear()
            now = time.monotonic()
            if services is None:
                asked_all = now
                await survive(self._ports.refresh)
            else:  # at the same time, so that rpcbind is asked once
                looks = (survive(partial(self._ports.refresh, service)) for service in services)
                await asyncio.gather(*looks)
            if self._ports.silent is None:
                silent_since = time.monotonic()
            await asyncio.sleep(_ASK_SPACING_S)
            fresh = silent_since < now and now - silent_since < _ASK_INTERVAL_S
            interval_s = _ASK_AGAIN_S if fresh else _ASK_INTERVAL_S
            await wait(self._ask_now, asked_all + interval_s - time.monotonic())
            self._ask_all |= time.monotonic() >= asked_all + interval_s

    async def _keep_trying(self) -> None:
        await survive(self._ports.refresh)
        await self._verdict.run()

    def _carried(self) -> Mapping[Service, Carried]:
        """What is carried to the first gateway that takes a mount, else to the first of all."""
        config = self._config()
        all_carried = [config.carried(gateway) for gateway in config.gateway]
        fit = (carried for carried in all_carried if carried.keys() >= MOUNTED)
        return next(fit, all_carried[0] if all_carried else {})
