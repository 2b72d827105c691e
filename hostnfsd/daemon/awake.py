"""Keeps this machine from falling asleep while clients work: ``host.keep_awake``.

When, :mod:`hostnfsd.tunnel.awake` decides; how, :mod:`hostnfsd.daemon.wakelock` knows. Here is the
one door through which the lock is taken and given back, and it logs.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

import structlog

from hostnfsd.awake_view import AwakeView
from hostnfsd.daemon.wakelock import WakeLock
from hostnfsd.dial.patience import pausing
from hostnfsd.quiet import Quiet
from hostnfsd.snapshot import Advice
from hostnfsd.tunnel import work
from hostnfsd.tunnel.awake import LINGER_S, Mode, Vigil
from hostnfsd.tunnel.wakelock import Cannot
from hostnfsd.tunnel.work import Passed

#: Seconds between two looks.
LOOK_S: Final = 5.0
#: Seconds between two lines that tell of a lock taken, and between two of one given back.
_LINES_S: Final = 4 * 3600.0

_log: Final = structlog.stdlib.get_logger("hostnfsd.awake")


class Awake:
    """Watches the clients, and holds the lock for them.

    Args:
        mode: gives ``host.keep_awake``.
        passed: gives what has passed between clients and nfs.
        lock: what is held.
        look_s: seconds between two looks.
        clock: seconds, of a clock that does not go back and stops in sleep.
    """

    def __init__(
        self,
        mode: Callable[[], Mode],
        passed: Callable[[], Passed],
        *,
        lock: WakeLock | None = None,
        look_s: float = LOOK_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mode = mode
        self._passed = passed
        self._lock = WakeLock() if lock is None else lock
        self._look_s = look_s
        self._clock = clock
        self._vigil = Vigil()
        self._seen = passed()
        self._held = False
        self._since = time.time()
        self._worked: float | None = None
        self._cannot: Cannot | None = None
        self._quiet = Quiet(_LINES_S)
        self._told = False
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled; then the machine may fall asleep."""
        try:
            while True:
                self._woken.clear()
                try:
                    await self._look()
                except Exception:  # noqa: BLE001  # a bug of ours must not end the daemon
                    _log.exception("awake_broke")
                with suppress(TimeoutError):
                    async with pausing(self._look_s):
                        await self._woken.wait()
        finally:
            if self._held:
                await self._let_go("stopping")
            await self._lock.let_go()

    def apply(self) -> None:
        """The configuration was read again."""
        self._vigil = self._vigil.anew()
        self._woken.set()

    def view(self) -> AwakeView:
        """What is to be told of it."""
        cannot = self._cannot or Cannot("")
        return AwakeView(
            mode=self._mode(),
            held=self._held,
            since=self._since,
            worked=self._worked,
            needless=(cannot.text or None) if cannot.needless else None,
            error=None if cannot.needless else cannot.text,
            hint=cannot.hint,
        )

    def advice(self) -> Iterator[Advice]:
        """What a person can do so that it can be held."""
        if self._cannot is not None and self._cannot.hint is not None:
            text = f"this machine cannot be kept awake: {self._cannot.text}"
            yield Advice(text, self._cannot.hint)

    async def _look(self) -> None:
        passed = self._passed()
        worked = work.done(self._seen, passed)
        self._seen = passed
        if worked:
            self._worked = time.time()
        if self._held and not self._lock.held:
            self._is_held(False)
            self._failed(Cannot("what held it was ended", "who ended it? it is tried again"))
        mode, now = self._mode(), self._clock()
        self._vigil, step = self._vigil.look(mode, worked=worked, held=self._held, now=now)
        if step == "hold":
            await self._hold(mode)
        elif step == "let-go":
            quiet = f"no client has worked for {LINGER_S:g} s"
            await self._let_go(
                quiet if mode == "while-connected" else f'host.keep_awake = "{mode}"'
            )
        elif mode == "never":
            self._cannot = None

    async def _hold(self, mode: Mode) -> None:
        cannot = await self._lock.hold()
        if cannot is not None:
            self._failed(cannot)
            return
        self._cannot = None
        self._is_held(True)
        self._told = self._quiet.decide("held", self._clock()) != "hush"
        tell = _log.info if self._told else _log.debug
        tell("awake_held", reason="clients work" if mode == "while-connected" else "always")

    async def _let_go(self, reason: str) -> None:
        await self._lock.let_go()
        held_s = round(time.time() - self._since)
        self._is_held(False)
        tell = _log.info if self._told else _log.debug
        tell("awake_let_go", reason=reason, held_s=held_s)

    def _failed(self, cannot: Cannot) -> None:
        self._vigil = self._vigil.failed(self._clock(), for_good=cannot.needless)
        again = cannot == self._cannot
        self._cannot = cannot
        if cannot.needless:
            note = _log.debug if again else _log.info
            note("awake_needless", reason=cannot.text)
        else:
            warn = _log.debug if again else _log.warning
            warn("awake_failed", error=cannot.text, hint=cannot.hint)

    def _is_held(self, held: bool) -> None:
        self._held = held
        self._since = time.time()
