"""The kernel's word that the network changed. That it comes is shown on the test bed."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from hostnfsd.daemon import network
from hostnfsd.daemon.network import is_change, open_socket, watch
from tests.support.conditions import eventually, never

SPACING_S = 0.05


@asynccontextmanager
async def watched(
    monkeypatch: pytest.MonkeyPatch, told: list[float]
) -> AsyncIterator[socket.socket]:
    """A watch whose kernel is the other end of a pair."""
    ours, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    monkeypatch.setattr(network, "open_socket", lambda: ours)
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(watch(lambda: told.append(loop.time()), SPACING_S))
    await asyncio.sleep(0)
    with kernel:
        yield kernel
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert ours.fileno() == -1


async def test_a_change_is_told_at_once_and_once_more_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[float] = []
    async with watched(monkeypatch, told) as kernel:
        kernel.send(b"an address")
        await eventually(lambda: told, "it to be told")
        await eventually(lambda: len(told) == 2, "its end")
        await never(lambda: len(told) > 2, "told again", for_s=3 * SPACING_S)


async def test_a_burst_is_told_no_more_often_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    async with watched(monkeypatch, told) as kernel:
        for _ in range(100):
            kernel.send(b"a route")
            await asyncio.sleep(0.002)
        await never(lambda: False, "", for_s=3 * SPACING_S)
    assert len(told) >= 3
    assert all(later - earlier > SPACING_S * 0.8 for earlier, later in pairwise(told))


async def test_a_system_that_tells_nothing_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "open_socket", lambda: None)

    await watch(lambda: None)


def test_this_kernel_tells() -> None:
    sock = open_socket()
    assert sock is not None
    assert sock.getblocking() is False
    sock.close()


@pytest.mark.parametrize("kind", [0xC, 0xD, 0xE])
def test_on_macos_addresses_and_links_matter(kind: int) -> None:
    assert is_change(struct.pack("=HBB", 92, 5, kind) + bytes(88))


@pytest.mark.parametrize("message", [b"", b"\x5c", struct.pack("=HBB", 92, 5, 1) + bytes(88)])
def test_and_routes_to_neighbours_do_not(message: bytes) -> None:
    assert not is_change(message)
