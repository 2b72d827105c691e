"""Lines of ssh_config that forward our ports, to be deleted: those of one alias only. Pure.

What an alias forwards is asked of ssh(1); where that is written only the files tell.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hostnfsd.doctor.own_ssh import port_of
from hostnfsd.init.ssh_hosts import DEPTH, directives

#: The files that an Include names, with their texts.
Included = Callable[[str], Iterable[tuple[Path, str]]]


class Place(NamedTuple):
    """A line of a file, from 1."""

    path: Path
    line: int


@dataclass(frozen=True, slots=True)
class _Reader:
    name: str
    ours: Collection[int]
    included: Included

    def lines(self, path: Path, text: str, depth: int) -> Iterator[Place]:
        applies = True
        for each in directives(text):
            match each.keyword:
                case "host":
                    applies = _is_meant(self.name, each.words)
                case "match":
                    applies = True
                case "include" if applies and depth < DEPTH:
                    yield from self.include(each.words, depth + 1)
                case "remoteforward" if applies and self.is_ours(each.words):
                    yield Place(path, each.line)

    def include(self, patterns: Iterable[str], depth: int) -> Iterator[Place]:
        for pattern in patterns:
            for path, text in self.included(pattern):
                yield from self.lines(path, text, depth)

    def is_ours(self, words: list[str]) -> bool:
        return bool(words) and port_of(words[0]) in self.ours


def lines(
    path: Path, text: str, name: str, ours: Collection[int], included: Included
) -> tuple[Place, ...]:
    """The lines that forward ports of ours for an alias, those of included files among them.

    Of a Match block only ssh(1) knows whether it applies: its lines count.

    Args:
        path: of the file.
        text: what it says.
        name: of the alias.
        ours: the gateway's ports.
        included: gives the files that the argument of an Include names.
    """
    return tuple(dict.fromkeys(_Reader(name, ours, included).lines(path, text, 0)))


def _is_meant(name: str, patterns: Iterable[str]) -> bool:
    """Whether a Host line is for a name (ssh_config(5), PATTERNS)."""
    found = False
    for pattern in patterns:
        bare = pattern.removeprefix("!").lower()
        made = re.escape(bare).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(made, name.lower()):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def told(places: Iterable[Place]) -> str:
    """``/a, line 3, 4; /b, line 1``."""
    files: dict[Path, list[str]] = {}
    for place in places:
        files.setdefault(place.path, []).append(str(place.line))
    return "; ".join(f"{path}, line {', '.join(numbers)}" for path, numbers in files.items())
