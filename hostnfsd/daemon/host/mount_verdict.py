"""Whether clients could mount: trial mounts, when they are made, and what they said last."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from enum import IntEnum
from functools import partial
from typing import Final

import structlog

from hostnfsd.config.model import Carried, Config
from hostnfsd.daemon.host.mount_trial import MountTrial, Round, UndecidedError
from hostnfsd.dial.patience import pausing
from hostnfsd.server.finding import Denial, MountFinding
from hostnfsd.services import Service
from hostnfsd.snapshot import Advice
from hostnfsd.sunrpc import mount
from hostnfsd.sunrpc.rpc import MAX_GIDS, AuthSys

#: Services that are there for mounting.
MOUNTED: Final = frozenset({Service.NFS, Service.MOUNTD})
#: Seconds from one trial mount to the next at least, unless the server has just come back.
_SPACING_S: Final = 2.0
#: The most that trials which find the same as before are apart because of it.
_PATIENCE_S: Final = 60.0
_MOST_DOUBLINGS: Final = 16
#: Exports that are tried without a longer pause, so that there is a verdict soon.
_MOST_AT_START: Final = 32
#: Trials in a row that find nothing out before a person is told.
_UNDECIDED_TOLD: Final = 3
_UNDECIDED_HINT: Final = (
    "does a disk hang that is exported? try it on this host: showmount -e; mount it from 127.0.0.1"
)
#: Seconds beyond ``timeout_s`` after which a verdict is no longer waited for.
_PENDING_GRACE_S: Final = 1.0

Heard = Callable[[Mapping[str, Sequence[str]], float], None]

_log: Final = structlog.stdlib.get_logger("hostnfsd.host")


class Haste(IntEnum):
    """How soon the next trial is wanted, and why."""

    CALM = 0  # nobody asks for it
    DOUBT = 1  # something failed, perhaps once more
    SOON = 2  # something changed
    NOW = 3  # the server is back: nobody knows whom it admits, and clients wait


class MountVerdict:
    """The verdict of the last trial mount.

    Args:
        config: gives the configuration in force.
        carried: gives how the services are carried that are mounted from.
        dial: connects to a service as clients' connections are; raises OSError.
        versions: of a service; empty: never seen.
        mute: whether a service is known to be unable to answer now.
        changed: called when a client that mounts would fare otherwise, or may again be told so.
        heard: told what the server lists of its exports: paths with the names they are for, and
            when it was about to be asked, on the loop's clock.
    """

    def __init__(
        self,
        *,
        config: Callable[[], Config],
        carried: Callable[[], Mapping[Service, Carried]],
        dial: Callable[[Carried], Awaitable[socket.socket]],
        versions: Callable[[Service], tuple[int, ...]],
        mute: Callable[[], bool],
        changed: Callable[[], None],
        heard: Heard = lambda _listed, _asked_at: None,
    ) -> None:
        self._config = config
        self._carried = carried
        self._dial = dial
        self._versions = versions
        self._mute = mute
        self._changed = changed
        self._heard = heard
        self._mounted: MountFinding | None = None
        self._round = Round()
        self._undecided = 0  # trials in a row that found nothing out
        self._undecided_text: str | None = None  # why, once it is told
        self._denied = 0  # trials that were denied in the same words as before
        self._vain = 0  # trials that somebody's doubt led to and that found nothing new
        self._haste = Haste.CALM
        self._woken = asyncio.Event()
        self._pending_until: float | None = None
        self._expected = 0  # how often the verdict was to be had anew

    def denial(self, service: Service) -> Denial | None:
        """Why nfs or mountd would not let a client mount, as last tried; None if it does."""
        return None if self._mounted is None else self._mounted.denials.get(service)

    @property
    def pending(self) -> bool:
        """Whether the server may have changed its mind since the last trial.

        Not for long: a service that cannot be judged is taken for what NULL says of it.
        """
        return self._pending_until is not None and _now() < self._pending_until

    def expect(self) -> None:
        """The server is new, or back, perhaps with other exports: what was found is void."""
        self._expected += 1
        self._round.begin()
        self._pending_until = _now() + self._config().probe.timeout_s + _PENDING_GRACE_S
        self.want(Haste.NOW)

    def renew(self) -> None:
        """The exports are others than before: try all of them again."""
        self._round.begin()
        self.want(Haste.SOON)

    def want(self, haste: Haste) -> None:
        """Ask for a trial."""
        self._haste = max(self._haste, haste)
        self._woken.set()

    async def run(self) -> None:
        """Mount for trial, for ever."""
        while True:
            haste, self._haste = self._haste, Haste.CALM
            began = _now()
            before = self._mounted
            await survive(self._try_mount)
            same = haste is Haste.DOUBT and self._mounted == before
            self._vain = min(self._vain + 1, _MOST_DOUBLINGS) if same else 0
            await self._turn(began)

    async def _turn(self, began: float) -> None:
        """Wait for the next trial's time; who asks for one meanwhile brings it nearer."""
        while True:
            self._woken.clear()
            left_s = began + self._pause_s() - _now()
            if left_s <= 0:
                return
            await wait(self._woken, left_s)

    def _pause_s(self) -> float:
        """Seconds from the start of the last trial to that of the next."""
        match self._haste:
            case Haste.NOW:
                return 0.0
            case Haste.SOON:
                return _SPACING_S
            case Haste.DOUBT if not self._denials():
                return min(_SPACING_S * 2.0**self._vain, _PATIENCE_S)
        probe = self._config().probe
        if self._undecided or self._round.tried:
            return min(probe.interval_s, probe.mount_interval_s)
        if self._mounted is not None and not self._mounted.denials:
            return probe.mount_interval_s
        # What is denied may be cured at any moment, and nothing tells; but Linux's mountd writes a
        # line into the system's log each time that it refuses us: no doubt makes it more often.
        return min(probe.interval_s * 2.0**self._denied, _PATIENCE_S, probe.mount_interval_s)

    async def _try_mount(self) -> None:
        carried, expected = self._carried(), self._expected
        if not carried.keys() >= MOUNTED or not self._versions(Service.MOUNTD):
            self._conclude(None)  # without mountd there is nothing to mount by: NFSv4 alone
            self._settle(expected)
            return
        if self._mute():
            return  # tried once it speaks again: a frozen server is not to be flooded
        trial = MountTrial(
            dial=lambda service: self._dial(carried[service]),
            user=ourselves(),
            versions=self._versions,
            last=None if self._mounted is None else self._mounted.export,
            tried=self._round,
            within_s=self._config().probe.timeout_s,
            listed=partial(self._hear, _now()),
        )
        try:
            finding = await trial.run()
        except UndecidedError as exc:
            self._put_off(exc, expected)
            return
        self._round.begin()
        self._undecided, self._undecided_text = 0, None
        self._conclude(finding)
        self._settle(expected)

    def _hear(self, asked_at: float, rows: Sequence[mount.Export]) -> None:
        self._heard({row.path: tuple(g.name for g in row.groups) for row in rows}, asked_at)

    def _put_off(self, reason: UndecidedError, expected: int) -> None:
        """There is no verdict, the last one stands: the probes tell what is down."""
        if reason.more:
            if len(self._round.tried) <= _MOST_AT_START:
                self.want(Haste.SOON)
            return
        if reason.unreached:  # one that is just starting has not been judged at all
            return
        self._undecided += 1
        self._settle(expected)
        if self._undecided >= _UNDECIDED_TOLD and self._undecided_text is None:
            self._undecided_text = str(reason)
            _log.warning("mount_undecided", error=self._undecided_text, hint=_UNDECIDED_HINT)

    def advice(self) -> tuple[Advice, ...]:
        """What a person is to know for as long as no trial finds anything out."""
        if self._undecided_text is None:
            return ()
        text = f"whether clients can mount cannot be found out: {self._undecided_text}"
        return (Advice(text, _UNDECIDED_HINT),)

    def _settle(self, expected: int) -> None:
        """The verdict is had, if nothing changed since the trial began."""
        if self._pending_until is not None and expected == self._expected:
            self._pending_until = None
            self._changed()

    def _denials(self) -> Mapping[Service, Denial]:
        return {} if self._mounted is None else self._mounted.denials

    def _conclude(self, finding: MountFinding | None) -> None:
        before = self._denials()
        first = self._mounted is None
        self._mounted = finding
        now = self._denials()
        for service, denial in now.items():
            if before.get(service) != denial:
                _log.warning(
                    "mount_denied", service=str(service), error=denial.text, hint=denial.hint
                )
        if finding is not None and finding.export is not None and (before or first):
            _log.info("mount_allowed", export=finding.export)
        if dict(before) != dict(now):
            self._denied = 0
            self._changed()
        elif now:
            self._denied = min(self._denied + 1, _MOST_DOUBLINGS)


async def survive(work: Callable[[], Awaitable[None]]) -> None:
    """Do a piece of work that is done again and again; log what it raises."""
    try:
        await work()
    except Exception:  # noqa: BLE001  # a bug of ours must not end the daemon
        _log.exception("host_broke")


async def wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but no longer than so many seconds."""
    with suppress(TimeoutError):
        async with pausing(seconds):
            await event.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()


def ourselves() -> AuthSys:
    """Whom calls are for: the user that runs this."""
    return AuthSys(
        machine_name=socket.gethostname(),
        uid=os.getuid(),
        gid=os.getgid(),
        gids=tuple(os.getgroups()[:MAX_GIDS]),
    )
