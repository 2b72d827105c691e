"""Our own sessions with one gateway: remembered while they stand, ended when they are dead.

One that died on our side alone (a network that went away, a daemon that was killed) lives on at the
gateway and holds our ports. When a port is refused, those that are remembered are ended there, if
the configuration lets us and the gateway runs our command; see :mod:`hostnfsd.tunnel.reclaim` for
which, and how.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from hostnfsd.config.model import Config
from hostnfsd.daemon.gateway.session import Session
from hostnfsd.daemon.gateway.session_book import SessionBook
from hostnfsd.quiet import Quiet
from hostnfsd.reload import specs
from hostnfsd.snapshot import Reclaim
from hostnfsd.tunnel import reclaim
from hostnfsd.tunnel.own_session import OwnSession, SessionProcess
from hostnfsd.tunnel.reclaim import Fate, Suspicion, Why

#: Seconds until a session that could not be ended is looked at again.
_AGAIN_S: Final = 30.0
_COUNTED: Final = {
    Why.WAIT: Reclaim.WAITED,
    Why.UNTOLD: Reclaim.UNTOLD,
    Why.DENIED: Reclaim.DENIED,
    Why.STUCK: Reclaim.STUCK,
    Why.SEEN: Reclaim.WAITED,
}
_WHY: Final = {Fate.ALIVE: Why.WAIT, Fate.DENIED: Why.DENIED, Fate.STUCK: Why.STUCK}

_log: Final = structlog.stdlib.get_logger("hostnfsd.sessions")


class OwnSessions:
    """Those with one gateway.

    Args:
        gateway: its name.
        book: where they are kept.
        config: gives the configuration in force.
        quiet: what was logged lately.
        ends: whether this is a daemon, which may end what it finds; else it only looks.

    Attributes:
        counts: what became of those that were thought to hold a port; each counts once for each
            session of ours that met it.
    """

    def __init__(
        self,
        gateway: str,
        *,
        book: SessionBook,
        config: Callable[[], Config],
        quiet: Quiet,
        ends: bool = True,
    ) -> None:
        self._gateway = gateway
        self._ends = ends
        self._book = book
        self._config = config
        self._quiet = quiet
        self.counts: Counter[Reclaim] = Counter()
        self._since = 0.0
        self._current: OwnSession | None = None
        self._turn = asyncio.Lock()
        self._news = 0
        self._mode_before = self._mode
        self._left_alone: dict[OwnSession, tuple[Why, float]] = {}

    def begins(self, session: Session) -> None:
        """A session stands."""
        self._since = time.time()
        self._current = None
        self._left_alone.clear()
        self._book.stands(session)

    def remember(self, session: Session) -> None:
        """The gateway was asked about itself, and told what carries the session, or did not."""
        before = self._book.sessions(self._gateway)
        if self._mode == "never":
            self._current = None
            self._book.keep(self._gateway, ())
            return
        now = OwnSession(
            host_key=session.host_key,
            address=str(session.alias),
            since=self._since,
            ports=frozenset(spec.port for spec in specs(self._config(), self._gateway)),
            process=session.process,
        )
        self._book.keep(self._gateway, (*self._without(before, (self._current, now)), now))
        self._current = now

    def follow(self, session: Session) -> None:
        """Another configuration: what it is remembered for may have changed."""
        if self._mode != self._mode_before:
            self._mode_before = self._mode
            self._left_alone.clear()  # it may be allowed now
        if self._current is not None or self._mode == "never":
            self.remember(session)

    def all_ours(self, session: Session) -> None:
        """Every port is ours in each family: whatever else lives there holds none of them."""
        here = session.process
        if self._current is None:
            return
        others = reclaim.elsewhere(
            self._book.sessions(self._gateway), here=here, host_key=session.host_key
        )
        self._book.keep(self._gateway, (*self._without(others, (self._current,)), self._current))

    def ended(self, session: Session) -> None:
        """It was ended in good order: there is nothing that anybody could remember of it."""
        if self._current is not None and session.process is None:
            self._forget((self._current,))

    async def reclaim(self, session: Session, port: int) -> bool:
        """End what is remembered and may hold a port that was refused, where that is allowed.

        Returns:
            Whether something has ended: the port may be free.
        """
        if self._mode == "never":
            return False
        await self._book.opened()
        before = self._news
        # Ports that are refused together have one holder: who comes second finds it ended.
        async with self._turn:
            self.remember(session)
            now = time.monotonic()
            due = [
                one
                for one in self._suspects(session, port)
                if one not in self._left_alone or now - self._left_alone[one][1] >= _AGAIN_S
            ]
            if due:
                await self._deal_with(session, due, port)
        return self._news > before

    def suspicion(self, session: Session, port: int) -> Suspicion | None:
        """What of ours may still hold a port, and why it was not ended."""
        for one in self._suspects(session, port):
            if one in self._left_alone:
                return Suspicion(one, self._left_alone[one][0])
        return None

    @property
    def _mode(self) -> str:
        return self._config().gateway[self._gateway].reclaim

    def _suspects(self, session: Session, port: int) -> tuple[OwnSession, ...]:
        return reclaim.suspects(
            self._without(self._book.sessions(self._gateway), (self._current,)),
            here=session.process,
            host_key=session.host_key,
            port=port,
            standing=self._book.standing(),
        )

    async def _deal_with(self, session: Session, due: Iterable[OwnSession], port: int) -> None:
        by_process = {one.process: one for one in due if one.process is not None}
        fates: dict[SessionProcess, Fate] | None = None
        if session.process is not None and by_process:
            act = self._ends and self._mode == "auto"
            output = await session.output(reclaim.command(by_process, end=act), reclaim.WITHIN_S)
            fates = reclaim.read(output, by_process)
        if session.over:
            return  # nobody knows what came of it: the next session looks again
        for one in due:
            fate = None if fates is None or one.process is None else fates.get(one.process)
            self._conclude(one, fate, port)

    def _conclude(self, one: OwnSession, fate: Fate | None, port: int) -> None:
        log = _log.bind(
            gateway=self._gateway,
            port=port,
            process=None if one.process is None else one.process.pid,
            age_s=round(time.time() - one.since),
        )
        if fate in reclaim.OVER:
            self._news += 1
            self._forget((one,))
            self.counts[Reclaim.ENDED if fate is Fate.ENDED else Reclaim.GONE] += 1
            if fate is Fate.ENDED:
                log.info("session_reclaimed")
            else:
                log.debug("session_gone")
            return
        why = Why.UNTOLD if fate is None else _WHY[fate]
        if why is Why.WAIT and self._mode == "auto":
            why = Why.SEEN
        first = one not in self._left_alone
        self._left_alone[one] = why, time.monotonic()
        if first:
            self.counts[_COUNTED[why]] += 1
        if self._quiet.decide((self._gateway, "reclaim", one, why), time.monotonic()) == "say":
            suspicion = Suspicion(one, why)
            error, hint = reclaim.words(suspicion, time.time())
            log.warning("session_not_reclaimed", error=error, hint=hint)

    def _forget(self, these: Iterable[OwnSession | None]) -> None:
        kept = self._without(self._book.sessions(self._gateway), these)
        self._book.keep(self._gateway, kept)

    @staticmethod
    def _without(
        sessions: Iterable[OwnSession], these: Iterable[OwnSession | None]
    ) -> tuple[OwnSession, ...]:
        excluded = tuple(these)
        return tuple(one for one in sessions if one not in excluded)
