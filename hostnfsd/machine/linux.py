"""Linux, as exports files see it."""

from pathlib import Path
from typing import Final

from hostnfsd.exports.system import ServerState, StatFailure, Volume
from hostnfsd.machine.mounts import mountinfo, over
from hostnfsd.machine.names import Names
from hostnfsd.machine.posix import Posix

_MOUNTINFO: Final = Path("/proc/self/mountinfo")
#: There while nfsd of the kernel can be spoken to (nfsd(7)); another server does without it.
_NFSD: Final = Path("/proc/fs/nfsd/threads")


class Linux(Posix):
    """This machine, running Linux.

    Args:
        names: see :class:`Posix`.
        etc: see :class:`Posix`.
        threads: where the kernel tells how many threads its server has.
    """

    def __init__(
        self, names: Names | None, etc: Path = Path("/etc"), threads: Path = _NFSD
    ) -> None:
        super().__init__(names, etc)
        self._threads = threads

    def volume(self, path: str) -> Volume | StatFailure:
        """See the protocol; nothing tells here what the kernel would export."""
        try:
            text = _MOUNTINFO.read_text("utf-8", "surrogateescape")
        except OSError as exc:
            return StatFailure(exc.errno or 0, exc.strerror or str(exc))
        return over(self.physical(path), mountinfo(text)) or Volume("/", None, "unknown")

    def remembered_volumes(self) -> tuple[Volume, ...]:
        """See the protocol; macOS alone remembers any."""
        return ()

    def server_state(self) -> ServerState:
        """See the protocol; Unknown where the kernel's server is not the one, or hidden."""
        try:
            count = int(self._threads.read_text("ascii"))
        except (OSError, ValueError):
            return ServerState.UNKNOWN
        return ServerState.RUNNING if count else ServerState.STOPPED

    def server_reads(self, path: str) -> bool:  # noqa: ARG002  # the protocol's
        """See the protocol; nothing here keeps the kernel out."""
        return True
