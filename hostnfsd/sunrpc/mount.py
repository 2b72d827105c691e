"""The MOUNT protocol, versions 1 and 3 of program 100005.

Sources: RFC 1094 appendix A and RFC 1813 appendix I.

Versions differ in MNT's result only; DUMP, UMNT and EXPORT are the same in both.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from hostnfsd.sunrpc.xdr import Reader, Writer

PROGRAM: Final = 100005
VERSIONS: Final = (1, 3)
MAX_PATH: Final = 1024  # MNTPATHLEN
MAX_NAME: Final = 255  # MNTNAMLEN
HANDLE_SIZE_V1: Final = 32  # FHSIZE
MAX_HANDLE_V3: Final = 64  # FHSIZE3
#: RFC 1813 sets no limit on auth_flavors; there are fewer flavors than this.
MAX_FLAVORS: Final = 64


class Procedure(IntEnum):
    """Procedures of both versions."""

    NULL = 0
    MNT = 1
    DUMP = 2
    UMNT = 3
    UMNTALL = 4
    EXPORT = 5


class Status(IntEnum):
    """``mountstat3``; version 1 answers with numbers of errno(3), which agree as far as they go."""

    OK = 0
    PERM = 1
    NOENT = 2
    IO = 5
    ACCES = 13
    NOTDIR = 20
    INVAL = 22
    NAMETOOLONG = 63
    NOTSUPP = 10004
    SERVERFAULT = 10006


def status_name(status: int) -> str:
    """``MNT3ERR_ACCES``, the name in RFC 1813, or the number where there is none."""
    try:
        known = Status(status)
    except ValueError:
        return str(status)
    return "MNT3_OK" if known is Status.OK else f"MNT3ERR_{known.name}"


@dataclass(frozen=True, slots=True)
class Path:
    """``dirpath``: the argument of MNT and UMNT."""

    text: str

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.string(self.text, MAX_PATH)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.string(MAX_PATH))


@dataclass(frozen=True, slots=True)
class MountedV1:
    """``fhstatus``, MNT's result in version 1. ``handle`` has 32 bytes, or none after a failure."""

    status: int
    handle: bytes = b""

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.uint(self.status)
        writer.fixed(self.handle, HANDLE_SIZE_V1 if self.status == Status.OK else 0)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        status = reader.uint()
        return cls(status, reader.fixed(HANDLE_SIZE_V1) if status == Status.OK else b"")


@dataclass(frozen=True, slots=True)
class MountedV3:
    """``mountres3``, MNT's result in version 3.

    ``handle`` and ``flavors`` (RPC auth flavors, the server's favourite first) are empty after a
    failure.
    """

    status: int
    handle: bytes = b""
    flavors: tuple[int, ...] = ()

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.uint(self.status)
        if self.status != Status.OK:
            writer.fixed(self.handle, 0)
            return
        writer.opaque(self.handle, MAX_HANDLE_V3)
        writer.uint(len(self.flavors), MAX_FLAVORS)
        for flavor in self.flavors:
            writer.uint(flavor)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        status = reader.uint()
        if status != Status.OK:
            return cls(status)
        handle = reader.opaque(MAX_HANDLE_V3)
        return cls(status, handle, tuple(reader.uint() for _ in range(reader.uint(MAX_FLAVORS))))


@dataclass(frozen=True, slots=True)
class Mount:
    """``mountbody``, a row of DUMP: who says it has mounted what."""

    host: str
    path: str

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.string(self.host, MAX_NAME)
        writer.string(self.path, MAX_PATH)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.string(MAX_NAME), reader.string(MAX_PATH))


@dataclass(frozen=True, slots=True)
class Mounts:
    """DUMP's result."""

    rows: tuple[Mount, ...] = ()

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.items(self.rows)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.items(Mount))


@dataclass(frozen=True, slots=True)
class Group:
    """``groupnode``: whom an export is for, in the server's own words."""

    name: str

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.string(self.name, MAX_NAME)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.string(MAX_NAME))


@dataclass(frozen=True, slots=True)
class Export:
    """``exportnode``, a row of EXPORT. Without groups it is for everyone."""

    path: str
    groups: tuple[Group, ...] = ()

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.string(self.path, MAX_PATH)
        writer.items(self.groups)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.string(MAX_PATH), reader.items(Group))


@dataclass(frozen=True, slots=True)
class Exports:
    """EXPORT's result."""

    rows: tuple[Export, ...] = ()

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.items(self.rows)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.items(Export))
