"""The HTTP endpoints over real sockets: answers, guards, retries, reloads."""

import asyncio
import base64
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from hostnfsd.config.model import Metrics as Settings
from hostnfsd.daemon.endpoints.door import MOST
from hostnfsd.daemon.endpoints.endpoints import Endpoints
from hostnfsd.daemon.endpoints.metrics import Metrics
from hostnfsd.services import Service
from hostnfsd.snapshot import ServiceState
from hostnfsd.status_document import to_json
from tests.support.certificates import certificate
from tests.support.fake_face import FakeFace
from tests.support.ports import accepts
from tests.support.snapshots import gateway, service, snapshot, troubled, with_service

ANYWHERE = Settings(listen="127.0.0.1:0")


@asynccontextmanager
async def served(
    face: FakeFace, settings: Settings = ANYWHERE, retry_s: float = 0.02
) -> AsyncIterator[Endpoints]:
    endpoints = Endpoints(face, Metrics(), retry_s=retry_s)
    await endpoints.start(settings)
    try:
        yield endpoints
    finally:
        await endpoints.stop()


@asynccontextmanager
async def asking(
    endpoints: Endpoints, path: str, method: str = "GET", **options: object
) -> AsyncIterator[aiohttp.ClientResponse]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, endpoints.addresses[0] + path, **options) as response,  # type: ignore[arg-type]  # passed on
    ):
        yield response


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # the condition tells by no event
            await asyncio.sleep(0.005)


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder


async def test_metrics_are_plain_text_by_default_and_openmetrics_on_request() -> None:
    async with served(FakeFace(snapshot())) as endpoints:
        async with asking(endpoints, "/metrics") as plain:
            assert plain.status == 200
            assert plain.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert b'hostnfsd_tunnel_up{gateway="dev-gw"} 1.0' in await plain.read()
        accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
        async with asking(endpoints, "/metrics", headers=accept) as openmetrics:
            assert openmetrics.headers["Content-Type"].startswith("application/openmetrics-text")
            assert (await openmetrics.read()).endswith(b"# EOF\n")


async def test_metrics_are_compressed_for_whoever_asks() -> None:
    async with served(FakeFace(snapshot())) as endpoints:
        gzip = {"Accept-Encoding": "gzip"}
        async with asking(endpoints, "/metrics", headers=gzip) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert b"hostnfsd_build_info" in await response.read()
        identity = {"Accept-Encoding": "identity"}
        async with asking(endpoints, "/metrics", headers=identity) as response:
            assert "Content-Encoding" not in response.headers


async def test_metrics_by_name() -> None:
    async with served(FakeFace(snapshot())) as endpoints:
        path = "/metrics?name[]=hostnfsd_tunnel_up&name[]=hostnfsd_connections_limit"
        async with asking(endpoints, path) as response:
            lines = (await response.text()).splitlines()

    assert [line for line in lines if not line.startswith("#")] == [
        'hostnfsd_tunnel_up{gateway="dev-gw"} 1.0',
        "hostnfsd_connections_limit 1024.0",
    ]


async def test_a_scrape_shows_the_moment_it_is_made() -> None:
    face = FakeFace(snapshot(gateway(attempts=1)))
    async with served(face) as endpoints:
        face.now = snapshot(gateway(attempts=2))
        async with asking(endpoints, "/metrics") as response:
            body = await response.text()

    assert 'hostnfsd_tunnel_connect_attempts_total{gateway="dev-gw"} 2.0' in body


async def test_readyz_is_503_with_the_reasons_until_all_is_ready() -> None:
    down = with_service(gateway(), service(Service.NFS, ServiceState.HOST_DOWN, "refused"))
    face = FakeFace(snapshot(down))
    async with served(face) as endpoints:
        async with asking(endpoints, "/readyz") as response:
            assert response.status == 503
            document = await response.json()
            assert document["ready"] is False
            assert [r["service"] for r in document["reasons"]] == ["nfs"]
        face.now = snapshot()
        async with asking(endpoints, "/readyz") as response:
            assert response.status == 200
            assert (await response.json())["reasons"] == []


async def test_readyz_of_one_gateway() -> None:
    down = gateway("b", services=(service(Service.NFS, ServiceState.WAITING),))
    async with served(FakeFace(snapshot(gateway("a"), down))) as endpoints:
        for name, status in {"a": 200, "b": 503, "c": 404, "": 404}.items():
            async with asking(endpoints, f"/readyz?gateway={name}") as response:
                assert response.status == status
                if status == 404:
                    assert (await response.json())["gateways"] == ["a", "b"]


async def test_healthz_says_nothing_about_tunnels() -> None:
    async with (
        served(FakeFace(troubled())) as endpoints,
        asking(endpoints, "/healthz") as response,
    ):
        assert (response.status, await response.text()) == (200, "ok\n")


