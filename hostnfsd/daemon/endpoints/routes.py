"""What the HTTP endpoints answer: ``/metrics /healthz /readyz /status`` and ``/``."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from hostnfsd import health, status_document
from hostnfsd.daemon.endpoints import page
from hostnfsd.daemon.endpoints.basic_auth import BasicAuth
from hostnfsd.daemon.endpoints.host_header import admitted
from hostnfsd.daemon.endpoints.metrics import Metrics
from hostnfsd.daemon.face import Face
from hostnfsd.snapshot import GatewayView

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HEADERS: Final = {
    # Not "Python/3.x aiohttp/3.y": that only helps whoever looks for old versions.
    "Server": "hostnfsd",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src '{page.STYLE_HASH}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Which requests are answered at all; replaced as a whole when the configuration changes."""

    def __init__(
        self, listen_host: str, allowed_hosts: tuple[str, ...], auth: BasicAuth | None
    ) -> None:
        self._listen_host = listen_host
        self._allowed_hosts = allowed_hosts
        self._auth = auth

    async def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a request that is turned away; None for one that is answered."""
        transport = request.transport
        local = None if transport is None else transport.get_extra_info("sockname")
        header = request.headers.get("Host")
        if not admitted(
            header,
            allowed=self._allowed_hosts,
            listen_host=self._listen_host,
            local_address=str(local[0]) if local else "",
        ):
            return web.Response(
                status=HTTPStatus.FORBIDDEN,
                text=f"Host {header!r} is not answered here (loopback names, the listen address, "
                "[metrics] allowed_hosts)\n",
            )
        if self._auth and not await self._auth.admits(request.headers.get("Authorization")):
            return web.Response(
                status=HTTPStatus.UNAUTHORIZED,
                text="a user and his password are needed here ([metrics] basic_auth_file)\n",
                headers={"WWW-Authenticate": 'Basic realm="hostnfsd", charset="UTF-8"'},
            )
        return None


def json_response(document: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """A JSON document, indented: people read it with curl."""
    return web.Response(
        text=json.dumps(document, indent=2) + "\n", status=status, content_type="application/json"
    )


async def secure_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Set on every answer, errors included."""
    response.headers.update(_HEADERS)


def _find(gateways: tuple[GatewayView, ...], name: str) -> GatewayView | None:
    return next((gateway for gateway in gateways if gateway.name == name), None)


def application(face: Face, metrics: Metrics, guard: Callable[[], Guard]) -> web.Application:
    """The endpoints of one daemon.

    Args:
        face: the daemon.
        metrics: what renders its metrics.
        guard: gives the guard of now.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = await guard().refusal(request)
        return await handler(request) if refusal is None else refusal

    async def scrape(request: web.Request) -> web.Response:
        body, content_type = metrics.render(
            face.snapshot(),
            accept=",".join(request.headers.getall("Accept", [])),
            names=request.query.getall("name[]", []),
        )
        response = web.Response(body=body, headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    async def healthz(_request: web.Request) -> web.Response:
        # That this is answered says it all: the loop which answers is the one that does the work.
        return web.Response(text="ok\n")

    async def readyz(request: web.Request) -> web.Response:
        snapshot = face.snapshot()
        name = request.query.get("gateway")
        if name is None:
            verdict = health.verdict(snapshot)
        elif (gateway := _find(snapshot.gateways, name)) is not None:
            verdict = health.gateway_verdict(gateway, stopping=snapshot.stopping)
        else:
            known = [gateway.name for gateway in snapshot.gateways]
            return json_response(
                {"schema": 1, "error": f"no gateway {name!r}", "gateways": known},
                HTTPStatus.NOT_FOUND,
            )
        ready = HTTPStatus.OK if verdict.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return json_response(verdict.to_json(), ready)

    async def status(_request: web.Request) -> web.Response:
        return json_response(status_document.to_json(face.snapshot()))

    async def people(_request: web.Request) -> web.Response:
        return web.Response(text=page.render(face.snapshot()), content_type="text/html")

    async def favicon(_request: web.Request) -> web.Response:
        return web.Response(status=HTTPStatus.NO_CONTENT)

    app = web.Application(middlewares=[guarded])
    app.on_response_prepare.append(secure_headers)
    app.add_routes(
        [
            web.get("/metrics", scrape),
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/status", status),
            web.get("/", people),
            web.get("/favicon.ico", favicon),
        ]
    )
    return app
