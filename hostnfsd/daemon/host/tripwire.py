"""Notices at once that a service of the host ends, and that it is back.

A connection that carries nothing: a server that is restarted closes it, even if it is back at the
same port before the next probe, with other exports.

Servers also close what was idle for long (Linux after six minutes, ganesha after five, macOS after
an hour), which is no reason for a trial mount. The two are told apart by the listener: that of a
process which ends is closed along with its connections, so that a connection at that very moment
is refused, while one that merely tidies up answers. That is believed only of a connection that has
stood for longer than anybody waits between a restart and the next.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

#: Seconds a connection must have stood for its end to mean anything: macOS closes at once those of
#: callers that no export admits.
_STOOD_S: Final = 0.2
#: Seconds it must have stood to be closed because it was idle.
_IDLE_S: Final = 60.0
#: Seconds between two attempts to connect, from and to.
_PAUSE_MIN_S: Final = 0.2
_PAUSE_MAX_S: Final = 5.0


class Tripwire:
    """One connection to one service, made again for ever.

    Args:
        dial: connects to the service; raises OSError.
        where: what is dialled: a connection to anything else is given up, see :meth:`check`.
        answers: whether the service answers at this moment.
        lost: called when a connection ended that had stood for a while.
        back: called when there is one again after that.
    """

    def __init__(
        self,
        *,
        dial: Callable[[], Awaitable[socket.socket]],
        where: Callable[[], Hashable],
        answers: Callable[[], Awaitable[bool]],
        lost: Callable[[], None],
        back: Callable[[], None],
    ) -> None:
        self._dial = dial
        self._where = where
        self._answers = answers
        self._look = asyncio.Event()
        self._lost = lost
        self._back = back

    def check(self) -> None:
        """The service may be dialled elsewhere from now on."""
        self._look.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        missed = False
        pause_s = _PAUSE_MIN_S
        while True:
            where = self._where()
            try:
                sock = await self._dial()
            except OSError:
                pass
            else:
                with sock:
                    began = loop.time()
                    if missed:
                        missed = False
                        self._back()
                    ended = await self._watch(sock, where)
                stood_s = loop.time() - began
                if not ended or (stood_s >= _IDLE_S and await self._answers()):
                    continue
                if stood_s >= _STOOD_S:
                    missed, pause_s = True, _PAUSE_MIN_S
                    self._lost()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_MAX_S)

    async def _watch(self, sock: socket.socket, where: Hashable) -> bool:
        """Wait until the peer ends a connection, or it leads to the wrong place (False)."""
        end = asyncio.create_task(_end(sock))
        try:
            while self._where() == where:
                self._look.clear()
                look = asyncio.create_task(self._look.wait())
                try:
                    await asyncio.wait((end, look), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    look.cancel()
                if end.done():
                    return True
            return False
        finally:
            # The event loop must no longer watch the socket when it is closed.
            end.cancel()
            await asyncio.wait((end,))


async def _end(sock: socket.socket) -> None:
    """Wait until the peer closes, resets, or says something that nobody asked for."""
    try:
        await asyncio.get_running_loop().sock_recv(sock, 1)
    except OSError:
        return
