"""The mount itself, decided: which server, which path, which options.

The options are those with which mount.nfs(8) asks nobody anything: with version, protocol and
both ports given it queries no portmapper and tries no UDP, which a tunnel cannot carry.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import PurePosixPath
from typing import Final, Literal

from hostnfsd.config.model import Carried
from hostnfsd.errors import ConfigError, UsageError
from hostnfsd.services import Service

#: Bytes of one READ or WRITE to a macOS server: from macOS 13 on its replies to larger ones hang.
DARWIN_TRANSFER: Final = 32768
#: Those of NFSv4 that keep callbacks on the client's own connection (RFC 8881, section 2.10.3.1).
VERSION_4: Final = "4.2"
_UNTIL: Final = 60  # bytes of a name made of a path: DNS-1123 allows 63
_UNNAMEABLE: Final = re.compile(r"[^a-z0-9]+")
# What no terminal should be sent and no line of a script can hold.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ROOT_MOUNT_POINT: Final = PurePosixPath("/mnt/hostnfsd")


@dataclass(frozen=True, slots=True)
class Exported:
    """What the exports say of a path.

    Attributes:
        identity: whom clients act as: ``all as 501:20``.
        read_only: whether they may only read.
    """

    identity: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Server:
    """What is known of the server and of the way to it.

    Attributes:
        gateway: the gateway's name in the configuration.
        addresses: names and addresses that clients reach it by, the preferred first; one at
            least. IPv6 without brackets, or with.
        carried: what is carried to that gateway.
        darwin: whether the host is a Mac.
        versions: of NFS that the server speaks; None where nobody knows.
    """

    gateway: str
    addresses: tuple[str, ...]
    carried: Mapping[Service, Carried]
    darwin: bool = False
    versions: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount, whoever makes it.

    Attributes:
        gateway: the gateway's name in the configuration.
        names: names that clients may reach it by, the preferred first.
        literals: its addresses, likewise; of both there is one at least.
        path: the exported directory on the host.
        mount_point: the directory on the client.
        version: of NFS.
        nfs_port: of the gateway.
        mountd_port: of the gateway; None for version 4, which has no mountd.
        darwin: whether the host is a Mac.
        dev: whether attributes are to be fresh rather than cheap.
        also_4: whether the server is known to speak version 4, too.
        exported: what the exports say of the path, where that is known.
    """

    gateway: str
    names: tuple[str, ...]
    literals: tuple[str, ...]
    path: PurePosixPath
    mount_point: PurePosixPath
    version: Literal[3, 4]
    nfs_port: int
    mountd_port: int | None
    darwin: bool = False
    dev: bool = False
    also_4: bool = False
    exported: Exported | None = None

    @property
    def address(self) -> str:
        """What to dial where the gateway's name resolves: a name, if there is one."""
        return (*self.names, *self.literals)[0]

    @property
    def name(self) -> str:
        """A name made of the path, for what must have one: a label of DNS (RFC 1123)."""
        last = self.path.name
        label = _UNNAMEABLE.sub("-", last.lower()).strip("-")[:_UNTIL]
        if label == last and len(label) > 1:
            return label
        # Another path must not have the same one by what was left out.
        mark = hashlib.sha256(str(self.path).encode()).hexdigest()[:6]
        return f"{label[: _UNTIL - 7].rstrip('-') or 'export'}-{mark}"

    def source(self, address: str) -> str:
        """The device to mount, unquoted; an IPv6 address stands in brackets (nfs(5))."""
        return f"[{address}]:{self.path}" if is_ipv6(address) else f"{address}:{self.path}"

    def options(self, address: str) -> dict[str, str | None]:
        """Those of nfs(5), in order; None for those without a value."""
        # A literal IPv6 address is resolved only with the netid that asks for that family.
        protocol = "tcp6" if is_ipv6(address) else "tcp"
        options: dict[str, str | None] = {
            "vers": VERSION_4 if self.version == 4 else "3",  # noqa: PLR2004  # NFS version 4
            "proto": protocol,
            "port": str(self.nfs_port),
        }
        if self.mountd_port is not None:
            options |= {
                "mountproto": protocol,
                "mountport": str(self.mountd_port),
                "nolock": None,
            }
        options["hard"] = None
        if self.darwin:
            options |= {"rsize": str(DARWIN_TRANSFER), "wsize": str(DARWIN_TRANSFER)}
        if self.dev:
            options["actimeo"] = "1"
        return options


