"""Connecting from chosen ports. Any port can play the reserved one, but for the right to it."""

import asyncio
import errno
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from hostnfsd.dial.reserved import (
    Destination,
    NoRightError,
    RangeUsedUpError,
    bound,
    connect,
    connect_from,
    resolve,
)
from tests.support.conditions import eventually
from tests.support.host_services import absorb, echo, serving
from tests.support.ports import free_port, free_ports


def to(port: int) -> Destination:
    return Destination(socket.AF_INET, ("127.0.0.1", port))


def source(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as sock:
        yield sock


async def test_the_first_free_port_is_taken() -> None:
    wanted, other = free_ports(2)
    async with serving(echo) as service:
        with closing(await connect_from(to(service.port), [wanted, other])) as sock:
            assert source(sock) == wanted
            assert sock.gettimeout() == 0
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(sock, b"there and back")
            assert await loop.sock_recv(sock, 100) == b"there and back"


async def test_a_port_that_somebody_listens_on_is_passed_over(listener: socket.socket) -> None:
    free = free_port()
    async with serving(absorb) as service:
        ports = [int(listener.getsockname()[1]), free]
        with closing(await connect_from(to(service.port), ports)) as sock:
            assert source(sock) == free


async def test_a_port_that_is_held_without_reuse_is_passed_over() -> None:
    free = free_port()
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        async with serving(absorb) as service:
            ports = [source(held), free]
            with closing(await connect_from(to(service.port), ports)) as sock:
                assert source(sock) == free


async def test_a_connection_that_exists_already_is_passed_over() -> None:
    first, second = free_ports(2)
    async with serving(absorb) as service:
        with (
            closing(await connect_from(to(service.port), [first, second])) as one,
            closing(await connect_from(to(service.port), [first, second])) as two,
        ):
            assert (source(one), source(two)) == (first, second)


async def test_a_port_serves_several_destinations() -> None:
    port = free_port()
    async with serving(absorb) as here, serving(absorb) as there:
        with (
            closing(await connect_from(to(here.port), [port])) as one,
            closing(await connect_from(to(there.port), [port])) as two,
        ):
            assert source(one) == source(two) == port


async def test_a_range_that_is_used_up_says_so_and_harms_nobody() -> None:
    ports = free_ports(3)
    async with serving(absorb) as service:
        with ExitStack() as stack:
            for _ in ports:
                stack.enter_context(closing(await connect_from(to(service.port), ports)))
            with pytest.raises(
                RangeUsedUpError, match=f"no reserved source port is left .* port {service.port}$"
            ):
                await connect_from(to(service.port), ports)
            await eventually(lambda: service.open == 3, "the three to stand")
        await eventually(lambda: service.open == 0, "them to end")


async def test_an_empty_range_is_used_up() -> None:
    with pytest.raises(RangeUsedUpError):
        await connect_from(to(1), [])


async def test_a_refusal_is_told_at_once_and_no_other_port_is_tried() -> None:
    nobody = free_port()
    tried: list[int] = []

    def ports() -> Iterator[int]:
        for port in free_ports(3):
            tried.append(port)
            yield port

    with pytest.raises(ConnectionRefusedError):
        await connect_from(to(nobody), ports())

    assert len(tried) == 1


async def test_the_port_that_is_dialled_is_no_source_port() -> None:
    """From there a socket connects to itself, when nobody listens."""
    nobody, other = free_ports(2)

    with pytest.raises(ConnectionRefusedError):
        await connect_from(to(nobody), [nobody, other])
    with pytest.raises(RangeUsedUpError):
        await connect_from(to(nobody), [nobody])


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
async def test_a_connection_to_itself_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch, family: socket.AddressFamily, address: str
) -> None:
    class Unlucky(socket.socket):
        """The system chooses the very port that is dialled."""

        def connect_ex(self, address: object, /) -> int:
            self.bind(address)  # type: ignore[arg-type]  # passed on as it came
            return super().connect_ex(address)  # type: ignore[arg-type]  # passed on as it came

    nobody = free_port()
    (destination,) = await resolve(address, nobody)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", Unlucky)
        with pytest.raises(ConnectionRefusedError):
            await connect(destination)

    with closing(socket.socket(family)) as service:  # without SO_REUSEADDR, as some services are
        service.bind((address, nobody))
        service.listen()


