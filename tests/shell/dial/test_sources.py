"""The policy. High ports play the reserved ones, so that no right is needed to test it."""

import asyncio
import errno
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from structlog.testing import capture_logs

from hostnfsd.dial import reserved
from hostnfsd.dial.reserved import Destination, RangeUsedUpError
from hostnfsd.dial.sources import REST_S, TOLD_S, Mode, Sources
from hostnfsd.services import Service
from tests.support.host_services import absorb, serving
from tests.support.ports import free_port, free_ports

LOOPBACK = "127.0.0.1"
AMPLE_S = 20.0


class Range:
    """The reserved ports of a test, all free at first."""

    def __init__(self, count: int) -> None:
        self.ports = free_ports(count)
        self.units: list[float] = []

    def __call__(self, unit: float) -> list[int]:
        self.units.append(unit)
        return self.ports

    def __contains__(self, sock: socket.socket) -> bool:
        return sock.getsockname()[1] in self.ports


def sources(mode: Mode, ports: Range) -> Sources:
    return Sources(mode, unit_random=lambda: 0.25, source_ports=ports)


RESERVED: dict[Mode, set[Service]] = {
    "auto": {Service.MOUNTD, Service.NFS},
    "always": set(Service),
    "never": set(),
}


@pytest.mark.parametrize("service", Service)
@pytest.mark.parametrize("mode", RESERVED)
async def test_each_service_gets_the_port_it_wants(mode: Mode, service: Service) -> None:
    ports = Range(2)
    dialler = sources(mode, ports)
    async with serving(absorb) as there:
        sock = await dialler.connect(service, LOOPBACK, there.port, within_s=AMPLE_S)
        with closing(sock):
            assert (sock in ports) == (service in RESERVED[mode])
            assert dialler.wants_reserved(service) == (service in RESERVED[mode])
    assert set(ports.units) <= {0.25}
    assert not any(dialler.fallbacks.values())


async def used_up(stack: ExitStack, dialler: Sources, ports: Range, port: int) -> None:
    for _ in ports.ports:
        sock = await dialler.connect(Service.MOUNTD, LOOPBACK, port, within_s=AMPLE_S)
        assert sock in ports
        stack.enter_context(closing(sock))


async def test_with_none_left_nfs_falls_back_and_is_counted() -> None:
    ports = Range(2)
    dialler = sources("auto", ports)
    async with serving(absorb) as there:
        with ExitStack() as stack:
            await used_up(stack, dialler, ports, there.port)
            for count in (1, 2):
                sock = await dialler.connect(Service.NFS, LOOPBACK, there.port, within_s=AMPLE_S)
                stack.enter_context(closing(sock))
                assert sock not in ports
                assert dialler.fallbacks[Service.NFS] == count


@pytest.mark.parametrize(
    ("mode", "service"),
    [("auto", Service.MOUNTD), ("always", Service.NFS), ("always", Service.RPCBIND)],
)
async def test_with_none_left_who_needs_one_is_told(mode: Mode, service: Service) -> None:
    ports = Range(2)
    dialler = sources(mode, ports)
    async with serving(absorb) as there:
        with ExitStack() as stack:
            await used_up(stack, dialler, ports, there.port)
            with pytest.raises(RangeUsedUpError):
                await dialler.connect(service, LOOPBACK, there.port, within_s=AMPLE_S)
            # Towards another service they are free.
            async with serving(absorb) as other:
                sock = await dialler.connect(service, LOOPBACK, other.port, within_s=AMPLE_S)
                with closing(sock):
                    assert sock in ports
    assert not any(dialler.fallbacks.values())


async def test_that_none_is_left_is_told_while_it_lasts() -> None:
    ports = Range(2)
    now = 1000.0
    dialler = Sources("auto", unit_random=lambda: 0.25, source_ports=ports, clock=lambda: now)
    async with serving(absorb) as there:
        with ExitStack() as stack:
            await used_up(stack, dialler, ports, there.port)
            assert dialler.advice() == ()
            with pytest.raises(RangeUsedUpError):
                await dialler.connect(Service.MOUNTD, LOOPBACK, there.port, within_s=AMPLE_S)
            (advice,) = dialler.advice()
            assert advice.text.startswith(
                f"no reserved source port is left towards {LOOPBACK} port {there.port}: "
            )
            assert 'host.reserved_source_port = "never"' in advice.hint
            now += TOLD_S - 1
            (await dialler.connect(Service.NFS, LOOPBACK, there.port, within_s=AMPLE_S)).close()
            now += TOLD_S - 1
            assert dialler.advice() == (advice,)
            now += 1
            assert dialler.advice() == ()