async def test_status_is_the_status_document() -> None:
    async with (
        served(FakeFace(troubled())) as endpoints,
        asking(endpoints, "/status") as response,
    ):
        assert await response.json() == to_json(troubled())


async def test_the_page_and_no_icon() -> None:
    async with served(FakeFace(troubled())) as endpoints:
        async with asking(endpoints, "/") as response:
            assert response.headers["Content-Type"] == "text/html; charset=utf-8"
            assert "not ready" in await response.text()
        async with asking(endpoints, "/favicon.ico") as response:
            assert response.status == 204


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/metrics", 200), ("/nothing", 404)])
async def test_every_answer_carries_the_security_headers(path: str, status: int) -> None:
    async with served(FakeFace(snapshot())) as endpoints, asking(endpoints, path) as response:
        assert response.status == status
        assert response.headers["Server"] == "hostnfsd"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_nothing_but_get_and_head(method: str) -> None:
    async with served(FakeFace(snapshot())) as endpoints:
        for path in ("/", "/metrics", "/healthz", "/readyz", "/status"):
            async with asking(endpoints, path, method=method) as response:
                assert response.status == 405
        async with asking(endpoints, "/metrics", method="HEAD") as response:
            assert (response.status, await response.read()) == (200, b"")


async def test_another_host_is_turned_away_by_name() -> None:
    settings = Settings(listen="127.0.0.1:0", allowed_hosts=("metrics.example",))
    async with served(FakeFace(snapshot()), settings) as endpoints:
        statuses = []
        for host in ("evil.example", "metrics.example:1", "localhost"):
            async with asking(endpoints, "/metrics", headers={"Host": host}) as response:
                statuses.append(response.status)
                assert response.status != 403 or "allowed_hosts" in await response.text()

    assert statuses == [403, 200, 200]


async def test_on_all_addresses_the_one_dialled_is_admitted_as_host() -> None:
    async with served(FakeFace(snapshot()), Settings(listen=":0")) as endpoints:
        port = endpoints.addresses[0].rsplit(":", 1)[1]
        url = f"http://127.0.0.1:{port}/healthz"
        async with aiohttp.ClientSession() as session:
            async with session.get(url, headers={"Host": "192.0.2.1"}) as response:
                assert response.status == 403
            async with session.get(url) as response:
                assert response.status == 200


async def test_a_taken_port_is_an_error_and_is_tried_again(taken: socket.socket) -> None:
    settings = Settings(listen=f"127.0.0.1:{taken.getsockname()[1]}")
    with capture_logs() as logs:
        async with served(FakeFace(snapshot()), settings) as endpoints:
            assert endpoints.addresses == ()
            taken.close()
            await until(lambda: bool(endpoints.addresses))
            async with asking(endpoints, "/healthz") as response:
                assert response.status == 200

    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("endpoints_failed", "error"),
        ("endpoints_listening", "info"),
    ]
    assert "in use" in logs[0]["error"]


async def test_while_they_cannot_listen_status_tells_so_with_the_cure(taken: socket.socket) -> None:
    listen = f"127.0.0.1:{taken.getsockname()[1]}"
    async with served(FakeFace(snapshot()), Settings(listen=listen)) as endpoints:
        (advice,) = endpoints.advice()
        assert f'[metrics] listen = "{listen}"' in advice.text
        assert advice.text.endswith("Address already in use")
        assert advice.hint.startswith("free the port")
        taken.close()
        await until(lambda: bool(endpoints.addresses))

        assert endpoints.advice() == ()


def held(endpoints: Endpoints, count: int) -> list[socket.socket]:
    """Connections that say nothing."""
    port = int(endpoints.addresses[0].rpartition(":")[2])
    return [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]


