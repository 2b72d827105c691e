"""A machine that is not this one: what its exports file is judged by where nobody can be asked.

Everything that only it could tell is taken for right: paths are directories, users exist.
"""

from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import Final

from hostnfsd.exports.addresses import Address
from hostnfsd.exports.system import (
    UNKNOWN,
    FileKind,
    ServerState,
    StatFailure,
    Unknown,
    User,
    Volume,
)
from hostnfsd.machine.names import possible

_DATA: Final = "/System/Volumes/Data"
_LOOPBACK: Final = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
#: Every Mac's.
_USERS: Final = (User("root", 0, (0,)), User("nobody", -2, (-2,)))
_GROUPS: Final = MappingProxyType({"wheel": 0, "staff": 20, "nobody": -2})


class Elsewhere:
    """Some other machine."""

    def kind(self, path: str) -> FileKind | None:  # noqa: ARG002  # the protocol's
        """See the protocol."""
        return FileKind.DIRECTORY

    def physical(self, path: str) -> str:
        """See the protocol."""
        return path.rstrip("/") or path[:1]

    def volume(self, path: str) -> Volume | StatFailure:
        """See the protocol: how every Mac since 10.15 has its volumes, as far as paths tell."""
        parts = path.split("/")
        if path.startswith("/Volumes/") and parts[2]:
            point = f"/Volumes/{parts[2]}"
        else:
            point = "/" if path == "/" else _DATA
        return Volume(point, point.encode("utf-8", "surrogatepass").hex()[-32:], guessed=True)

    def remembered_volumes(self) -> tuple[Volume, ...]:
        """See the protocol."""
        return ()

    def user(self, name: str) -> User | Unknown | None:
        """See the protocol."""
        return next((user for user in _USERS if user.name == name), UNKNOWN)

    def user_of(self, uid: int) -> User | Unknown | None:
        """See the protocol."""
        return next((user for user in _USERS if user.uid == uid), UNKNOWN)

    def group(self, name: str) -> int | Unknown | None:
        """See the protocol."""
        return _GROUPS.get(name, UNKNOWN)

    def addresses(self, name: str) -> tuple[Address, ...] | Unknown:
        """See the protocol: names may mean something else there."""
        if name.lower() == "localhost":
            return _LOOPBACK
        return UNKNOWN if possible(name) else ()

    def network(self, name: str) -> IPv4Address | Unknown | None:
        """See the protocol."""
        return None if name[:1].isdigit() or ":" in name else UNKNOWN

    def netgroup(self, name: str) -> tuple[str, ...]:  # noqa: ARG002  # the protocol's
        """See the protocol."""
        return ()

    def server_state(self) -> ServerState:
        """See the protocol."""
        return ServerState.UNKNOWN

    def server_reads(self, path: str) -> bool:  # noqa: ARG002  # the protocol's
        """See the protocol."""
        return True