async def test_a_search_in_vain_is_not_repeated_at_once() -> None:
    ports = Range(2)
    now = 1000.0
    dialler = Sources("auto", unit_random=lambda: 0.25, source_ports=ports, clock=lambda: now)
    async with serving(absorb) as there, serving(absorb) as other:
        with ExitStack() as stack:
            await used_up(stack, dialler, ports, there.port)
            ports.units.clear()

            async def fall_back() -> None:
                sock = await dialler.connect(Service.NFS, LOOPBACK, there.port, within_s=AMPLE_S)
                stack.enter_context(closing(sock))
                assert sock not in ports

            await fall_back()
            assert len(ports.units) == 1
            now += REST_S / 2
            await fall_back()
            with pytest.raises(RangeUsedUpError):
                await dialler.connect(Service.MOUNTD, LOOPBACK, there.port, within_s=AMPLE_S)
            assert len(ports.units) == 1
            # Nobody else has to wait for that.
            sock = await dialler.connect(Service.NFS, LOOPBACK, other.port, within_s=AMPLE_S)
            with closing(sock):
                assert sock in ports
            assert len(ports.units) == 2
            now += REST_S
            await fall_back()
            assert len(ports.units) == 3
    assert dialler.fallbacks == {Service.NFS: 3}


async def test_a_port_given_back_is_used_again() -> None:
    ports = Range(1)
    dialler = sources("auto", ports)
    async with serving(absorb) as there:
        for _ in range(5):
            sock = await dialler.connect(Service.MOUNTD, LOOPBACK, there.port, within_s=AMPLE_S)
            assert sock in ports
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()


