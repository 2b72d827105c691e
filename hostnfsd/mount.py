"""What a client must run to mount an export through a gateway, as values and as text.

The options are those with which mount.nfs(8) asks nobody anything: with version, protocol and
both ports given it queries no portmapper and tries no UDP, which a tunnel cannot carry.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import PurePosixPath
from typing import Final

from hostnfsd.config.model import Carried
from hostnfsd.errors import ConfigError, UsageError
from hostnfsd.services import Service

KINDS: Final = ("linux",)
"""What a mount command can be printed for."""

LATER_KINDS: Final = (
    "docker",
    "compose",
    "fstab",
    "kind-node",
    "pod",
    "pv",
    "storageclass",
)
"""What it will be printed for; asking for one of them is told so."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_ROOT_MOUNT_POINT: Final = PurePosixPath("/mnt/hostnfsd")


@dataclass(frozen=True, slots=True)
class LinuxMount:
    """A mount on a Linux client.

    Attributes:
        gateway: the gateway's name in the configuration.
        address: the name or address clients reach it by.
        path: the exported directory on the host.
        mount_point: the directory on the client.
        options: of mount.nfs, in order; None for those without a value.
    """

    gateway: str
    address: str
    path: PurePosixPath
    mount_point: PurePosixPath
    options: Mapping[str, str | None]

    @property
    def source(self) -> str:
        """The device to mount, unquoted; an IPv6 address stands in brackets (nfs(5))."""
        host = f"[{self.address}]" if is_ipv6(self.address) else self.address
        return f"{host}:{self.path}"

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """What to run, as root on the client; program and arguments each."""
        options = ",".join(
            name if value is None else f"{name}={value}" for name, value in self.options.items()
        )
        mount_point = str(self.mount_point)
        return (
            ("mkdir", "-p", mount_point),
            ("mount", "-t", "nfs", "-o", options, self.source, mount_point),
        )

    def to_json(self) -> dict[str, object]:
        """The ``--json`` form."""
        return {
            "schema": 1,
            "kind": "linux",
            "gateway": self.gateway,
            "address": self.address,
            "path": str(self.path),
            "source": self.source,
            "mount_point": str(self.mount_point),
            "options": dict(self.options),
            "commands": [shlex.join(command) for command in self.commands],
        }

    def render(self) -> str:
        """A shell script with the reasons as comments; ends with a newline."""
        commands = "\n".join(shlex.join(command) for command in self.commands)
        return f"{_BEFORE.format(gateway=self.gateway)}{commands}\n{_AFTER}"


def linux(gateway: str, address: str, path: str, carried: Mapping[Service, Carried]) -> LinuxMount:
    """Decide how a Linux client mounts an export.

    Args:
        gateway: the gateway's name in the configuration.
        address: the name or address clients reach it by; IPv6 without brackets, or with.
        path: the exported directory on the host, or one below it.
        carried: what is carried to that gateway.

    Raises:
        UsageError: the path is none of a directory that could be exported.
        ConfigError: nfs or mountd is not carried to that gateway.
    """
    for service in (Service.NFS, Service.MOUNTD):
        if service not in carried:
            raise ConfigError(
                f"gateway {gateway} does not carry {service}: nothing can be mounted through it"
                f" (set services.{service} to a port instead of false)"
            )
    directory = _directory(path)
    address = address.removeprefix("[").removesuffix("]")
    # A literal IPv6 address is resolved only with the netid that asks for that family (nfs(5)).
    protocol = "tcp6" if is_ipv6(address) else "tcp"
    return LinuxMount(
        gateway=gateway,
        address=address,
        path=directory,
        mount_point=PurePosixPath("/mnt") / directory.name if directory.name else _ROOT_MOUNT_POINT,
        options={
            "vers": "3",
            "proto": protocol,
            "port": str(carried[Service.NFS].port),
            "mountproto": protocol,
            "mountport": str(carried[Service.MOUNTD].port),
            "nolock": None,
            "hard": None,
        },
    )


def is_ipv6(address: str) -> bool:
    """Whether it is a literal IPv6 address; a scope (``%eth0``) may follow."""
    try:
        IPv6Address(address)
    except ValueError:
        return False
    return True


def _directory(path: str) -> PurePosixPath:
    if not path.startswith("/") or _CONTROL.search(path):
        raise UsageError(
            f"PATH {path!r} is not an exported directory (an absolute path on the host)",
            hint="what the host exports stands in its /etc/exports",
        )
    directory = PurePosixPath("/" + path.lstrip("/"))
    if ".." in directory.parts:
        raise UsageError(f"PATH {path!r} leads through '..': name the exported directory itself")
    return directory


_BEFORE: Final = """\
# Run as root on the client, a machine or pod that reaches gateway {gateway}.
# Debian and Ubuntu need the package nfs-common, Fedora nfs-utils, Alpine nfs-utils.
#
# vers, proto, port, mountproto, mountport: all given, so that nothing is asked of a portmapper
#           and nothing is tried over UDP, which the tunnel does not carry.
# nolock:   locks are kept on this client: the server could not call back through the tunnel.
# hard:     while the tunnel is away, programs wait and then go on. With soft they would get errors
#           and could lose what they wrote.
"""

_AFTER: Final = """\
# Users are numbers: a file belongs to the uid that the host gave it, whoever that is here. A server
# that maps everybody to one account of its own (-mapall on macOS; all_squash, anonuid, anongid on
# Linux) spares you the difference.
#
# "access denied by server": the server sees the host itself as its client, not you.
#   - the export must admit the host: 127.0.0.1 or localhost;
#   - the server must accept source ports above 1023: nfs.server.mount.require_resv_port = 0 in
#     /etc/nfs.conf on macOS, the export option insecure on Linux;
#   - the path must be exported itself, or lie below one exported with -alldirs (macOS).
# "Connection refused", or it hangs: ask `hostnfsd status` on the host.
"""