async def test_a_port_can_be_had_again_after_a_reset() -> None:
    port = free_port()
    async with serving(absorb) as service:
        for _ in range(20):
            sock = await connect_from(to(service.port), [port])
            assert source(sock) == port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader, writer


async def test_a_port_can_be_had_again_when_the_service_closed_first() -> None:
    # Then TIME_WAIT is at the service's end; its listener has SO_REUSEADDR.
    port = free_port()
    async with serving(hang_up) as service:
        for _ in range(3):
            sock = await connect_from(to(service.port), [port, *free_ports(2)])
            assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""
            sock.close()


async def test_cancelling_closes_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    (ours,) = free_ports(1)

    class Noted(socket.socket):
        def bind(self, address: object, /) -> None:
            made.append(self)
            super().bind(address)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(socket, "socket", Noted)
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as full:
        port = int(full.getsockname()[1])
        with ExitStack() as stack:
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", port))))
            made.clear()
            with pytest.raises(TimeoutError):  # the backlog is full: SYNs are dropped
                async with asyncio.timeout(0.2):
                    await connect_from(to(port), [ours])

    assert [sock.fileno() for sock in made] == [-1]


async def test_an_ordinary_connection_has_the_same_options() -> None:
    async with serving(absorb) as service:
        with (
            closing(await connect(to(service.port))) as plain,
            closing(await connect_from(to(service.port), free_ports(1))) as chosen,
        ):
            for sock in (plain, chosen):
                assert sock.gettimeout() == 0
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 10


async def test_it_connects_over_ipv6() -> None:
    port = free_port()
    with closing(socket.create_server(("::1", 0), family=socket.AF_INET6)) as listener:
        (destination,) = await resolve("::1", int(listener.getsockname()[1]))
        with closing(await connect_from(destination, [port])) as sock:
            assert sock.getsockname()[:2] == ("::1", port)


async def test_a_missing_right_is_told_from_a_taken_port(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unprivileged(socket.socket):
        """Below 1024 as for a process without CAP_NET_BIND_SERVICE, whoever runs the tests."""

        def bind(self, _address: object, /) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "socket", Unprivileged)

    with pytest.raises(NoRightError, match="no right to use source ports below 1024"):
        await connect_from(to(1), [1023])


async def test_an_error_that_is_not_about_the_port_is_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(socket.socket):
        def bind(self, _address: object, /) -> None:
            raise OSError(errno.ENOBUFS, "No buffer space available")

    monkeypatch.setattr(socket, "socket", Broken)

    with pytest.raises(OSError, match="No buffer space") as caught:
        bound(socket.AF_INET, 1023)
    assert not isinstance(caught.value, NoRightError)


async def test_a_socket_that_cannot_be_set_up_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []

    class Broken(socket.socket):
        def setblocking(self, _flag: bool, /) -> None:
            made.append(self)
            raise OSError(errno.EINVAL, "not this one")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", Broken)
        with pytest.raises(OSError, match="not this one"):
            await connect(to(1))
    assert [sock.fileno() for sock in made] == [-1]


async def test_numbers_resolve_to_themselves() -> None:
    assert await resolve("127.0.0.1", 2049) == (to(2049),)
    assert await resolve("::1", 111) == (Destination(socket.AF_INET6, ("::1", 111, 0, 0)),)


async def test_a_name_resolves_to_its_addresses() -> None:
    assert to(2049) in await resolve("localhost", 2049)


async def test_a_name_that_nobody_has_does_not_resolve() -> None:
    with pytest.raises(socket.gaierror):
        await resolve("nobody.invalid", 2049)


async def test_the_service_sees_the_port() -> None:
    seen: list[int] = []

    async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[1])
        await absorb(reader, writer)

    port = free_port()
    async with serving(look) as there:
        with closing(await connect_from(to(there.port), [port])):
            await eventually(lambda: seen == [port], "the service to see it")
