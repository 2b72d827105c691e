"""Notices at once that a service of the host ends, and that it is back.

A connection that carries nothing: a server that is restarted closes it, even if it is back at the
same port before the next probe, with other exports. Servers also close what was idle for long
(Linux after six minutes, ganesha after five, macOS after an hour): a false alarm costs a probe.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final

#: Seconds a connection must have stood for its end to mean anything: macOS closes at once those of
#: callers that no export admits.
_STOOD_S: Final = 0.2
#: Seconds between two attempts to connect, from and to.
_PAUSE_MIN_S: Final = 0.2
_PAUSE_MAX_S: Final = 5.0


class Tripwire:
    """One connection to one service, made again for ever.

    Args:
        dial: connects to the service; raises OSError.
        lost: called when a connection ended that had stood for a while.
        back: called when there is one again after that.
    """

    def __init__(
        self,
        *,
        dial: Callable[[], Awaitable[socket.socket]],
        lost: Callable[[], None],
        back: Callable[[], None],
    ) -> None:
        self._dial = dial
        self._lost = lost
        self._back = back

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        missed = False
        pause_s = _PAUSE_MIN_S
        while True:
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
                    await _end(sock)
                if loop.time() - began >= _STOOD_S:
                    missed, pause_s = True, _PAUSE_MIN_S
                    self._lost()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_MAX_S)


async def _end(sock: socket.socket) -> None:
    """Wait until the peer closes, resets, or says something that nobody asked for."""
    try:
        await asyncio.get_running_loop().sock_recv(sock, 1)
    except OSError:
        return
