"""Which files exportfs reads beside /etc/exports: those of /etc/exports.d."""

import re
from collections.abc import Iterable
from typing import Final

_SUFFIX: Final = ".exports"
_PARTS: Final = re.compile(r"[0-9]+|.", re.DOTALL)


def included(names: Iterable[str]) -> tuple[str, ...]:
    """The names in the folder that are read, in the order they are read in.

    Numbers in names are compared as numbers (versionsort(3)): ``9-a.exports`` comes before
    ``10-a.exports``.
    """
    read = [n for n in names if n.endswith(_SUFFIX) and n != _SUFFIX and not n.startswith(".")]
    return tuple(sorted(read, key=_version))


def _version(name: str) -> tuple[tuple[int, int], ...]:
    # A number stands where its first digit would.
    return tuple(
        (ord("0"), int(part)) if part.isdecimal() else (ord(part), 0)
        for part in _PARTS.findall(name)
    )
