"""What a reader must know of the machine whose exports file it reads."""

from dataclasses import dataclass
from enum import Enum, StrEnum
from ipaddress import IPv4Address
from typing import Final, Protocol

from hostnfsd.exports.addresses import Address


class Unknown(Enum):
    """This machine cannot tell, or was not asked: nothing may be concluded from it."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


class FileKind(StrEnum):
    """What lstat(2) finds."""

    DIRECTORY = "directory"
    SYMLINK = "symlink"
    OTHER = "other"


class Exportable(StrEnum):
    """What the kernel says when it is asked to export a file system."""

    YES = "yes"
    NO_HANDLES = "fh"  # ENOTSUP: it cannot make file handles
    NO_READDIR = "readdir"  # EISDIR: it has no extended readdir
    NO = "no"  # anything else


@dataclass(frozen=True, slots=True)
class Volume:
    """A mounted file system.

    Attributes:
        mount_point: where it is mounted.
        uuid: 16 bytes as 32 lower-case hexadecimal digits; None where it has none.
        kind: the file system's name, such as ``apfs``.
        exportable: whether the kernel would export it.
        guessed: nobody could be asked: it proves nothing.
    """

    mount_point: str
    uuid: str | None
    kind: str = "apfs"
    exportable: Exportable = Exportable.YES
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class StatFailure:
    """statfs(2) failed: its errno and the text for it."""

    errno: int
    text: str


@dataclass(frozen=True, slots=True)
class User:
    """A user, with all of the groups it is a member of; the first is the user's own."""

    name: str
    uid: int
    gids: tuple[int, ...]


class ServerState(StrEnum):
    """Whether nfsd can be asked what it may read.

    It cannot where it does not run. Releases from NFS-150 to NFS-209 (macOS 11 and 12) counted
    that as an error.
    """

    RUNNING = "running"
    STOPPED = "stopped"
    STOPPED_COUNTED = "stopped-counted"
    UNKNOWN = "unknown"


class System(Protocol):
    """The machine."""

    def kind(self, path: str) -> FileKind | None:
        """What is at an absolute path, symbolic links not followed; None: nothing."""
        ...

    def physical(self, path: str) -> str:
        """The path without symbolic links and firmlinks; as given, where that fails."""
        ...

    def volume(self, path: str) -> Volume | StatFailure:
        """The file system that a path is on."""
        ...

    def remembered_volumes(self) -> tuple[Volume, ...]:
        """Volumes that were exported before: /var/db/mountdexptab. The exported ones of macOS."""
        ...

    def user(self, name: str) -> User | Unknown | None:
        """By name."""
        ...

    def user_of(self, uid: int) -> User | Unknown | None:
        """By number."""
        ...

    def group(self, name: str) -> int | Unknown | None:
        """The number of a group."""
        ...

    def addresses(self, name: str) -> tuple[Address, ...] | Unknown:
        """Of a host's name, of both families; none if it cannot be resolved.

        Unknown: nobody was asked, or nobody answered in time.
        """
        ...

    def network(self, name: str) -> IPv4Address | Unknown | None:
        """By a name in networks(5)."""
        ...

    def netgroup(self, name: str) -> tuple[str, ...]:
        """The hosts of a netgroup; none if there is no such netgroup."""
        ...

    def server_state(self) -> ServerState:
        """Whether the NFS server runs."""
        ...

    def server_reads(self, path: str) -> bool:
        """Whether the sandbox lets the running nfsd read the directory (Full Disk Access)."""
        ...
