"""All that the daemon remembers of its sessions, its earlier runs' included: kept on disk.

Nothing waits for the disk: what is remembered is in memory at once, and written when it can be.
Where it cannot, the daemon goes on, forgets with its end, and says so.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Final, Protocol

import structlog

from hostnfsd import __version__
from hostnfsd.daemon.aside import Aside
from hostnfsd.daemon.gateway.session_store import SessionStore, StoreError
from hostnfsd.dial.patience import within
from hostnfsd.snapshot import Advice
from hostnfsd.tunnel import reclaim
from hostnfsd.tunnel.own_session import OwnSession, SessionProcess

#: How the advice begins.
NOT_REMEMBERED: Final = "sessions are not remembered when this daemon ends"
#: Seconds the file system may take, for one step.
_DISK_S: Final = 10.0
#: Seconds until a file that cannot be used is tried again.
_RETRY_S: Final = 60.0
#: Seconds that a port which is taken may have to wait for the file to be read.
_OPENING_S: Final = 2.0

_log: Final = structlog.stdlib.get_logger("hostnfsd.sessions")


class Standing(Protocol):
    """A session of this process."""

    @property
    def over(self) -> bool:
        """Whether it has ended, its connection included."""

    @property
    def process(self) -> SessionProcess | None:
        """What carries it on the gateway, as far as it is known."""


class SessionBook:
    """One for the whole daemon.

    Args:
        store: the file; None to keep everything in memory.
    """

    def __init__(self, store: SessionStore | None) -> None:
        self._store = store
        self._remembered: dict[str, tuple[OwnSession, ...]] = {}
        self._standing: list[Standing] = []
        self._opened = asyncio.Event()
        self._changed = asyncio.Event()
        self._trouble: StoreError | None = None
        self._aside = Aside("sessions")
        if store is None:
            self._opened.set()

    # -- what is remembered ----------------------------------------------------------------------

    async def opened(self) -> None:
        """Wait for what earlier runs left, but not for long."""
        with suppress(TimeoutError):
            async with within(_OPENING_S):
                await self._opened.wait()

    def sessions(self, gateway: str) -> tuple[OwnSession, ...]:
        """Those with one gateway, the oldest first."""
        return self._remembered.get(gateway, ())

    def keep(self, gateway: str, sessions: tuple[OwnSession, ...]) -> None:
        """Remember these of a gateway, the oldest first, and no others; of very many the latest.

        Their order tells, not their instants: the one that stands now must not be forgotten because
        the clock was set back.
        """
        kept = sessions[-reclaim.MOST :]
        if kept != self.sessions(gateway):
            self._remembered[gateway] = kept
            self._changed.set()

    def stands(self, session: Standing) -> None:
        """This process has a session: nobody may end it."""
        self._standing = [*(each for each in self._standing if not each.over), session]

    def standing(self) -> Collection[SessionProcess]:
        """What carries the sessions that this process has now, of all gateways."""
        return {
            session.process
            for session in self._standing
            if not session.over and session.process is not None
        }

    def advice(self) -> tuple[Advice, ...]:
        """What a person can do, where nothing can be kept."""
        if self._trouble is None:
            return ()
        return (Advice(f"{NOT_REMEMBERED}: {self._trouble}", self._trouble.hint),)

    # -- the disk --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Read the file, then write it whenever something changed."""
        store = self._store
        if store is None:
            return
        try:
            readable = False
            while True:
                if not readable:
                    well = readable = await self._open(store)
                else:
                    await self._changed.wait()
                    self._changed.clear()
                    well = await self._write(store)
                if not well:
                    self._changed.set()
                    await asyncio.sleep(_RETRY_S)
        finally:
            store.release()

    async def _open(self, store: SessionStore) -> bool:
        def read() -> tuple[dict[str, tuple[OwnSession, ...]], str | None]:
            store.take()
            remembered, odd = store.read()
            return dict(remembered), odd

        try:
            remembered, odd = await self._aside.do(read, _DISK_S)
        except StoreError as exc:
            self._tell(exc)
        except TimeoutError:
            self._tell(StoreError(f"{store.folder} does not answer", "look at its file system"))
        else:
            if odd is not None:
                _log.warning("sessions_misread", error=odd, hint="the file is written anew")
            for gateway, sessions in remembered.items():
                self.keep(gateway, (*sessions, *self.sessions(gateway)))
            self._tell(None)
            return True
        finally:
            self._opened.set()  # there is nothing more to wait for
        return False

    async def _write(self, store: SessionStore) -> bool:
        remembered = dict(self._remembered)
        try:
            await self._aside.do(lambda: store.write(remembered, __version__), _DISK_S)
        except StoreError as exc:
            self._tell(exc)
        except TimeoutError:
            self._tell(StoreError(f"{store.path} cannot be written in time", "look at its disk"))
        else:
            self._tell(None)
            return True
        return False

    def _tell(self, trouble: StoreError | None) -> None:
        before, self._trouble = self._trouble, trouble
        if trouble is None:
            if before is not None:
                _log.info("sessions_kept", path=str(self._store and self._store.path))
        elif before is None or str(before) != str(trouble):
            _log.warning(
                "sessions_not_kept",
                error=str(trouble),
                hint=trouble.hint,
            )
