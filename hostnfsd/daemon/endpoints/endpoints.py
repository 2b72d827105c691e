"""The listener of the HTTP endpoints: binds, retries, and follows the configuration.

A port that is taken, a certificate that cannot be read, a broken password file: none of them ends
the daemon. Each is an ERROR in the log and is tried again every ten seconds, and what served before
goes on serving until it can be replaced.
"""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from hostnfsd.config.model import Metrics as Settings
from hostnfsd.config.values import split_listen
from hostnfsd.daemon.endpoints import routes
from hostnfsd.daemon.endpoints.door import Door
from hostnfsd.daemon.endpoints.files import (
    UnusableError,
    load_certificate,
    read_users,
    server_context,
)
from hostnfsd.daemon.endpoints.listeners import bind
from hostnfsd.daemon.endpoints.metrics import Metrics
from hostnfsd.daemon.face import Face
from hostnfsd.daemon.ssh.faults import reason
from hostnfsd.quiet import Quiet
from hostnfsd.snapshot import Advice

RETRY_S: Final = 10.0
_SHUTDOWN_S: Final = 1.0
#: Seconds after which a connection on which nothing is asked is closed; scrapes are less apart.
_IDLE_S: Final = 150.0

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("hostnfsd.endpoints")


@dataclass(slots=True)
class _Open:
    """What listens now."""

    listen: str
    ports: frozenset[int]
    tls: ssl.SSLContext | None
    listeners: list[socket.socket]
    doors: "list[asyncio.Task[None]]"
    addresses: tuple[str, ...]


def _spelt(listener: socket.socket, tls: ssl.SSLContext | None) -> str:
    host, port = listener.getsockname()[:2]
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


class Endpoints:
    """The HTTP listener. Nothing here raises for what the machine or a file is like.

    ``start`` once, ``apply`` at each reload, ``stop`` once.
    """

    def __init__(self, face: Face, metrics: Metrics, retry_s: float = RETRY_S) -> None:
        self._retry_s = retry_s
        self._settings = Settings()
        self._guard = routes.Guard("", (), None)
        app = routes.application(face, metrics, lambda: self._guard)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_SHUTDOWN_S, keepalive_timeout=_IDLE_S
        )
        self._open: _Open | None = None
        self._retrying: asyncio.Task[None] | None = None
        self._quiet = Quiet()
        self._trouble: Advice | None = None

    def advice(self) -> tuple[Advice, ...]:
        """What status tells while the settings cannot be followed."""
        return () if self._trouble is None else (self._trouble,)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the endpoints listen now, as URLs; empty while they do not."""
        return () if self._open is None else self._open.addresses

    async def start(self, settings: Settings) -> None:
        """Listen; if that fails now, go on trying until :meth:`stop`."""
        await self._runner.setup()
        await self.apply(settings)

    async def apply(self, settings: Settings) -> None:
        """Follow these settings; certificate and password file are read again.

        A listener whose address stays is kept. What cannot be followed now is retried, and what
        was open stays open meanwhile.
        """
        await self._give_up_retrying()
        self._settings = settings
        if not await self._follow():
            self._retrying = asyncio.create_task(self._retry(), name="endpoints-retry")

    async def stop(self) -> None:
        """Close the listener and every connection to it."""
        await self._give_up_retrying()
        if self._open is not None:
            await self._close(self._open)
        await self._runner.cleanup()

    async def _retry(self) -> None:
        while True:
            await asyncio.sleep(self._retry_s)
            if await self._follow():
                return

    async def _give_up_retrying(self) -> None:
        if self._retrying is not None:
            self._retrying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._retrying
            self._retrying = None

    async def _follow(self) -> bool:
        """Whether the settings are followed now."""
        try:
            await self._try()
        except UnusableError as exc:
            error, hint = str(exc), "correct the file; it is read again at each retry"
        except OSError as exc:
            error, hint = reason(exc), "free the port, or set another [metrics] listen"
        else:
            self._quiet, self._trouble = Quiet(), None
            return True
        self._trouble = Advice(
            f"the HTTP endpoints cannot be as configured ([metrics] listen ="
            f' "{self._settings.listen}"): {error}',
            f"{hint}; tried again every {self._retry_s:g} s",
        )
        if self._quiet.decide(error, asyncio.get_running_loop().time()) != "hush":
            log.error(
                "endpoints_failed",
                listen=self._settings.listen,
                error=error,
                hint=hint,
                retry_s=self._retry_s,
            )
        return False

    async def _try(self) -> None:
        settings = self._settings
        where = split_listen(settings.listen)
        if where is None:
            raise UnusableError(f"[metrics] listen = {settings.listen!r} is not HOST:PORT")
        host, port = where
        auth = read_users(settings)
        tls = server_context() if settings.tls_cert_file else None
        if tls is not None:
            load_certificate(settings, tls)
        guard = routes.Guard(host, settings.allowed_hosts, auth)
        current = self._open
        if current and current.listen == settings.listen and bool(current.tls) == bool(tls):
            if current.tls is not None:
                # It has just been loaded into a fresh context: this cannot leave half of it.
                load_certificate(settings, current.tls)
            self._guard = guard
            return
        if current and port in current.ports:
            # Also where only the host differs: the kernel would not let both stand.
            await self._close(current)
        listeners = await bind(host, port)
        try:
            if self._open:
                await self._close(self._open)
        except BaseException:  # a stop, or a reload, has overtaken a retry
            for listener in listeners:
                listener.close()
            raise
        self._guard = guard
        serve = self._runner.server
        assert serve is not None  # noqa: S101  # set up by start
        doors = [Door(listener, serve, tls) for listener in listeners]
        self._open = _Open(
            settings.listen,
            frozenset(listener.getsockname()[1] for listener in listeners),
            tls,
            listeners,
            [asyncio.create_task(door.run(), name="endpoints") for door in doors],
            tuple(_spelt(listener, tls) for listener in listeners),
        )
        log.info("endpoints_listening", addresses=self.addresses)

    async def _close(self, current: _Open) -> None:
        """Stop accepting; requests that are being answered are finished."""
        self._open = None
        for door in current.doors:
            door.cancel()
        try:
            await asyncio.gather(*current.doors, return_exceptions=True)
        finally:
            for listener in current.listeners:
                listener.close()
