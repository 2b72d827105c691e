"""Keeps one forward: asks for its listener until it stands, and again when it could be more whole.

A busy port is asked for about every second on the live connection. A port of which sshd could bind
one address family only is granted like any other (RFC 4254 has no words for it); the probes find
out that somebody else answers in the other family, and when he has gone the listener is asked for
anew.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from hostnfsd.daemon.gateway.memory import Memory
from hostnfsd.daemon.gateway.session import Session
from hostnfsd.daemon.relay.intake import Accept
from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.snapshot import Family
from hostnfsd.tunnel.forward import (
    BUSY_RETRY_S,
    FORBIDDEN_RETRY_S,
    Answer,
    Spec,
    Verdict,
    judge_covered,
    judge_refusal,
    judge_success,
)
from hostnfsd.tunnel.reclaim import explain

#: Refusals in a row after which the gateway is surveyed anew, for the reason may have changed.
_RESURVEY: Final = 10
#: Seconds between surveys, in the end, while somebody else holds a family of a listener.
_SURVEY_PAUSE_S: Final = 10.0


class Holder:
    """One forward of one session.

    Args:
        spec: the listener.
        session: the session that carries it.
        accept: the factory for its connections.
        memory: where the gateway's survey is kept.
        standing: the listeners that the session has now.
        answered: told each answer.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        session: Session,
        accept: Accept,
        memory: Memory,
        standing: Callable[[], Iterable[Spec]],
        answered: Callable[[Spec, Answer], None],
    ) -> None:
        self.spec = spec
        self._session = session
        self._accept = accept
        self._memory = memory
        self._standing = standing
        self._answered = answered
        self._lacking: set[Family] = set()
        self._ask_anyway = False
        self._look = asyncio.Event()

    def answers_there(self, family: Family, *, somebody_else: bool) -> None:
        """A probe found out who answers in a family."""
        if somebody_else:
            self._lacking.add(family)
            self._look.set()
        else:
            self._lacking.discard(family)

    def expect(self, families: frozenset[Family]) -> None:
        """Clients come in by these families now; nobody asks who answers in another."""
        self._lacking &= families

    def ask_again(self) -> None:
        """The listener that covered this one is gone."""
        self._ask_anyway = True
        self._look.set()

    async def run(self) -> None:
        """Hold the forward until cancelled, or until the session is over."""
        refusals = 0
        try:
            while True:
                granted, texts = await self._session.listen(self.spec, self._accept)
                if not granted and refusals % _RESURVEY == 0:
                    self._memory.learn(await self._session.survey())
                refusals = 0 if granted else refusals + 1
                answer = self._judge(texts, granted=granted)
                if answer.verdict is Verdict.BUSY:
                    if await self._reclaimed():
                        refusals = 0  # what the survey found is no longer so
                        continue
                    answer = self._explained(answer)
                self._answered(self.spec, answer)
                if answer.retry_s is not None:
                    await asyncio.sleep(answer.retry_s)
                    continue
                await self._until_it_could_be_whole()
                await self._session.unlisten(self.spec)
        except TunnelFailureError:
            return  # the session is over, and says so itself

    def _judge(self, texts: tuple[str, ...], *, granted: bool) -> Answer:
        if granted:
            return judge_success(self.spec, texts)
        for other in self._standing():
            if (other.service, other.port) == (self.spec.service, self.spec.port):
                return judge_covered(self.spec, other)
        return judge_refusal(self.spec, texts, self._memory.survey)

    async def _reclaimed(self) -> bool:
        """Whether a dead session of ours was ended that may have held the port, or part of it."""
        own = self._memory.own
        return own is not None and await own.reclaim(self._session, self.spec.port)

    def _explained(self, answer: Answer) -> Answer:
        own = self._memory.own
        if own is None:
            return answer
        return explain(answer, own.suspicion(self._session, self.spec.port), time.time())

    async def _until_it_could_be_whole(self) -> None:
        while True:
            await self._look.wait()
            self._look.clear()
            if self._ask_anyway:
                self._ask_anyway = False
                return
            pause_s = BUSY_RETRY_S
            while self._lacking:
                survey = await self._session.survey()
                if survey is None or survey.listeners is None:
                    # Nobody tells who listens there: try, but seldom, for trying gives the
                    # listener back for a moment.
                    await asyncio.sleep(FORBIDDEN_RETRY_S)
                    return
                if not any((f, self.spec.port) in survey.listeners for f in self._lacking):
                    return
                if await self._reclaimed():
                    return
                await asyncio.sleep(pause_s)
                # A survey is a dozen processes there, and who holds a port may hold it for weeks.
                pause_s = min(pause_s * 1.5, _SURVEY_PAUSE_S)
