"""Gateways for the daemon's tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.gateway_stand_in import GatewayStandIn, gateway_stand_in
from tests.support.relaying import Rig, rig
from tests.support.sshd import Sshd


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayStandIn]:
    """A gateway inside this process: every byte and answer of it is the test's to decide."""
    async with gateway_stand_in(tmp_path / "gateway") as stand_in:
        yield stand_in


@pytest.fixture
async def relays(gateway: GatewayStandIn) -> AsyncIterator[Rig]:
    """A session with it."""
    async with rig(gateway) as made:
        yield made


@pytest.fixture(scope="session")
def shared_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One real sshd for all tests that leave it as it is."""
    sshd = Sshd(tmp_path_factory.mktemp("sshd"))
    try:
        yield sshd.start()
    finally:
        sshd.stop()


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A real sshd of this test's own, not started yet."""
    sshd = Sshd(tmp_path / "sshd")
    try:
        yield sshd
    finally:
        sshd.stop()
