"""What the checks look at together: found out once, shared by all of them."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from hostnfsd.config.model import Carried, Config
from hostnfsd.daemon.gateway.session_store import SessionStore, StoreError
from hostnfsd.daemon.host import calls as host_calls
from hostnfsd.daemon.host.calls import RpcbindSilentError
from hostnfsd.daemon.host.host import Host
from hostnfsd.daemon.host.mount_survey import MountSurvey
from hostnfsd.daemon.host.mount_trial import Round
from hostnfsd.daemon.host.mount_verdict import ourselves
from hostnfsd.dial.patience import within
from hostnfsd.dial.sources import Sources
from hostnfsd.doctor.daemon_verdict import Mute
from hostnfsd.doctor.engine import Once, in_thread
from hostnfsd.server import ports
from hostnfsd.server.finding import Tried
from hostnfsd.server.ports import Registered
from hostnfsd.services import FACTS, Service
from hostnfsd.snapshot import GatewayView, Snapshot
from hostnfsd.tunnel.session_file import Remembered

#: Seconds for one question to what is near.
ASK_S: Final = 2.0
#: Exports that are mounted at most: each takes three calls.
MOST_EXPORTS: Final = 32
#: Seconds a call of a trial mount may take.
_CALL_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class Told:
    """What another program printed.

    Attributes:
        status: its exit status; None if it could not be run, or did not end in time.
        output: on stdout and stderr, together.
    """

    status: int | None
    output: str = ""


class Scene:
    """The machine and its configuration.

    Attributes:
        config: in force, or defaults where there is none.
        config_path: its file; None where there is none.
        snapshot: what the daemon told; None where none runs, or none that speaks to us.
        mute: who is at the control socket and tells nothing: he may have the gateways' ports.
        platform: ``darwin`` or ``linux``.
        host: the host's services, dialled as clients' connections are.
        once: what is found out once.
        ask_daemon: asks it anew; None if it does not tell.
        store: the file in which a daemon of this configuration remembers its sessions.
    """

    def __init__(
        self,
        config: Config,
        config_path: str | None = None,
        snapshot: Snapshot | None = None,
        platform: str = sys.platform,
    ) -> None:
        self.config = config
        self.config_path = config_path
        self.snapshot = snapshot
        self.mute: Mute | None = None
        self.ask_daemon: Callable[[], Snapshot | None] = lambda: None
        self.store: SessionStore | None = None
        self.platform = platform
        self.once = Once()
        self.host = Host(
            config=lambda: self.config, sources=Sources(config.host.reserved_source_port)
        )

    @property
    def carried(self) -> Mapping[Service, Carried]:
        """What is carried to any gateway; where they differ, as to the first that has it."""
        found: dict[Service, Carried] = {}
        for gateway in self.config.gateway:
            for service, carried in self.config.carried(gateway).items():
                found.setdefault(service, carried)
        return {service: found[service] for service in FACTS if service in found}

    def view(self, gateway: str) -> GatewayView | None:
        """What the daemon tells of a gateway."""
        views = () if self.snapshot is None else self.snapshot.gateways
        return next((view for view in views if view.name == gateway), None)

    async def told_now(self) -> Snapshot | None:
        """What the daemon tells now, of what happened meanwhile; None if there is none."""
        return None if self.snapshot is None else await in_thread(self.ask_daemon)

    async def remembered(self) -> Remembered | StoreError:
        """What a daemon that has ended remembered of its sessions; nothing while one has them."""
        return await self.once.get("remembered", lambda: in_thread(self._remembered))

    def _remembered(self) -> Remembered | StoreError:
        if self.store is None:
            return {}
        try:
            self.store.check()
            return {} if self.store.in_use() else self.store.read(anybodys=True)[0]
        except StoreError as exc:
            return exc

    async def registered(self) -> Registered | None:
        """What rpcbind says of our services; None if it cannot be asked."""
        found = await self.once.get("table", self._table)
        return None if isinstance(found, str) else found

    async def rpcbind_silence(self) -> str | None:
        """Why rpcbind cannot be asked, a sentence's end; None if it answers."""
        found = await self.once.get("table", self._table)
        return found if isinstance(found, str) else None

    async def _table(self) -> Registered | str:
        carried = self.carried.get(Service.RPCBIND)
        fixed = carried is not None and not carried.ask_rpcbind
        port = carried.host_port if carried and fixed else FACTS[Service.RPCBIND].gateway_port
        address = self.config.host.address
        try:
            rows = await host_calls.dump(Sources("never"), address, port, ASK_S)
        except RpcbindSilentError as exc:
            return str(exc)
        return ports.registered(rows)

    async def looked(self) -> None:
        """See to it that the host's ports are known, as far as they can be."""
        await self.once.get("look", self.host.look)

    async def exports(self) -> tuple[Tried, ...]:
        """Every export, mounted and given back. Raises UndecidedError."""
        return await self.once.get("exports", self._exports)

    async def _exports(self) -> tuple[Tried, ...]:
        await self.looked()
        survey = MountSurvey(
            dial=lambda service: self.host.dial(self.carried[service]),
            user=ourselves(),
            versions=self.host.versions,
            last=None,
            tried=Round(),
            within_s=_CALL_S,
        )
        return await survey.each(MOST_EXPORTS)

    async def may_use_low_ports(self) -> bool:
        """Whether this process may dial from a source port below 1024."""
        return await self.once.get("low ports", lambda: in_thread(self._low_ports))

    def _low_ports(self) -> bool:
        probe = Sources("always")
        probe.apply("always")
        return not any("no right" in advice.text for advice in probe.advice())

    async def end(self) -> None:
        """Stop what is still being found out, and give back what was taken."""
        self.once.end()

    async def run(self, *argv: str, within_s: float = 4.0) -> Told:
        """Run another program to its end, with nothing to read."""
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except OSError:
            return Told(None)
        try:
            async with within(within_s):
                output, _ = await process.communicate()
        except TimeoutError:
            return Told(None)
        finally:
            if process.returncode is None:
                process.kill()
        return Told(process.returncode, output.decode(errors="replace"))
