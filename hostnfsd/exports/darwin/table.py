"""The table of exports that nfsd fills entry by entry, with the conflicts it finds."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hostnfsd.exports.darwin.groups import Group
from hostnfsd.exports.darwin.paths import is_below
from hostnfsd.exports.model import Terms


class Conflict(Exception):  # noqa: N818  # not for users: ends the reading of one entry
    """Clients have other terms for the same directory already; says which."""


@dataclass(slots=True)
class Holders:
    """Who may mount one directory.

    Attributes:
        everybody: the terms of the default export, if there is one.
        named: the rest.
    """

    everybody: Terms | None = None
    named: list[tuple[Group, Terms]] = field(default_factory=list)


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

    def nested_with(self, path: str) -> str | None:
        """A directory above or below that other entries export already."""
        for other in self.directories:
            if is_below(other, path) or is_below(path, other):
                return other
        return None


def register(
    path: str, holders: Holders, groups: Sequence[Group], terms: Terms
) -> tuple[Holders, tuple[str, ...]]:
    """Who may mount a directory once an entry is added.

    Returns:
        The new holders, and remarks about repetitions, which do no harm.

    Raises:
        Conflict: somebody has other terms already.
    """
    if not groups:
        if holders.everybody is None:
            return Holders(terms, list(holders.named)), ()
        if holders.everybody == terms:
            return holders, (f"duplicate default export for {path}",)
        raise Conflict(f"multiple/conflicting default exports for {path}")
    named, remarks = list(holders.named), []
    for group in groups:
        same = next((t for g, t in named if g == group), None)
        if same is not None:
            if same != terms:
                raise Conflict(f"conflicting exports for {path}, {group.name}")
            continue
        near = next(((g, t) for g, t in named if group.overlaps(g)), None)
        if near is None:
            named.append((group, terms))
        elif near[1] != terms:
            raise Conflict(f"conflicting exports for {path}, {group.name}")
        else:
            remarks.append(f"duplicate export for {path}, {group.name} vs. {near[0].name}")
    return Holders(holders.everybody, named), tuple(remarks)