def joined(options: Mapping[str, str | None]) -> str:
    """As ``mount -o`` takes them."""
    return ",".join(listed(options))


def listed(options: Mapping[str, str | None]) -> list[str]:
    """One by one."""
    return [name if value is None else f"{name}={value}" for name, value in options.items()]


def decide(
    server: Server,
    path: str,
    *,
    version: Literal[3, 4] = 3,
    dev: bool = False,
    exported: Exported | None = None,
) -> Mount:
    """Decide how an export is mounted.

    Args:
        server: the server and the way to it.
        path: the exported directory on the host, or one below it.
        version: of NFS.
        dev: whether attributes are to be fresh rather than cheap.
        exported: what the exports say of the path, where that is known.

    Raises:
        UsageError: the path is none of a directory that could be exported, or the server does not
            speak that version.
        ConfigError: a service that the mount needs is not carried to that gateway.
    """
    needed = (Service.NFS, Service.MOUNTD) if version == 3 else (Service.NFS,)  # noqa: PLR2004
    for service in needed:
        if service not in server.carried:
            raise ConfigError(
                f"gateway {server.gateway} does not carry {service}: nothing can be mounted"
                f" through it (set services.{service} to a port instead of false)"
            )
    directory = _directory(path)
    if version == 4:  # noqa: PLR2004  # NFS version 4
        _check_version_4(server)
    addresses = [_bare(address) for address in server.addresses]
    mountd = server.carried[Service.MOUNTD].port if version == 3 else None  # noqa: PLR2004
    return Mount(
        gateway=server.gateway,
        names=tuple(a for a in addresses if not is_literal(a)),
        literals=tuple(a for a in addresses if is_literal(a)),
        path=directory,
        mount_point=PurePosixPath("/mnt") / directory.name if directory.name else _ROOT_MOUNT_POINT,
        version=version,
        nfs_port=server.carried[Service.NFS].port,
        mountd_port=mountd,
        darwin=server.darwin,
        dev=dev,
        also_4=not server.darwin and 4 in (server.versions or ()),  # noqa: PLR2004
        exported=exported,
    )


def _check_version_4(server: Server) -> None:
    if server.darwin:
        raise UsageError(
            "--vers 4: macOS has no NFSv4 server (allowed: 3)", hint="leave --vers out"
        )
    if server.versions is not None and 4 not in server.versions:  # noqa: PLR2004
        spoken = ", ".join(map(str, server.versions)) or "none that is known"
        raise UsageError(
            f"--vers 4: the host's server does not speak it (it speaks {spoken})",
            hint="leave --vers out",
        )


def is_ipv6(address: str) -> bool:
    """Whether it is a literal IPv6 address; a scope (``%eth0``) may follow."""
    try:
        IPv6Address(address)
    except ValueError:
        return False
    return True


def is_literal(address: str) -> bool:
    """Whether it is an address, not a name."""
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


def _bare(address: str) -> str:
    return address.removeprefix("[").removesuffix("]")


def _directory(path: str) -> PurePosixPath:
    if not path.startswith("/") or _CONTROL.search(path):
        raise UsageError(
            f"PATH {path!r} is not an exported directory (an absolute path on the host)",
            hint="what the host exports stands in its /etc/exports",
        )
    if not _is_text(path):
        raise UsageError(f"PATH {path!r} is not UTF-8: what is printed could not carry it")
    directory = PurePosixPath("/" + path.lstrip("/"))
    if ".." in directory.parts:
        raise UsageError(f"PATH {path!r} leads through '..': name the exported directory itself")
    return directory


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:  # a byte that the file system's encoding could not decode
        return False
    return True
