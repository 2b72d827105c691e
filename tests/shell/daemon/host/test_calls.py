"""One question to a service of the host, and every way it can end."""

import socket

import pytest

from hostnfsd.daemon.host import calls as host_calls
from hostnfsd.daemon.host.calls import RpcbindSilentError, dump, meet
from hostnfsd.dial.sources import Sources
from hostnfsd.server.finding import Reached
from hostnfsd.services import Service
from hostnfsd.sunrpc.rpc import AuthStat
from tests.support.host_services import absorb, echo, serving
from tests.support.nfs_host import NfsHost, nfs_host
from tests.support.ports import LOOPBACK, connected, free_port

AMPLE_S = 10.0


async def met(
    host: NfsHost, service: Service, versions: tuple[int, ...] = (), *, learn: bool = False
) -> host_calls.Met:
    sock = await connected(host.port(service))
    return await meet(sock, service, versions, AMPLE_S, learn=learn)


async def test_a_service_that_answers_is_asked_once() -> None:
    async with nfs_host(Service.NFS) as host:
        found = await met(host, Service.NFS, (3,))

        assert (found.reading.reached, found.versions) == (Reached.ANSWERED, ())
        assert host.count(Service.NFS, 0) == 1


@pytest.mark.parametrize(
    ("service", "versions"),
    [
        (Service.NFS, (4,)),
        (Service.NFS, (2, 3)),
        (Service.MOUNTD, (1, 2, 3)),
        (Service.MOUNTD, (1,)),
    ],
)
async def test_versions_are_learned_from_the_service(
    service: Service, versions: tuple[int, ...]
) -> None:
    async with nfs_host(service) as host:
        host.manners[service].versions = versions
        found = await met(host, service, learn=True)

        assert (found.reading.reached, found.versions) == (Reached.ANSWERED, versions)


async def test_versions_that_are_wrong_are_learned_anew() -> None:
    async with nfs_host(Service.NFS) as host:
        host.manners[Service.NFS].versions = (4,)
        found = await met(host, Service.NFS, (2, 3))

        assert (found.reading.reached, found.versions) == (Reached.ANSWERED, (4,))


async def test_versions_nobody_mounts_with_are_no_answer() -> None:
    async with nfs_host(Service.NFS) as host:
        host.manners[Service.NFS].versions = (7, 8)
        found = await met(host, Service.NFS, learn=True)

        assert found.reading.reached is Reached.FOREIGN
        assert "7 to 8" in str(found.reading.text)


async def test_another_program_is_foreign() -> None:
    async with nfs_host(Service.MOUNTD) as host:
        sock = await connected(host.port(Service.MOUNTD))
        found = await meet(sock, Service.NFS, (), AMPLE_S)

        assert found.reading.reached is Reached.FOREIGN


async def test_what_speaks_no_rpc_is_foreign() -> None:
    async with serving(echo) as service:
        found = await meet(await connected(service.port), Service.NFS, (), AMPLE_S)

        assert found.reading.reached is Reached.FOREIGN


async def test_silence_has_a_deadline() -> None:
    async with serving(absorb) as service:
        found = await meet(await connected(service.port), Service.NFS, (), 0.1)

        assert found.reading.reached is Reached.SILENT
        assert "0.1 s" in str(found.reading.text)


async def test_hanging_up_and_denying_are_told_apart() -> None:
    async with nfs_host(Service.NFS) as host:
        host.manners[Service.NFS].hangs_up = 1
        hung_up = await met(host, Service.NFS)
        host.manners[Service.NFS].denies = AuthStat.AUTH_TOOWEAK
        denied = await met(host, Service.NFS)

    assert hung_up.reading.reached is Reached.HUNG_UP
    assert LOOPBACK in str(hung_up.reading.hint)
    assert denied.reading.reached is Reached.DENIED


async def test_a_hang_up_while_learning_does_not_undo_the_answer() -> None:
    async with nfs_host(Service.NFS) as host:
        host.manners[Service.NFS].offended = True
        found = await met(host, Service.NFS, learn=True)

        assert (found.reading.reached, found.versions) == (Reached.ANSWERED, (3,))


async def test_rpcbinds_table_is_read() -> None:
    async with nfs_host(Service.NFS, Service.MOUNTD) as host:
        rows = await dump(Sources("never"), LOOPBACK, host.port(Service.RPCBIND), AMPLE_S)

        assert rows == tuple(host.rows)


async def test_rpcbind_that_does_not_speak_version_2_is_asked_in_version_3() -> None:
    """As over IPv6."""
    async with nfs_host(Service.NFS) as host:
        host.manners[Service.RPCBIND].versions = (3, 4)
        rows = await dump(Sources("never"), LOOPBACK, host.port(Service.RPCBIND), AMPLE_S)

        assert rows == tuple(host.rows)


async def test_rpcbind_that_is_away_silent_or_somebody_else() -> None:
    sources = Sources("never")
    with pytest.raises(RpcbindSilentError, match="refused"):
        await dump(sources, LOOPBACK, free_port(), AMPLE_S)
    async with serving(absorb) as service:
        with pytest.raises(RpcbindSilentError, match="did not answer"):
            await dump(sources, LOOPBACK, service.port, 0.1)
    async with serving(echo) as service:
        with pytest.raises(RpcbindSilentError, match="call"):
            await dump(sources, LOOPBACK, service.port, AMPLE_S)


def test_what_a_dial_that_failed_says() -> None:
    assert host_calls.unreached(TimeoutError(), 1.0).reached is Reached.SILENT
    refused = host_calls.unreached(ConnectionRefusedError(111, "x"), 1.0)
    assert (refused.reached, refused.text) == (Reached.DOWN, "connection refused")
    assert host_calls.unreached(socket.gaierror(-2, "no such name"), 1.0).text == "no such name"
