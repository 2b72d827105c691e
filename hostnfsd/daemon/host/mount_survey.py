"""Mounts every export once, looks at its root, and gives it back: for ``hostnfsd doctor``.

A trial (:mod:`hostnfsd.daemon.host.mount_trial`) is content with the first export that lets us in;
who wants to know what is wrong asks for each.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from hostnfsd.daemon.host.mount_trial import DeniedError, MountTrial, UndecidedError
from hostnfsd.server.finding import Tried
from hostnfsd.services import Service
from hostnfsd.sunrpc import mount, nfs, rpc, xdr

#: What a client needs to list a folder and to enter it, and to write in it.
_READING: Final = nfs.Access.READ | nfs.Access.LOOKUP
_WRITING: Final = nfs.Access.MODIFY | nfs.Access.EXTEND
#: Root of a client, as most containers have it.
_CLIENT_ROOT: Final = rpc.AuthSys(machine_name="hostnfsd-doctor", uid=0, gid=0)


class MountSurvey(MountTrial):
    """One round through all exports; made as a trial is."""

    async def each(self, most: int) -> tuple[Tried, ...]:
        """Try up to ``most`` exports, in mountd's order. Empty: it exports nothing.

        Raises:
            UndecidedError: mountd could not be asked for its exports.
        """
        with ExitStack() as stack:
            try:
                try:
                    exports = await self._mountd(stack, mount.Exports, mount.Procedure.EXPORT)
                except DeniedError as exc:
                    raise UndecidedError(str(exc)) from exc
                before = await self._mounts(stack)
                paths = dict.fromkeys(row.path for row in exports.rows)
                chosen = list(paths)[:most]
                return tuple([await self._one(stack, path, before) for path in chosen])
            finally:
                self._lines.clear()

    async def _one(
        self, stack: ExitStack, path: str, before: Sequence[mount.Mount] | None
    ) -> Tried:
        try:
            status, handle = await self._mount(stack, path)
        except UndecidedError as exc:
            self._hang_up()  # it may answer yet, to nobody
            return Tried(path, unknown=str(exc))
        except DeniedError as exc:
            self._hang_up()
            return Tried(path, denial=exc.denial, service=exc.service)
        if status != mount.Status.OK:
            return Tried(path, status)
        try:
            return await self._mounted(stack, path, handle)
        finally:
            kept = None if before is None else tuple(before)
            await self._give_back(stack, path, kept)

    async def _mounted(self, stack: ExitStack, path: str, handle: bytes) -> Tried:
        try:
            denial = await self._look(stack, path, handle)
            granted = None if denial else await self._granted_to_root(stack, handle)
        except UndecidedError as exc:
            self._hang_up()
            return Tried(path, mount.Status.OK, unknown=str(exc), service=Service.NFS)
        except DeniedError as exc:
            self._hang_up()
            return Tried(path, mount.Status.OK, exc.denial, exc.service)
        found = Tried(path, mount.Status.OK, denial, Service.NFS)
        if granted is None:
            return found
        reads, writes = ((granted & wanted) == wanted for wanted in (_READING, _WRITING))
        return replace(found, root_reads=reads, root_writes=writes)

    async def _granted_to_root(self, stack: ExitStack, handle: bytes) -> nfs.Access | None:
        """ACCESS (RFC 1813 section 3.3.4) as a client's root would ask."""
        if not self._looks:
            return None
        line = await self._line(stack, Service.NFS)
        user, self._user = self._user, _CLIENT_ROOT
        try:
            asked = nfs.AccessArguments(handle, _READING | _WRITING)
            results = await self._ask(line, nfs.VERSION_3, nfs.Procedure3.ACCESS, asked)
        finally:
            self._user = user
        result = xdr.decode(nfs.AccessResult, results)
        granted = result.granted if result.status == nfs.Status.OK else None
        return nfs.Access(granted or 0)

    def _hang_up(self) -> None:
        for line in self._lines.values():
            line.calls.close()
        self._lines.clear()
