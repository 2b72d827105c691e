"""Mounts an export as a client does, looks at its root, and gives it back."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Final, TypeVar

from hostnfsd.daemon.host.calls import first_xid
from hostnfsd.dial import caller
from hostnfsd.dial.caller import Caller, CallError
from hostnfsd.server import mounting
from hostnfsd.server.finding import Denial, MountFinding
from hostnfsd.server.versions import to_try
from hostnfsd.services import FACTS, Service
from hostnfsd.sunrpc import mount, nfs, rpc, xdr

#: Seconds after which a connection that was closed before an answer is tried once more: a server
#: that is just being restarted closes its connections, too.
_AGAIN_AFTER_S: Final = 0.5
_MOUNT_3: Final = 3
#: Bytes of mountd's longest reply: EXPORT of tens of thousands of exports, or DUMP.
_MAX_REPLY: Final = 16 * 1024 * 1024
#: Bytes of an export in a reply, about.
_ROW: Final = 100
#: Bytes that are decoded at once; more would keep connections waiting, and goes to a thread.
_AT_ONCE: Final = 64 * 1024
#: Exports that may keep us waiting for ``within_s`` in one attempt: on a disk that is asleep or
#: gone, say; and seconds until such a one is tried again.
_MOST_LATE: Final = 2
_LATE_S: Final = 300.0

_LOOKS: Final[tuple[tuple[nfs.Procedure3, type[nfs.FsinfoResult | nfs.GetattrResult]], ...]] = (
    (nfs.Procedure3.FSINFO, nfs.FsinfoResult),
    (nfs.Procedure3.GETATTR, nfs.GetattrResult),
)

Dial = Callable[[Service], Awaitable[socket.socket]]
R = TypeVar("R", bound=xdr.Decodable)
T = TypeVar("T")


class UndecidedError(Exception):
    """A service is down, silent, or not understood: nothing can be said about mounting.

    Attributes:
        unreached: whether no connection could be made.
        late: whether an answer did not come in time.
        more: whether there are exports that were not tried yet.
    """

    def __init__(
        self, text: str, *, unreached: bool = False, late: bool = False, more: bool = False
    ) -> None:
        super().__init__(text)
        self.unreached = unreached
        self.late = late
        self.more = more


@dataclass(slots=True)
class Round:
    """What is known of the exports, from one attempt to the next, until there is a verdict.

    Attributes:
        tried: status of MNT, by path.
        not_looked_at: why the first root that could be mounted could not be looked at.
        late: when MNT of a path was not answered in time.
    """

    tried: dict[str, int] = field(default_factory=dict)
    not_looked_at: Denial | None = None
    late: dict[str, float] = field(default_factory=dict)

    def begin(self) -> None:
        """Try all again; what was late stays so."""
        self.tried.clear()
        self.not_looked_at = None


class DeniedError(Exception):
    """A service does not let us in."""

    def __init__(self, service: Service, denial: Denial, *, hung_up: bool = False) -> None:
        super().__init__(denial.text)
        self.service = service
        self.denial = denial
        self.hung_up = hung_up


@dataclass(slots=True)
class _Line:
    """A connection to a service, and the address that the service sees."""

    service: Service
    calls: Caller
    ours: str


class MountTrial:
    """One attempt.

    Args:
        dial: connects to a service as clients' connections are; raises OSError.
        user: whom the calls are for.
        versions: of mountd and of nfs; empty: not known.
        last: the export that could be mounted last time.
        tried: what attempts before this one found out; noted further.
        within_s: seconds each call may take.
        listed: told what the server exports, as it lists it.
    """

    def __init__(
        self,
        *,
        dial: Dial,
        user: rpc.AuthSys,
        versions: Callable[[Service], tuple[int, ...]],
        last: str | None,
        tried: Round,
        within_s: float,
        listed: Callable[[Sequence[mount.Export]], None] = lambda _rows: None,
    ) -> None:
        self._dial = dial
        self._user = user
        self._last = last
        self._round = tried
        self._within_s = within_s
        self._listed = listed
        self._version = to_try(Service.MOUNTD, versions(Service.MOUNTD))
        # A handle that MNT of version 1 gives belongs to NFS version 2.
        nfs_version = to_try(Service.NFS, versions(Service.NFS))
        self._looks = (self._version, nfs_version) == (_MOUNT_3, nfs.VERSION_3)
        self._lines: dict[Service, _Line] = {}

    async def run(self) -> MountFinding:
        """Try it.

        Raises:
            UndecidedError: it could not be found out.
        """
        try:
            return await self._once()
        except DeniedError as exc:
            if not exc.hung_up:
                return MountFinding(None, {exc.service: exc.denial})
        await asyncio.sleep(_AGAIN_AFTER_S)
        try:
            return await self._once()
        except DeniedError as exc:
            return MountFinding(None, {exc.service: exc.denial})

    async def _once(self) -> MountFinding:
        with ExitStack() as stack:
            try:
                return await self._try_exports(stack)
            finally:
                self._lines.clear()

    async def _try_exports(self, stack: ExitStack) -> MountFinding:
        mountd = await self._line(stack, Service.MOUNTD)
        exports = await self._mountd(stack, mount.Exports, mount.Procedure.EXPORT)
        self._listed(exports.rows)
        if not exports.rows:
            return MountFinding(None, {Service.MOUNTD: mounting.nothing_exported(mountd.ours)})
        paths = await _aside(
            len(exports.rows) * _ROW,
            lambda: mounting.order(
                exports.rows, self._last, mountd.ours, (self._user.machine_name,)
            ),
        )
        before = await self._mounts(stack)
        tried, late, waited = self._round.tried, self._round.late, 0
        for path in self._next(paths):
            try:
                status, handle = await self._mount(stack, path)
            except UndecidedError as exc:
                if not exc.late:
                    raise
                late[path] = _now()
                self._lines.pop(Service.MOUNTD).calls.close()  # it may answer yet, to nobody
                waited += 1
                if waited == _MOST_LATE:
                    raise
                continue
            late.pop(path, None)
            if status == mount.Status.OK:
                try:
                    denial = await self._look(stack, path, handle)
                except (UndecidedError, DeniedError):
                    await self._give_back(stack, path, before)
                    raise
                # A daemon that is told to stop leaves the row: nobody is to wait for a server.
                await self._give_back(stack, path, before)
                if denial is None:
                    return MountFinding(path)
                self._round.not_looked_at = self._round.not_looked_at or denial
            tried[path] = status
        return self._sum(paths, mountd.ours)

    def _next(self, paths: tuple[str, ...]) -> tuple[str, ...]:
        """The paths of this attempt: those that were not tried yet, the late ones last."""
        late = self._round.late
        todo = [
            path
            for path in paths
            if path not in self._round.tried
            and (path not in late or _now() - late[path] >= _LATE_S)
        ]
        return tuple(sorted(todo, key=late.__contains__)[: mounting.MOST_TRIED])

    def _sum(self, paths: tuple[str, ...], ours: str) -> MountFinding:
        """None of them let us in: the verdict, if there are no others."""
        left = [path for path in paths if path not in self._round.tried]
        if left:
            slow = [path for path in left if path in self._round.late]
            text = f"{len(left)} of {len(paths)} exports could not be tried yet"
            if slow:
                text += f"; MNT of {slow[0]} was not answered in time"
            raise UndecidedError(text, more=len(slow) < len(left))
        if self._round.not_looked_at is not None:
            return MountFinding(None, {Service.NFS: self._round.not_looked_at})
        refusals = tuple((path, self._round.tried[path]) for path in paths)
        return MountFinding(None, {Service.MOUNTD: mounting.not_mounted(refusals, ours)})

    # -- mountd ----------------------------------------------------------------------------------

    async def _mount(self, stack: ExitStack, path: str) -> tuple[int, bytes]:
        """MNT: status and handle."""
        procedure, argument = mount.Procedure.MNT, mount.Path(path)
        result: mount.MountedV3 | mount.MountedV1
        if self._version == _MOUNT_3:
            result = await self._mountd(stack, mount.MountedV3, procedure, argument)
        else:
            result = await self._mountd(stack, mount.MountedV1, procedure, argument)
        return result.status, result.handle

    async def _mounts(self, stack: ExitStack) -> tuple[mount.Mount, ...] | None:
        """Who has mounted what; None if the server does not tell."""
        try:
            return (await self._mountd(stack, mount.Mounts, mount.Procedure.DUMP)).rows
        except (UndecidedError, DeniedError):
            self._lines.pop(Service.MOUNTD, None)  # a line that brought half a reply is of no use
            return None

    async def _give_back(
        self, stack: ExitStack, path: str, before: tuple[mount.Mount, ...] | None
    ) -> None:
        after = await self._mounts(stack)
        if before is None or after is None or not mounting.added(before, after, path):
            return
        # A row too many is a blemish of the server's table, no reason to think ill of it.
        with suppress(UndecidedError, DeniedError):
            line = await self._line(stack, Service.MOUNTD)
            await self._ask(line, self._version, mount.Procedure.UMNT, mount.Path(path))

    async def _mountd(
        self,
        stack: ExitStack,
        kind: type[R],
        procedure: mount.Procedure,
        arguments: xdr.Encodable | None = None,
    ) -> R:
        line = await self._line(stack, Service.MOUNTD)
        results = await self._ask(line, self._version, procedure, arguments)
        return await _aside(len(results), lambda: _decoded(kind, results))

    # -- nfs -------------------------------------------------------------------------------------

    async def _look(self, stack: ExitStack, path: str, handle: bytes) -> Denial | None:
        """FSINFO and GETATTR of an export's root; why it may not be looked at."""
        if not self._looks:
            return None
        try:
            line = await self._line(stack, Service.NFS)
            root = nfs.Handle(handle)
            for procedure, kind in _LOOKS:
                results = await self._ask(line, nfs.VERSION_3, procedure, root)
                status = _decoded(kind, results).status
                if status != nfs.Status.OK:
                    name = procedure.name
                    return mounting.not_looked_at(path, name, status, line.ours, self._user.uid)
        except DeniedError as exc:
            if exc.hung_up:
                raise
            return exc.denial  # another export may be less strict
        return None

    # -- calls -----------------------------------------------------------------------------------

    async def _line(self, stack: ExitStack, service: Service) -> _Line:
        if service not in self._lines:
            try:
                sock = await self._dial(service)
                ours = str(sock.getsockname()[0])
                calls = stack.enter_context(
                    await caller.over(sock, first_xid=first_xid(), max_reply=_MAX_REPLY)
                )
            except OSError as exc:
                raise UndecidedError(str(exc), unreached=True) from exc
            self._lines[service] = _Line(service, calls, ours)
        return self._lines[service]

    async def _ask(
        self,
        line: _Line,
        version: int,
        procedure: mount.Procedure | nfs.Procedure3,
        arguments: xdr.Encodable | None = None,
    ) -> bytes:
        """The results of a call."""
        try:
            reply = await line.calls.call(
                FACTS[line.service].program,
                version,
                procedure,
                b"" if arguments is None else xdr.encode(arguments),
                credential=self._user.credential(),
                within_s=self._within_s,
            )
            return caller.results(reply)
        except caller.HungUpError as exc:
            denial = mounting.not_answered(procedure.name, line.ours)
            raise DeniedError(line.service, denial, hung_up=True) from exc
        except caller.RejectedError as exc:
            if isinstance(exc.reply, rpc.Denied) and isinstance(exc.reply.reason, rpc.AuthError):
                denial = mounting.not_authenticated(procedure.name, exc.reply.reason)
                raise DeniedError(line.service, denial) from exc
            raise UndecidedError(str(exc)) from exc
        except CallError as exc:
            late = isinstance(exc, caller.NoAnswerError)
            text = f"{line.service}, called for {procedure.name}, {exc}"
            raise UndecidedError(text, late=late) from exc


def _decoded(kind: type[R], results: bytes) -> R:
    try:
        return xdr.decode(kind, results)
    except xdr.RpcDecodeError as exc:
        raise UndecidedError(str(exc)) from exc


async def _aside(size: int, work: Callable[[], T]) -> T:
    """Do a piece of work, in a thread if it is about so many bytes that it takes its time."""
    return work() if size <= _AT_ONCE else await asyncio.to_thread(work)


def _now() -> float:
    return asyncio.get_running_loop().time()
