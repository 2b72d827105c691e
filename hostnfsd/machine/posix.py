"""What Linux and macOS tell in the same way: files, users, groups, names."""

import errno
import grp
import os
import pwd
import stat
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final

from hostnfsd.exports.addresses import Address
from hostnfsd.exports.system import UNKNOWN, FileKind, Unknown, User
from hostnfsd.machine import databases
from hostnfsd.machine.names import Names, Patience, possible

_LOOPBACK: Final = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
_WRAP: Final = 1 << 32
_SIGN: Final = 1 << 31
#: Errors that say nothing of what is there: the server, as root, may well see it.
_KEPT_OUT: Final = frozenset({errno.EACCES, errno.EPERM})


class Posix:
    """The parts of :class:`hostnfsd.exports.system.System` that both systems share.

    Made anew for every reading: what it has read of small files it keeps.

    Args:
        names: where names of hosts are looked up; None: nowhere but in hosts(5), as for a command
            that touches no network.
        etc: the folder of hosts(5), networks(5) and netgroup(5).

    Attributes:
        unseen: paths that this user may not look at; they count as directories.
    """

    def __init__(self, names: Names | None, etc: Path = Path("/etc")) -> None:
        self._names = names
        self._patience = None if names is None else Patience(names, all_within_s=0.0)
        self._etc = etc
        self.unseen: set[str] = set()

    def kind(self, path: str) -> FileKind | None:
        """See the protocol."""
        try:
            mode = os.lstat(path).st_mode
        except OSError as exc:
            if exc.errno in _KEPT_OUT:
                self.unseen.add(path)
                return FileKind.DIRECTORY
            return None
        except ValueError:  # a NUL, or what is no file name
            return None
        if stat.S_ISLNK(mode):
            return FileKind.SYMLINK
        return FileKind.DIRECTORY if stat.S_ISDIR(mode) else FileKind.OTHER

    def physical(self, path: str) -> str:
        """See the protocol."""
        try:
            return os.path.realpath(path, strict=True)
        except (OSError, ValueError):
            return path.rstrip("/") or path[:1]

    def user(self, name: str) -> User | Unknown | None:
        """See the protocol."""
        try:
            return _user(pwd.getpwnam(name))
        except (KeyError, ValueError):
            return None

    def user_of(self, uid: int) -> User | Unknown | None:
        """See the protocol."""
        try:
            return _user(pwd.getpwuid(uid % _WRAP))
        except (KeyError, ValueError, OverflowError):
            return None

    def group(self, name: str) -> int | Unknown | None:
        """See the protocol."""
        try:
            return _signed(grp.getgrnam(name).gr_gid)
        except (KeyError, ValueError):
            return None

    def addresses(self, name: str) -> tuple[Address, ...] | Unknown:
        """See the protocol; hosts(5) stands in for an answer that does not come in time."""
        found = UNKNOWN if self._patience is None else self._patience.addresses(name)
        return self._hosts_only(name) if found is UNKNOWN else found

    def awaits_names(self) -> bool:
        """Whether names were asked for that are worth waiting for: then the file is read again.

        Until this was called no name is waited for, so that all are asked for at once.
        """
        if self._names is None or self._patience is None or not self._patience.tried:
            return False
        self._patience = Patience(self._names)
        return True

    def network(self, name: str) -> IPv4Address | Unknown | None:
        """See the protocol; of /etc/networks only, not of other name services."""
        return self._networks.get(name)

    def netgroup(self, name: str) -> tuple[str, ...]:
        """See the protocol; of /etc/netgroup only, not of NIS or LDAP."""
        return databases.members(name, self._netgroups)

    def _hosts_only(self, name: str) -> tuple[Address, ...] | Unknown:
        if name.lower() == "localhost":
            return self._hosts.get("localhost", _LOOPBACK)
        return self._hosts.get(name.lower(), UNKNOWN if possible(name) else ())

    @cached_property
    def _hosts(self) -> dict[str, tuple[Address, ...]]:
        return databases.addresses_of_hosts(self._text("hosts"))

    @cached_property
    def _networks(self) -> dict[str, IPv4Address]:
        return databases.numbers_of_networks(self._text("networks"))

    @cached_property
    def _netgroups(self) -> dict[str, tuple[str, ...]]:
        return databases.netgroups(self._text("netgroup"))

    def _text(self, name: str) -> str:
        try:
            return (self._etc / name).read_bytes().decode("utf-8", "replace")
        except OSError:
            return ""


def _user(entry: pwd.struct_passwd) -> User:
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return User(entry.pw_name, _signed(entry.pw_uid), tuple(map(_signed, groups)))


def _signed(number: int) -> int:
    """An identity as exports(5) writes it: nobody is -2."""
    return number - _WRAP if number >= _SIGN else number
