"""A host's rpcbind, nfs and mountd on loopback, which say what a test wants them to say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hostnfsd.services import FACTS, Service
from hostnfsd.sunrpc import mount, nfs, portmap, record, rpc, rpcbind
from hostnfsd.sunrpc.record import RecordReader
from hostnfsd.sunrpc.rpc import AcceptStat, AuthError, AuthStat, Failure, ProgramMismatch, Success
from hostnfsd.sunrpc.xdr import Encodable, decode, encode
from tests.support.host_services import HostService
from tests.support.ports import LOOPBACK

_HANDLE = b"root" * 8
_TIME = nfs.Time(0, 0)
_ATTRIBUTES = nfs.Attributes(2, 0o755, 2, 0, 0, 0, 0, (0, 0), 1, 2, _TIME, _TIME, _TIME)
_FACTS = nfs.FileSystem((65536,) * 3, (65536,) * 3, 4096, 2**63 - 1, _TIME, 0)

Answer = rpc.Accepted | rpc.Denied


@dataclass(slots=True)
class Manner:
    """How one service behaves.

    Attributes:
        versions: it has.
        hangs_up: close instead of answering; so many times, then answer.
        silent: never answer.
        offended: close instead of saying which versions there are.
        denies: answer every call, or those of these procedures, with this AUTH_ERROR.
        denied: the procedures; empty: all.
    """

    versions: tuple[int, ...]
    hangs_up: int = 0
    silent: bool = False
    offended: bool = False
    denies: AuthStat | None = None
    denied: frozenset[int] = frozenset()


class NfsHost:
    """The host.

    Attributes:
        rows: of rpcbind's table.
        manners: of nfs and mountd.
        exports: what mountd exports, with the status that MNT gives for it.
        hanging: exports for which MNT is never answered.
        mounts: rows of mountd's table.
        keeps_rows: whether MNT adds one.
        looks: status of FSINFO and GETATTR by procedure.
        root_reads, root_writes: whether ACCESS lets a client's root list and enter; and write.
        calls: made so far: service and procedure.
    """

    def __init__(self) -> None:
        self.rows: list[portmap.Mapping] = []
        self.manners = {
            Service.RPCBIND: Manner((2,)),
            Service.NFS: Manner((3, 4)),
            Service.MOUNTD: Manner((1, 3)),
        }
        self.exports: dict[str, int] = {"/export": mount.Status.OK}
        self.hanging: frozenset[str] = frozenset()
        self.mounts: list[mount.Mount] = []
        self.keeps_rows = True
        self.looks: dict[int, int] = {}
        self.root_reads = self.root_writes = True
        self.calls: list[tuple[Service, int]] = []
        self.services: dict[Service, HostService] = {}

    def port(self, service: Service) -> int:
        return self.services[service].port

    def count(self, service: Service, procedure: int) -> int:
        """How often a procedure was called."""
        return self.calls.count((service, procedure))

    def register(self, *services: Service) -> None:
        """Let rpcbind's table say where these services are now, and of no other."""
        self.rows = [
            portmap.Mapping(
                FACTS[service].program, version, portmap.Protocol.TCP, self.port(service)
            )
            for service in services
            for version in self.manners[service].versions
        ]

    async def start(self, service: Service) -> None:
        """Start a service, at a new port if it ran before."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(service, reader, writer)

        self.services[service] = made = HostService(serve)
        await made.start()

    async def move(self, service: Service) -> None:
        """Let a service go on at another port."""
        old = self.services[service]
        await self.start(service)
        await old.stop()

    async def _serve(
        self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        records = RecordReader(65536)
        manner = self.manners[service]
        while data := await reader.read(65536):
            for each in records.feed(data):
                call = rpc.decode_message(each)
                assert isinstance(call, rpc.Call)
                self.calls.append((service, call.procedure))
                if manner.offended and call.version not in manner.versions:
                    return
                if manner.hangs_up:
                    manner.hangs_up -= 1
                    return
                if not manner.silent and not self._hangs(service, call):
                    writer.write(record.encode(encode(self._answer(service, manner, call))))
            await writer.drain()

    def _hangs(self, service: Service, call: rpc.Call) -> bool:
        mounting = (service, call.procedure) == (Service.MOUNTD, mount.Procedure.MNT)
        return mounting and decode(mount.Path, call.arguments).text in self.hanging

    def _answer(self, service: Service, manner: Manner, call: rpc.Call) -> Answer:
        if manner.denies is not None and (not manner.denied or call.procedure in manner.denied):
            return rpc.Denied(call.xid, AuthError(manner.denies))
        if call.program != FACTS[service].program:
            return rpc.Accepted(call.xid, Failure(AcceptStat.PROG_UNAVAIL))
        if call.version not in manner.versions:
            low, high = min(manner.versions), max(manner.versions)
            return rpc.Accepted(call.xid, ProgramMismatch(low, high))
        if call.procedure == 0:
            return rpc.Accepted(call.xid)
        result = {
            Service.RPCBIND: self._rpcbind,
            Service.MOUNTD: self._mountd,
            Service.NFS: self._nfs,
        }[service](call)
        return rpc.Accepted(call.xid, Success(encode(result)))

    def _rpcbind(self, call: rpc.Call) -> Encodable:
        assert call.procedure == portmap.Procedure.DUMP  # that of rpcbind has the same number
        if call.version == portmap.VERSION:
            return portmap.Mappings(tuple(self.rows))
        return rpcbind.Bindings(
            tuple(
                rpcbind.Binding(row.program, row.version, "tcp6", rpcbind.uaddr("::", row.port))
                for row in self.rows
            )
        )

    def _mountd(self, call: rpc.Call) -> Encodable:
        match call.procedure:
            case mount.Procedure.EXPORT:
                return mount.Exports(tuple(mount.Export(path) for path in self.exports))
            case mount.Procedure.DUMP:
                return mount.Mounts(tuple(self.mounts))
            case mount.Procedure.MNT:
                return self._mnt(call)
            case mount.Procedure.UMNT:
                path = decode(mount.Path, call.arguments).text
                self.mounts = [row for row in self.mounts if row.path != path]
                return _Void()
            case _:
                raise AssertionError(call)

    def _mnt(self, call: rpc.Call) -> Encodable:
        path = decode(mount.Path, call.arguments).text
        status = self.exports.get(path, mount.Status.NOENT)
        row = mount.Mount(LOOPBACK, path)
        if status == mount.Status.OK and self.keeps_rows and row not in self.mounts:
            self.mounts.append(row)
        handle = _HANDLE if status == mount.Status.OK else b""
        if call.version == 1:
            return mount.MountedV1(status, handle)
        return mount.MountedV3(status, handle, (1,) if handle else ())

    def _nfs(self, call: rpc.Call) -> Encodable:
        if call.procedure == nfs.Procedure3.ACCESS:
            asked = decode(nfs.AccessArguments, call.arguments)
            assert asked.handle == _HANDLE
            assert rpc.AuthSys.of(call.credential).uid == 0
            reading = nfs.Access.READ | nfs.Access.LOOKUP
            writing = asked.wanted & ~reading
            granted = (reading if self.root_reads else nfs.Access(0)) | (
                writing if self.root_writes else nfs.Access(0)
            )
            return nfs.AccessResult(nfs.Status.OK, None, granted)
        assert decode(nfs.Handle, call.arguments).handle == _HANDLE
        status = self.looks.get(call.procedure, nfs.Status.OK)
        good = status == nfs.Status.OK
        if call.procedure == nfs.Procedure3.FSINFO:
            return nfs.FsinfoResult(status, None, _FACTS if good else None)
        assert call.procedure == nfs.Procedure3.GETATTR
        return nfs.GetattrResult(status, _ATTRIBUTES if good else None)


@dataclass(frozen=True, slots=True)
class _Void:
    """No results."""

    nothing: None = field(default=None)

    def write(self, _writer: object) -> None:
        """Nothing."""


@asynccontextmanager
async def nfs_host(*services: Service) -> AsyncIterator[NfsHost]:
    """A host whose services run and are registered, rpcbind among them."""
    host = NfsHost()
    for service in (Service.RPCBIND, *services):
        await host.start(service)
    host.register(*services)
    try:
        yield host
    finally:
        for running in host.services.values():
            await running.stop()