def ended(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("tls", [False, True])
async def test_a_flood_of_silent_connections_takes_no_descriptors_from_others(
    tmp_path: Path, tls: bool
) -> None:
    settings, options = ANYWHERE, dict[str, Any]()
    if tls:
        cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
        certificate(cert, key)
        settings = Settings(listen="127.0.0.1:0", tls_cert_file=str(cert), tls_key_file=str(key))
        options = {"ssl": ssl.create_default_context(cafile=str(cert))}
    async with served(FakeFace(snapshot()), settings) as endpoints:
        before = descriptors()
        flood = await asyncio.to_thread(held, endpoints, MOST + 40)
        await until(lambda: sum(map(ended, flood)) >= 40)
        # A client sees the end of his connection before its descriptor is given back.
        await until(lambda: descriptors() - before - len(flood) <= MOST + 2)

        async with asking(endpoints, "/healthz", **options) as response:
            assert response.status == 200
        for connection in flood:
            connection.close()
        await until(lambda: descriptors() <= before)


async def test_stopping_ends_the_retries(taken: socket.socket) -> None:
    before = asyncio.all_tasks()
    settings = Settings(listen=f"127.0.0.1:{taken.getsockname()[1]}")
    async with served(FakeFace(snapshot()), settings):
        pass

    assert asyncio.all_tasks() == before


async def test_an_address_the_machine_lacks_is_an_error_not_the_end() -> None:
    with capture_logs() as logs:
        async with served(FakeFace(snapshot()), Settings(listen="192.0.2.1:0")) as endpoints:
            assert endpoints.addresses == ()

    assert logs[0]["event"] == "endpoints_failed"


async def test_a_reload_moves_the_listener_and_closes_the_old_one() -> None:
    async with served(FakeFace(snapshot())) as endpoints:
        old = endpoints.addresses[0]
        await endpoints.apply(Settings(listen="localhost:0"))
        new = endpoints.addresses[0]

        assert old != new
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(old + "/healthz")
            async with session.get(new + "/healthz") as response:
                assert response.status == 200


async def test_a_reload_to_a_taken_port_keeps_the_old_listener_meanwhile(
    taken: socket.socket,
) -> None:
    async with served(FakeFace(snapshot())) as endpoints:
        old = endpoints.addresses
        await endpoints.apply(Settings(listen=f"127.0.0.1:{taken.getsockname()[1]}"))
        assert endpoints.addresses == old
        async with asking(endpoints, "/healthz") as response:
            assert response.status == 200
        taken.close()
        await until(lambda: endpoints.addresses != old)


async def test_a_stop_that_overtakes_a_retry_leaves_nobody_listening(taken: socket.socket) -> None:
    async with served(FakeFace(snapshot())) as endpoints:
        (old,) = endpoints.addresses
        port = taken.getsockname()[1]
        await endpoints.apply(Settings(listen=f"127.0.0.1:{port}"))
        taken.close()
        async with asyncio.timeout(10):
            # Until the old one is being closed, and the new one is not in force yet.
            while endpoints.addresses == (old,):  # noqa: ASYNC110  # it is there for a moment
                await asyncio.sleep(0)
        assert endpoints.addresses == ()
    assert not accepts(port)
    assert not accepts(int(old.rsplit(":", 1)[1]))


async def test_a_reload_that_leaves_the_address_keeps_connections() -> None:
    async with served(FakeFace(snapshot())) as endpoints:
        port = int(endpoints.addresses[0].rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def status() -> bytes:
            writer.write(b"HEAD /healthz HTTP/1.1\r\nHost: later.example\r\n\r\n")
            return (await reader.readuntil(b"\r\n\r\n")).split()[1]

        assert await status() == b"403"
        await endpoints.apply(Settings(listen="127.0.0.1:0", allowed_hosts=("later.example",)))
        assert await status() == b"200"
        writer.close()
        await writer.wait_closed()


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"prometheus:{password}".encode()).decode()


def auth_line(password: str) -> str:
    salt = b"0123456789abcdef"
    digest = hashlib.scrypt(password.encode(), salt=salt, n=1 << 12, r=8, p=1)
    encoded = [base64.b64encode(raw).decode().rstrip("=") for raw in (salt, digest)]
    return f"prometheus:$scrypt$ln=12,r=8,p=1${encoded[0]}${encoded[1]}\n"


async def test_a_password_is_asked_for_everywhere_and_read_again_at_a_reload(
    tmp_path: Path,
) -> None:
    file = tmp_path / "auth"
    file.write_text(auth_line("one"))
    settings = Settings(listen="127.0.0.1:0", basic_auth_file=str(file))

    async def status(endpoints: Endpoints, path: str, password: str | None) -> int:
        headers = {} if password is None else {"Authorization": basic(password)}
        async with asking(endpoints, path, headers=headers) as response:
            if response.status == 401:
                assert response.headers["WWW-Authenticate"].startswith("Basic ")
            return response.status

    async with served(FakeFace(snapshot()), settings) as endpoints:
        for path in ("/", "/metrics", "/healthz", "/readyz", "/status", "/nothing"):
            assert await status(endpoints, path, None) == 401
        assert await status(endpoints, "/metrics", "two") == 401
        assert await status(endpoints, "/metrics", "one") == 200
        file.write_text(auth_line("two"))
        assert await status(endpoints, "/metrics", "one") == 200
        await endpoints.apply(settings)
        assert await status(endpoints, "/metrics", "one") == 401
        assert await status(endpoints, "/metrics", "two") == 200


async def test_a_broken_password_file_never_opens_the_door(tmp_path: Path) -> None:
    file = tmp_path / "auth"
    file.write_text("prometheus:secret\n")
    settings = Settings(listen="127.0.0.1:0", basic_auth_file=str(file))
    with capture_logs() as logs:
        async with served(FakeFace(snapshot()), settings) as endpoints:
            assert endpoints.addresses == ()
            file.write_text(auth_line("one"))
            await until(lambda: bool(endpoints.addresses))
            async with asking(endpoints, "/metrics") as response:
                assert response.status == 401

    assert f"{file}:1: error: metrics.basic_auth_file" in logs[0]["error"]
    assert "secret" not in str(logs)


async def test_a_password_file_that_breaks_later_leaves_the_old_users(tmp_path: Path) -> None:
    file = tmp_path / "auth"
    file.write_text(auth_line("one"))
    settings = Settings(listen="127.0.0.1:0", basic_auth_file=str(file))
    async with served(FakeFace(snapshot()), settings) as endpoints:
        file.unlink()
        await endpoints.apply(settings)
        async with asking(endpoints, "/metrics") as response:
            assert response.status == 401
        one = {"Authorization": basic("one")}
        async with asking(endpoints, "/metrics", headers=one) as response:
            assert response.status == 200


async def seen_name(address: str) -> str:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host, port = address.removeprefix("https://").rsplit(":", 1)
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    try:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
        await writer.wait_closed()
    return hashlib.sha256(der).hexdigest()


async def test_tls_with_a_certificate_that_is_renewed_at_a_reload(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    first = certificate(cert, key)
    settings = Settings(listen="127.0.0.1:0", tls_cert_file=str(cert), tls_key_file=str(key))
    async with served(FakeFace(snapshot()), settings) as endpoints:
        address = endpoints.addresses[0]
        assert address.startswith("https://")
        assert await seen_name(address) == first
        context = ssl.create_default_context(cafile=str(cert))
        async with asking(endpoints, "/healthz", ssl=context) as response:
            assert response.status == 200
        second = certificate(cert, key)
        await endpoints.apply(settings)
        assert endpoints.addresses[0] == address
        assert await seen_name(address) == second
        key.write_text("no key")
        await endpoints.apply(settings)
        assert await seen_name(address) == second


async def test_tls_is_switched_on_at_the_same_port(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate(cert, key)
    async with served(FakeFace(snapshot())) as endpoints:
        listen = endpoints.addresses[0].removeprefix("http://")
        await endpoints.apply(Settings(listen=listen))
        assert endpoints.addresses == (f"http://{listen}",)
        await endpoints.apply(
            Settings(listen=listen, tls_cert_file=str(cert), tls_key_file=str(key))
        )
        assert endpoints.addresses == (f"https://{listen}",)
        context = ssl.create_default_context(cafile=str(cert))
        async with asking(endpoints, "/healthz", ssl=context) as response:
            assert response.status == 200


async def test_an_encrypted_key_is_an_error_and_asks_nobody(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate(cert, key, passphrase=b"secret")
    settings = Settings(listen="127.0.0.1:0", tls_cert_file=str(cert), tls_key_file=str(key))
    with capture_logs() as logs:
        async with served(FakeFace(snapshot()), settings) as endpoints:
            assert endpoints.addresses == ()

    assert "encrypted" in logs[0]["error"]


async def test_a_failure_that_lasts_is_logged_once_a_minute_at_most(taken: socket.socket) -> None:
    settings = Settings(listen=f"127.0.0.1:{taken.getsockname()[1]}")
    tries = 0

    with capture_logs() as logs:
        async with served(FakeFace(snapshot()), settings, retry_s=0.001) as endpoints:
            follow = endpoints._follow

            async def counted() -> bool:
                nonlocal tries
                tries += 1
                return await follow()

            endpoints._follow = counted  # type: ignore[method-assign]  # counts the tries
            await until(lambda: tries > 5)

    assert [line["event"] for line in logs] == ["endpoints_failed"]


async def test_one_name_with_two_families_listens_on_both() -> None:
    async with served(FakeFace(snapshot()), Settings(listen=":0")) as endpoints:
        assert {address.split("//")[1].rsplit(":", 1)[0] for address in endpoints.addresses} == {
            "0.0.0.0",
            "[::]",
        }


def test_on_uvloop_a_reload_swaps_the_listener_at_the_same_port(tmp_path: Path) -> None:
    import uvloop  # noqa: PLC0415  # only this test runs on it

    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate(cert, key)

    async def swap() -> tuple[str, ...]:
        async with served(FakeFace(snapshot()), retry_s=60) as endpoints:
            listen = endpoints.addresses[0].removeprefix("http://")
            await endpoints.apply(Settings(listen=listen))
            await endpoints.apply(
                Settings(listen=listen, tls_cert_file=str(cert), tls_key_file=str(key))
            )
            return endpoints.addresses

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, capture_logs():
        (address,) = runner.run(swap())

    assert address.startswith("https://127.0.0.1:")
