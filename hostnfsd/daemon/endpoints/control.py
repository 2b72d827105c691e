"""The control socket: what ``hostnfsd status``, ``reload`` and ``reconnect`` speak to.

HTTP over a unix socket, so that curl speaks it as well (``curl --unix-socket PATH http://d/status``).
The file's mode says who may: its owner and root.
"""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePath
from typing import Final

import structlog
from aiohttp import web

from hostnfsd import status_document
from hostnfsd.daemon import sole
from hostnfsd.daemon.endpoints.routes import json_response, secure_headers
from hostnfsd.daemon.face import Face
from hostnfsd.errors import HostnfsdError
from hostnfsd.problem_document import problem_to_json

_SHUTDOWN_S: Final = 1.0

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("hostnfsd.control")


def application(face: Face) -> web.Application:
    """``GET /status``, ``POST /reload``, ``POST /reconnect[?gateway=NAME]``."""

    async def status(_request: web.Request) -> web.Response:
        return json_response(status_document.to_json(face.snapshot()))

    async def reload(_request: web.Request) -> web.Response:
        verdict = await face.reload()
        document = {
            "schema": 1,
            "accepted": verdict.accepted,
            "changes": list(verdict.changes),
            "problems": [problem_to_json(p) for p in verdict.problems],
        }
        return json_response(
            document, HTTPStatus.OK if verdict.accepted else HTTPStatus.UNPROCESSABLE_ENTITY
        )

    async def reconnect(request: web.Request) -> web.Response:
        gateway = request.query.get("gateway")
        phases = {view.name: str(view.phase) for view in face.snapshot().gateways}
        told = face.reconnect(gateway)
        if gateway is not None and not told:
            document = {"schema": 1, "error": f"no gateway {gateway!r}", "gateways": list(phases)}
            return json_response(document, HTTPStatus.NOT_FOUND)
        found = {name: phases[name] for name in told if name in phases}
        return json_response({"schema": 1, "gateways": list(told), "phases": found})

    app = web.Application()
    app.on_response_prepare.append(secure_headers)
    app.add_routes(
        [web.get("/status", status), web.post("/reload", reload), web.post("/reconnect", reconnect)]
    )
    return app


@dataclass(slots=True)
class _Open:
    path: Path
    lock: int
    inode: int
    server: asyncio.AbstractServer


class Control:
    """The listener on the control socket."""

    def __init__(self, face: Face) -> None:
        self._runner = web.AppRunner(
            application(face), access_log=None, shutdown_timeout=_SHUTDOWN_S
        )
        self._open: _Open | None = None

    @property
    def path(self) -> Path | None:
        """Where the socket is; None while there is none."""
        return None if self._open is None else self._open.path

    async def start(self, path: PurePath) -> None:
        """Become the one daemon of this socket, and listen.

        Raises:
            AlreadyRunningError: another daemon has it; the message names its process.
            NotPermittedError, CannotWriteError: the socket or its folder cannot be made.
        """
        await self._runner.setup()
        await self._listen(Path(path))

    async def move(self, path: PurePath) -> None:
        """Listen elsewhere, at a reload; if that cannot be, stay, and say so in the log."""
        former = self._open
        if former is not None and former.path == Path(path):
            return
        try:
            await self._listen(Path(path))
        except HostnfsdError as exc:
            log.error("control_move_failed", path=path, error=exc, hint=exc.hint)  # noqa: TRY400  # no traceback: the message says it
            return
        if former is not None:
            self._close(former)

    async def stop(self) -> None:
        """Remove the socket, finish what is being answered, give the lock back."""
        if self._open is not None:
            self._close(self._open)
            self._open = None
        await self._runner.cleanup()

    async def _listen(self, path: Path) -> None:
        serve = self._runner.server
        if serve is None:
            raise RuntimeError("the control socket is moved before it was started")
        lock = sole.take_lock(path)
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, lock)
            sole.remove_stale(path)
            listener, inode = sole.bind(path)
            undo.callback(listener.close)
            # Not an aiohttp site: those bind themselves, before the mode of the file is set.
            server = await asyncio.get_running_loop().create_unix_server(serve, sock=listener)
            undo.pop_all()
        self._open = _Open(path, lock, inode, server)

    def _close(self, current: _Open) -> None:
        current.server.close()
        sole.remove_own(current.path, current.inode)
        os.close(current.lock)
