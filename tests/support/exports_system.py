"""Machines that exports files are judged for: what a real one would answer, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address
from types import MappingProxyType
from typing import Final

from hostnfsd.exports.addresses import Address
from hostnfsd.exports.system import (
    Exportable,
    FileKind,
    ServerState,
    StatFailure,
    System,
    User,
    Volume,
)


@dataclass(frozen=True)
class FakeSystem(System):
    """A machine.

    Attributes:
        directories: with all of their parents.
        files: paths that are no directories.
        links: symbolic links and firmlinks, by where they lead to.
        firmlinks: those links that lstat(2) shows as directories.
        volumes: mounted ones.
        stat_failures: where statfs(2) fails.
        hosts: names, by their addresses in text.
    """

    directories: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)
    firmlinks: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[Volume, ...] = (Volume("/", "0" * 32),)
    remembered: tuple[Volume, ...] = ()
    stat_failures: Mapping[str, StatFailure] = field(default_factory=dict)
    users: tuple[User, ...] = ()
    groups: Mapping[str, int] = field(default_factory=dict)
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    netgroups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    state: ServerState = ServerState.RUNNING
    unreadable: frozenset[str] = frozenset()

    def kind(self, path: str) -> FileKind | None:
        if path in self.links:
            return FileKind.SYMLINK
        if path in self.files:
            return FileKind.OTHER
        known = (*self.directories, *self.firmlinks)
        inside = path == "/" or any(d == path or d.startswith(path + "/") for d in known)
        return FileKind.DIRECTORY if inside else None

    def physical(self, path: str) -> str:
        for link, target in (*self.links.items(), *self.firmlinks.items()):
            if path == link or path.startswith(link + "/"):
                return target + path[len(link) :]
        return path.rstrip("/") or path[:1]

    def volume(self, path: str) -> Volume | StatFailure:
        if path in self.stat_failures:
            return self.stat_failures[path]
        physical = self.physical(path) + "/"
        over = [v for v in self.volumes if physical.startswith(v.mount_point.rstrip("/") + "/")]
        return max(over, key=lambda v: len(v.mount_point))

    def remembered_volumes(self) -> tuple[Volume, ...]:
        return self.remembered

    def user(self, name: str) -> User | None:
        return next((u for u in self.users if u.name == name), None)

    def user_of(self, uid: int) -> User | None:
        return next((u for u in self.users if u.uid == uid), None)

    def group(self, name: str) -> int | None:
        return self.groups.get(name)

    def addresses(self, name: str) -> tuple[Address, ...]:
        return tuple(ip_address(a) for a in self.hosts.get(name.lower(), ()))

    def network(self, name: str) -> IPv4Address | None:
        return IPv4Address(self.networks[name]) if name in self.networks else None

    def netgroup(self, name: str) -> tuple[str, ...]:
        return self.netgroups.get(name, ())

    def server_state(self) -> ServerState:
        return self.state

    def server_reads(self, path: str) -> bool:
        return not any(path == p or path.startswith(p + "/") for p in self.unreadable)


HOSTS: Final = MappingProxyType(
    {
        "localhost": ("127.0.0.1", "::1"),
        "hostone": ("10.9.8.7",),
        "two": ("10.9.8.8", "10.9.8.9"),
        "sixer": ("fd00::5",),
    }
)

#: A Mac as they are today: users and their files on a volume of their own behind firmlinks.
MAC: Final = FakeSystem(
    directories=frozenset(
        {
            "/Users/dev/src/app/sub", "/Users/dev/src/db", "/Users/dev/Documents/work",
            "/Users/dev/a b", "/Users/dev/q'\"\\q", "/Users/dev/src.old", "/Users/dev/Desktop",
            "/System/Volumes/Data/Users/dev/src", "/Volumes/Disk/data/deep", "/Volumes/Fat/data",
            "/Volumes/Strange/data", "/Volumes/Bare/data", "/private/tmp",
            "/private/var", "/opt/data", "/Users/dev/Downloads", "/Volumes/Gone/data",
        }
    ),
    files=frozenset({"/Users/dev/file"}),
    links={"/tmp": "/private/tmp", "/var": "/private/var", "/Users/dev/link": "/Users/dev/src"},
    firmlinks={"/Users": "/System/Volumes/Data/Users"},
    volumes=(
        Volume("/", "a" * 32),
        Volume("/System/Volumes/Data", "b" * 32),
        Volume("/Volumes/Disk", "c" * 32),
        Volume("/Volumes/Fat", "d" * 32, "msdos", Exportable.NO_HANDLES),
        Volume("/Volumes/Strange", "e" * 32, "webdav", Exportable.NO_READDIR),
        Volume("/Volumes/Bare", None),
    ),
    remembered=(Volume("/Volumes/Gone", "f" * 32),),
    stat_failures={"/opt/data": StatFailure(5, "Input/output error")},
    users=(User("dev", 501, (20, 12, 61)), User("root", 0, (0,)), User("nobody", -2, (-2,))),
    groups={"staff": 20, "wheel": 0},
    hosts=HOSTS,
    networks={"lab": "10.20.0.0"},
    netgroups={"team": ("hostone", "inner"), "inner": ("two", "team"), "ghosts": ("nohost",)},
    unreadable=frozenset({"/Users/dev/Documents"}),
)  # fmt: skip

#: A Linux server.
LINUX: Final = FakeSystem(
    directories=frozenset({"/srv/a", "/srv/b c", "/srv/d", "/srv/ä", "/home/dev"}),
    files=frozenset({"/srv/file"}),
    links={"/srv/link": "/srv/a"},
    hosts=HOSTS,
    netgroups={"team": ("hostone", "two")},
)
