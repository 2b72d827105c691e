"""The table of exports that nfsd fills entry by entry, with the conflicts it finds."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hostnfsd.exports.addresses import Address
from hostnfsd.exports.darwin.groups import Group
from hostnfsd.exports.darwin.paths import parents
from hostnfsd.exports.model import ClientKind, Terms


class Conflict(Exception):  # noqa: N818  # not for users: ends the reading of one entry
    """Clients have other terms for the same directory already; says which."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What came of it.

    Attributes:
        new: somebody was added: the kernel is told.
        remarks: repetitions, which do no harm.
    """

    new: bool
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class Holders:
    """Who may mount one directory.

    Attributes:
        everybody: the terms of the default export, if there is one.
        named: the rest, with their terms.
    """

    everybody: Terms | None = None
    named: dict[Group, Terms] = field(default_factory=dict)
    _near: dict[tuple[ClientKind, Address], Group] = field(default_factory=dict)

    def register(self, path: str, groups: Sequence[Group], terms: Terms) -> Registration:
        """Add what an entry asks for; no group is everybody.

        Raises:
            Conflict: somebody has other terms already. Nothing is added.
        """
        if not groups:
            return self._register_everybody(path, terms)
        added: list[Group] = []
        remarks: list[str] = []
        near = dict[tuple[ClientKind, Address], Group]()
        for group in groups:
            if group in self.named:
                if self.named[group] != terms:
                    raise Conflict(f"conflicting exports for {path}, {group.name}")
                continue
            keys = [(group.kind, key) for key in group.marks()]
            other = next((g for key in keys if (g := self._near.get(key) or near.get(key))), None)
            if other is None:
                added.append(group)
                near.update(dict.fromkeys(keys, group))
            elif self.named.get(other, terms) != terms:
                raise Conflict(f"conflicting exports for {path}, {group.name}")
            else:
                remarks.append(f"duplicate export for {path}, {group.name} vs. {other.name}")
        self.named.update(dict.fromkeys(added, terms))
        self._near.update(near)
        return Registration(new=bool(added), remarks=tuple(remarks))

    def _register_everybody(self, path: str, terms: Terms) -> Registration:
        if self.everybody is None:
            self.everybody = terms
            return Registration(new=True)
        if self.everybody != terms:
            raise Conflict(f"multiple/conflicting default exports for {path}")
        return Registration(new=False, remarks=(f"duplicate default export for {path}",))


@dataclass(slots=True)
class Registered:
    """A directory in the table, with the mountable ones below it."""

    path: str
    holders: Holders = field(default_factory=Holders)
    below: dict[str, Holders] = field(default_factory=dict)


@dataclass(slots=True)
class VolumeTable:
    """The exported directories of one volume."""

    mount_point: str
    directories: dict[str, Registered] = field(default_factory=dict)
    _above: dict[str, str] = field(default_factory=dict)

    def add(self, registered: Registered) -> None:
        """A directory that is exported now."""
        self.directories[registered.path] = registered
        for parent in parents(registered.path):
            self._above.setdefault(parent, registered.path)

    def nested_with(self, path: str) -> str | None:
        """A directory above or below that other entries export already."""
        above = next((parent for parent in parents(path) if parent in self.directories), None)
        return above or self._above.get(path)
