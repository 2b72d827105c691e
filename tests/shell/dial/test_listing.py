"""What a server says that it exports, over sockets of loopback."""

import asyncio
from collections.abc import Mapping

import pytest

from hostnfsd.dial.listing import NotListedError, listing
from hostnfsd.services import Service
from hostnfsd.sunrpc import mount, record, rpc
from hostnfsd.sunrpc.record import RecordReader
from hostnfsd.sunrpc.rpc import AuthStat, Success
from hostnfsd.sunrpc.xdr import encode
from tests.support.host_services import HostService
from tests.support.nfs_host import NfsHost, nfs_host
from tests.support.ports import LOOPBACK, free_port

#: A deadline that no test waits for.
AMPLE_S = 20.0


async def listed(host: NfsHost, within_s: float = AMPLE_S) -> Mapping[str, tuple[str, ...]]:
    return await listing(LOOPBACK, None, host.port(Service.RPCBIND), within_s=within_s)


@pytest.mark.parametrize("rpcbind", [(2,), (3,), (2, 3)])
@pytest.mark.parametrize("mountd", [(1,), (3,), (1, 3)])
async def test_the_server_is_found_in_whatever_versions_it_speaks(
    rpcbind: tuple[int, ...], mountd: tuple[int, ...]
) -> None:
    async with nfs_host(Service.MOUNTD) as host:
        host.manners[Service.RPCBIND].versions = rpcbind
        host.manners[Service.MOUNTD].versions = mountd
        host.register(Service.MOUNTD)
        host.exports = {"/srv/a": 0, "/srv/b": 13}

        assert await listed(host) == {"/srv/a": (), "/srv/b": ()}
        # Nothing was mounted for it.
        assert host.count(Service.MOUNTD, mount.Procedure.MNT) == 0


async def test_a_port_that_is_known_is_not_asked_for() -> None:
    async with nfs_host(Service.MOUNTD) as host:
        port = host.port(Service.MOUNTD)

        assert await listing(LOOPBACK, port, free_port(), within_s=AMPLE_S) == {"/export": ()}
        assert await listing("localhost", port, free_port(), within_s=AMPLE_S) == {"/export": ()}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("/a", ["two", "10.0.0.0/8"])], {"/a": ("two", "10.0.0.0/8")}),
        ([("/a", ["two"]), ("/a", ["three"])], {"/a": ("two", "three")}),
        ([("/a", ["two"]), ("/a", [])], {"/a": ()}),
        ([("/a", []), ("/a", ["two"])], {"/a": ()}),
        ([], {}),
    ],
)
async def test_rows_of_one_path_are_one(
    rows: list[tuple[str, list[str]]], expected: dict[str, tuple[str, ...]]
) -> None:
    groups = [mount.Export(path, tuple(map(mount.Group, names))) for path, names in rows]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        records = RecordReader(65536)
        while data := await reader.read(65536):
            for each in records.feed(data):
                call = rpc.decode_message(each)
                assert isinstance(call, rpc.Call)
                result = encode(mount.Exports(tuple(groups)))
                writer.write(record.encode(encode(rpc.Accepted(call.xid, Success(result)))))
            await writer.drain()

    service = HostService(serve)
    await service.start()
    try:
        found = await listing(LOOPBACK, service.port, free_port(), within_s=AMPLE_S)
    finally:
        await service.stop()
    assert found == expected


async def failure(host: NfsHost, within_s: float = AMPLE_S) -> str:
    with pytest.raises(NotListedError) as caught:
        await listed(host, within_s)
    return str(caught.value)


async def test_what_stands_in_the_way_is_told() -> None:
    async with nfs_host(Service.MOUNTD) as host:
        rpcbind = f"rpcbind at {LOOPBACK} port {host.port(Service.RPCBIND)}"
        mountd = f"mountd at {LOOPBACK} port {host.port(Service.MOUNTD)}"
        manner = host.manners[Service.MOUNTD]

        manner.denies = AuthStat.AUTH_TOOWEAK
        assert await failure(host) == f"{mountd} refused the call: AUTH_ERROR, AUTH_TOOWEAK"
        manner.denies = None
        manner.hangs_up = 1
        assert await failure(host) == f"{mountd} closed the connection without an answer"
        manner.silent = True
        assert await failure(host, 0.05) == f"{mountd} did not answer within 0.05 s"
        host.register()
        assert await failure(host) == f"{rpcbind} knows no mountd: no NFS server runs there"


async def test_a_host_where_nothing_runs() -> None:
    port = free_port()
    with pytest.raises(NotListedError, match="refuses connections: no NFS server runs there"):
        await listing(LOOPBACK, None, port, within_s=AMPLE_S)
    with pytest.raises(NotListedError, match="was not reached"):
        await listing("255.255.255.255", None, port, within_s=AMPLE_S)
