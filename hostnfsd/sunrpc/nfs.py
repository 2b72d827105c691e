"""What a probe asks of NFS: version 3 NULL, GETATTR, FSINFO and ACCESS (RFC 1813), version 4 NULL.

NULL has neither arguments nor results in any version. Of version 4 (RFC 7530, RFC 8881) nothing
else is built: COMPOUND is known by name and by the status its results begin with.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final, Self

from hostnfsd.sunrpc.xdr import Reader, Writer

PROGRAM: Final = 100003
VERSION_2: Final = 2
VERSION_3: Final = 3
VERSION_4: Final = 4
MAX_HANDLE: Final = 64  # NFS3_FHSIZE


class Procedure3(IntEnum):
    """Procedures of version 3."""

    NULL = 0
    GETATTR = 1
    SETATTR = 2
    LOOKUP = 3
    ACCESS = 4
    READLINK = 5
    READ = 6
    WRITE = 7
    CREATE = 8
    MKDIR = 9
    SYMLINK = 10
    MKNOD = 11
    REMOVE = 12
    RMDIR = 13
    RENAME = 14
    LINK = 15
    READDIR = 16
    READDIRPLUS = 17
    FSSTAT = 18
    FSINFO = 19
    PATHCONF = 20
    COMMIT = 21


class Procedure4(IntEnum):
    """Procedures of version 4."""

    NULL = 0
    COMPOUND = 1


class Status(IntEnum):
    """``nfsstat3`` (RFC 1813 section 2.6)."""

    OK = 0
    PERM = 1
    NOENT = 2
    IO = 5
    NXIO = 6
    ACCES = 13
    EXIST = 17
    XDEV = 18
    NODEV = 19
    NOTDIR = 20
    ISDIR = 21
    INVAL = 22
    FBIG = 27
    NOSPC = 28
    ROFS = 30
    MLINK = 31
    NAMETOOLONG = 63
    NOTEMPTY = 66
    DQUOT = 69
    STALE = 70
    REMOTE = 71
    BADHANDLE = 10001
    NOT_SYNC = 10002
    BAD_COOKIE = 10003
    NOTSUPP = 10004
    TOOSMALL = 10005
    SERVERFAULT = 10006
    BADTYPE = 10007
    JUKEBOX = 10008


def status_name(status: int) -> str:
    """``NFS3ERR_STALE``, the name in RFC 1813, or the number where there is none."""
    try:
        known = Status(status)
    except ValueError:
        return str(status)
    return "NFS3_OK" if known is Status.OK else f"NFS3ERR_{known.name}"


class Access(IntFlag):
    """What ACCESS asks for and grants; other bits survive."""

    READ = 0x01
    LOOKUP = 0x02
    MODIFY = 0x04
    EXTEND = 0x08
    DELETE = 0x10
    EXECUTE = 0x20


@dataclass(frozen=True, slots=True)
class Handle:
    """``nfs_fh3``: the argument of GETATTR and FSINFO."""

    handle: bytes

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.opaque(self.handle, MAX_HANDLE)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.opaque(MAX_HANDLE))


@dataclass(frozen=True, slots=True)
class AccessArguments:
    """``ACCESS3args``. ``wanted``: bits of :class:`Access`."""

    handle: bytes
    wanted: int

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.opaque(self.handle, MAX_HANDLE)
        writer.uint(self.wanted)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.opaque(MAX_HANDLE), reader.uint())


@dataclass(frozen=True, slots=True)
class Time:
    """``nfstime3``."""

    seconds: int
    nanoseconds: int

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.uint(self.seconds)
        writer.uint(self.nanoseconds)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.uint(), reader.uint())


@dataclass(frozen=True, slots=True)
class Attributes:
    """``fattr3``. ``kind`` is ftype3 (1 a file, 2 a directory, …); sizes are bytes."""

    kind: int
    mode: int
    links: int
    uid: int
    gid: int
    size: int
    used: int
    device: tuple[int, int]
    file_system: int
    file: int
    accessed: Time
    modified: Time
    changed: Time

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        for number in (self.kind, self.mode, self.links, self.uid, self.gid):
            writer.uint(number)
        writer.uhyper(self.size)
        writer.uhyper(self.used)
        major, minor = self.device
        writer.uint(major)
        writer.uint(minor)
        writer.uhyper(self.file_system)
        writer.uhyper(self.file)
        for time in (self.accessed, self.modified, self.changed):
            time.write(writer)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        kind, mode, links, uid, gid = (reader.uint() for _ in range(5))
        size, used = reader.uhyper(), reader.uhyper()
        device = reader.uint(), reader.uint()
        file_system, file = reader.uhyper(), reader.uhyper()
        times = Time.read(reader), Time.read(reader), Time.read(reader)
        return cls(kind, mode, links, uid, gid, size, used, device, file_system, file, *times)


def _write_optional(writer: Writer, attributes: Attributes | None) -> None:
    """``post_op_attr``: attributes that a server may leave out."""
    writer.boolean(attributes is not None)
    if attributes is not None:
        attributes.write(writer)


def _read_optional(reader: Reader) -> Attributes | None:
    return Attributes.read(reader) if reader.boolean() else None


@dataclass(frozen=True, slots=True)
class GetattrResult:
    """``GETATTR3res``. ``attributes`` are there exactly if ``status`` is OK."""

    status: int
    attributes: Attributes | None = None

    def __post_init__(self) -> None:
        if (self.status == Status.OK) is (self.attributes is None):
            raise ValueError("attributes belong to status OK")

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.uint(self.status)
        if self.attributes is not None:
            self.attributes.write(writer)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        status = reader.uint()
        return cls(status, Attributes.read(reader) if status == Status.OK else None)


@dataclass(frozen=True, slots=True)
class AccessResult:
    """``ACCESS3res``. ``granted``: bits of :class:`Access`, exactly if ``status`` is OK."""

    status: int
    attributes: Attributes | None = None
    granted: int | None = None

    def __post_init__(self) -> None:
        if (self.status == Status.OK) is (self.granted is None):
            raise ValueError("rights are granted with status OK")

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.uint(self.status)
        _write_optional(writer, self.attributes)
        if self.granted is not None:
            writer.uint(self.granted)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        status = reader.uint()
        attributes = _read_optional(reader)
        return cls(status, attributes, reader.uint() if status == Status.OK else None)


@dataclass(frozen=True, slots=True)
class FileSystem:
    """The static facts of FSINFO (RFC 1813 section 3.3.19); sizes are bytes.

    ``read_sizes`` and ``write_sizes`` are (largest, preferred, suggested multiple);
    ``properties`` are bits.
    """

    read_sizes: tuple[int, int, int]
    write_sizes: tuple[int, int, int]
    directory_size: int
    largest_file: int
    time_delta: Time
    properties: int

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        for number in (*self.read_sizes, *self.write_sizes, self.directory_size):
            writer.uint(number)
        writer.uhyper(self.largest_file)
        self.time_delta.write(writer)
        writer.uint(self.properties)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        read_sizes = reader.uint(), reader.uint(), reader.uint()
        write_sizes = reader.uint(), reader.uint(), reader.uint()
        directory_size, largest_file = reader.uint(), reader.uhyper()
        time_delta = Time.read(reader)
        return cls(read_sizes, write_sizes, directory_size, largest_file, time_delta, reader.uint())


@dataclass(frozen=True, slots=True)
class FsinfoResult:
    """``FSINFO3res``. ``facts`` are there exactly if ``status`` is OK."""

    status: int
    attributes: Attributes | None = None
    facts: FileSystem | None = None

    def __post_init__(self) -> None:
        if (self.status == Status.OK) is (self.facts is None):
            raise ValueError("facts belong to status OK")

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.uint(self.status)
        _write_optional(writer, self.attributes)
        if self.facts is not None:
            self.facts.write(writer)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        status = reader.uint()
        attributes = _read_optional(reader)
        return cls(status, attributes, FileSystem.read(reader) if status == Status.OK else None)
