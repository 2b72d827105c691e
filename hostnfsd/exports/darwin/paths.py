"""How nfsd compares and orders directories."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hostnfsd.exports.source import Span
from hostnfsd.exports.system import FileKind, System

#: RPCMNT_NAMELEN.
LONGEST: Final = 255


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of an entry, and where it is written."""

    path: str
    at: Span


def is_below(parent: str, path: str) -> bool:
    """Whether a path is strictly below another, by its text."""
    return path != parent and path.startswith(parent if parent == "/" else parent + "/")


def parents(path: str) -> Iterator[str]:
    """Every directory strictly above a path, the nearest first."""
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        yield path


def ordered(directories: list[Directory]) -> list[Directory]:
    """Sorted as nfsd walks them: each directory, then all that are below it."""
    return sorted(directories, key=lambda d: () if d.path == "/" else tuple(d.path.split("/")[1:]))


def common_parent(paths: list[str]) -> str:
    """The deepest directory that contains them all."""
    parts = [p.split("/") for p in paths]
    depth = 0
    while all(len(p) > depth for p in parts) and len({p[depth] for p in parts}) == 1:
        depth += 1
    return "/".join(parts[0][:depth]) or "/"


def culprit(path: str, system: System) -> tuple[str, FileKind | None] | None:
    """The first component that is not a directory: nfsd follows no symbolic link.

    Returns:
        The path up to it and what is there instead; None if all are directories.
    """
    at = path.find("/", 1)
    while at >= 0:
        if (kind := system.kind(path[:at])) is not FileKind.DIRECTORY:
            return path[:at], kind
        at = path.find("/", at + 1)
    kind = system.kind(path)
    return None if kind is FileKind.DIRECTORY else (path, kind)