@pytest.fixture
def no_right(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ports that a test calls reserved are so for this process."""

    class Unprivileged(socket.socket):
        def bind(self, address: Any, /) -> None:
            if address[1] != 0:
                raise PermissionError(errno.EACCES, "Permission denied")
            super().bind(address)

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", Unprivileged)
        yield


@pytest.mark.usefixtures("no_right")
async def test_without_the_right_ordinary_ports_are_used_and_one_warning_tells() -> None:
    dialler = sources("auto", Range(2))
    async with serving(absorb) as there:
        with capture_logs() as logs:
            dialler.apply("auto")
            for service in (Service.NFS, Service.MOUNTD, Service.MOUNTD):
                sock = await dialler.connect(service, LOOPBACK, there.port, within_s=AMPLE_S)
                sock.close()
    (warning,) = logs
    assert warning["event"] == "no_reserved_ports"
    assert warning["log_level"] == "warning"
    for cure in ("AmbientCapabilities=CAP_NET_BIND_SERVICE", "insecure", "require_resv_port = 0"):
        assert cure in warning["hint"]
    assert not any(dialler.fallbacks.values())
    (advice,) = dialler.advice()
    assert advice.text == (
        "no right to source ports below 1024: the host is dialled from ordinary ones; exports that"
        " want reserved ones refuse"
    )
    assert advice.text == warning["error"]
    assert advice.hint == warning["hint"]


@pytest.mark.usefixtures("no_right")
async def test_a_right_that_is_lost_later_is_found_out_by_the_next_dial() -> None:
    dialler = sources("always", Range(1))
    async with serving(absorb) as there:
        with capture_logs() as logs:
            for _ in range(2):
                sock = await dialler.connect(Service.STATUS, LOOPBACK, there.port, within_s=AMPLE_S)
                sock.close()
    assert [log["event"] for log in logs] == ["no_reserved_ports"]
    assert len(dialler.advice()) == 1


@pytest.mark.usefixtures("no_right")
def test_each_reload_tells_again_unless_nothing_is_wanted() -> None:
    dialler = sources("auto", Range(1))
    with capture_logs() as logs:
        dialler.apply("auto")
        dialler.apply("always")
        dialler.apply("never")
    assert [log["event"] for log in logs] == ["no_reserved_ports"] * 2
    assert dialler.advice() == ()


def test_with_the_right_nothing_is_told() -> None:
    dialler = sources("auto", Range(1))
    with capture_logs() as logs:
        dialler.apply("always")
    assert logs == []
    assert dialler.advice() == ()


def test_a_range_in_use_says_nothing_about_the_right() -> None:
    ports = Range(1)
    with closing(socket.create_server((LOOPBACK, ports.ports[0]))), capture_logs() as logs:
        dialler = sources("auto", ports)
        dialler.apply("auto")
    assert logs == []
    assert dialler.advice() == ()


def test_the_trial_gives_its_port_back() -> None:
    ports = Range(1)
    sources("auto", ports).apply("auto")
    with closing(socket.create_server((LOOPBACK, ports.ports[0]), reuse_port=False)):
        pass


def test_a_trial_that_cannot_be_made_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    class WithoutIpv4(socket.socket):
        def bind(self, _address: object, /) -> None:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported")

    dialler = sources("auto", Range(1))
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(socket, "socket", WithoutIpv4)
        dialler.apply("auto")
    assert [log["log_level"] for log in logs] == ["debug"]
    assert dialler.advice() == ()


async def test_a_reload_changes_new_connections() -> None:
    ports = Range(3)
    dialler = sources("never", ports)
    async with serving(absorb) as there:
        before = await dialler.connect(Service.NFS, LOOPBACK, there.port, within_s=AMPLE_S)
        dialler.apply("auto")
        after = await dialler.connect(Service.NFS, LOOPBACK, there.port, within_s=AMPLE_S)
        with closing(before), closing(after):
            assert before not in ports
            assert after in ports


async def test_every_address_of_a_name_is_tried() -> None:
    async with serving(absorb) as there:  # on 127.0.0.1 only; localhost may be ::1 first
        sock = await sources("auto", Range(2)).connect(
            Service.NFS, "localhost", there.port, within_s=AMPLE_S
        )
        sock.close()


@pytest.fixture
def full() -> Iterator[int]:
    """A port of 127.0.0.2 that swallows what it is sent; the same of 127.0.0.1 is free."""
    with ExitStack() as stack:
        listener = stack.enter_context(closing(socket.create_server(("127.0.0.2", 0), backlog=0)))
        port = int(listener.getsockname()[1])
        stack.enter_context(closing(socket.create_connection(("127.0.0.2", port))))
        yield port


def two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any name have 127.0.0.2 and 127.0.0.1."""

    async def resolve(_address: str, port: int) -> tuple[Destination, ...]:
        return tuple(Destination(socket.AF_INET, (ip, port)) for ip in ("127.0.0.2", LOOPBACK))

    monkeypatch.setattr(reserved, "resolve", resolve)


@pytest.mark.parametrize("mode", ["auto", "never"])
async def test_an_address_that_swallows_all_leaves_time_for_the_next(
    monkeypatch: pytest.MonkeyPatch, full: int, mode: Mode
) -> None:
    two_addresses(monkeypatch)
    dialler = sources(mode, Range(3))
    with closing(socket.create_server((LOOPBACK, full))):
        with closing(await dialler.connect(Service.NFS, "name", full, within_s=1.0)) as sock:
            assert sock.getpeername() == (LOOPBACK, full)
        # The next connection need not find that out again.
        async with asyncio.timeout(0.4):
            (await dialler.connect(Service.NFS, "name", full, within_s=1.0)).close()


async def test_a_range_used_up_towards_one_address_leaves_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two_addresses(monkeypatch)
    ports = Range(1)
    dialler = sources("always", ports)
    async with serving(absorb) as there:
        with (
            closing(socket.create_server(("127.0.0.2", there.port))),
            closing(await dialler.connect(Service.NFS, "name", there.port, within_s=1.0)) as one,
            closing(await dialler.connect(Service.NFS, "name", there.port, within_s=1.0)) as two,
        ):
            assert {one.getpeername()[0], two.getpeername()[0]} == {"127.0.0.2", LOOPBACK}
            with pytest.raises(RangeUsedUpError):
                await dialler.connect(Service.NFS, "name", there.port, within_s=1.0)


async def test_a_refusal_is_the_callers() -> None:
    for mode in RESERVED:
        with pytest.raises(ConnectionRefusedError):
            await sources(mode, Range(2)).connect(
                Service.NFS, LOOPBACK, free_port(), within_s=AMPLE_S
            )


@pytest.mark.parametrize("mode", ["auto", "never"])
async def test_who_does_not_accept_gets_its_time_and_no_more(mode: Mode) -> None:
    with (
        closing(socket.create_server((LOOPBACK, 0), backlog=0)) as full,
        closing(socket.create_connection(full.getsockname())),
        pytest.raises(TimeoutError),
    ):
        await sources(mode, Range(1)).connect(
            Service.NFS, LOOPBACK, int(full.getsockname()[1]), within_s=0.2
        )


async def test_a_name_without_a_usable_address_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])

    with pytest.raises(OSError, match=r"^nowhere has no address that can be dialled$"):
        await sources("auto", Range(1)).connect(Service.NFS, "nowhere", 1, within_s=AMPLE_S)
