"""Where each key of a TOML text stands, for messages only.

tomli gives values without positions. This scanner goes over a text that tomli has already accepted,
so it need not judge, only walk: TOML 1.0 headers, dotted and quoted keys, inline tables, arrays and
arrays of tables. A path is the sequence of keys (strings) and list positions (integers) that leads
to a value in what tomli returns.
"""

import bisect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import tomli

from hostnfsd.problem import Place

Path = tuple[str | int, ...]

_BLANK: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_KEY_PART: Final = re.compile(
    r"""(?P<bare>[A-Za-z0-9_-]+)|'(?P<literal>[^'\n]*)'|(?P<basic>"(?:[^"\\\n]|\\.)*")"""
)
_STRING: Final = re.compile(
    # Up to two quotes may stand before the three that end a multi-line string.
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN: Final = re.compile(r"[^,\]}#\n]*")


@dataclass(frozen=True, slots=True)
class Places:
    """The places of a text's keys.

    Attributes:
        path: the file.
        known: line and column of every key, table header and list element.
    """

    path: str
    known: Mapping[Path, tuple[int, int]] = field(default_factory=dict)

    def find(self, key: Path) -> Place:
        """The place of ``key``, else of the nearest table around it, else the whole file."""
        for length in range(len(key), 0, -1):
            if (spot := self.known.get(key[:length])) is not None:
                return Place(self.path, *spot)
        return Place(self.path)

    def __contains__(self, key: Path) -> bool:
        return key in self.known


def locate(text: str, path: str) -> Places:
    """Find every key of ``text``, which must be valid TOML.

    Raises:
        RecursionError: values nested deeper than Python's stack; tomli refuses those first.
    """
    return Places(path, _Scanner(text).scan())


class _Scanner:
    """One pass over the text; ``_at`` is the offset of the next character."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._offsets: dict[Path, int] = {}
        self._headers: set[Path] = set()
        self._lengths: dict[Path, int] = {}

    def scan(self) -> dict[Path, tuple[int, int]]:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
        starts = [0, *(match.end() for match in re.finditer("\n", self._text))]
        spots = {}
        for key, offset in self._offsets.items():
            line = bisect.bisect_right(starts, offset)
            spots[key] = (line, offset - starts[line - 1] + 1)
        return spots

    def _skip(self, what: re.Pattern[str]) -> str:
        match = what.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match.group()

    def _header(self) -> Path:
        array = self._text.startswith("[[", self._at)
        self._at += 2 if array else 1
        parts = self._key()
        self._at += 2 if array else 1
        table: Path = ()
        for part, offset in parts[:-1]:
            table = self._element((*table, part))
            self._offsets.setdefault(table, offset)
        last, offset = parts[-1]
        table = (*table, last)
        if array:
            self._offsets.setdefault(table, offset)
            self._lengths[table] = self._lengths.get(table, 0) + 1
            table = self._element(table)
        if table not in self._headers:
            # A header of its own says more than [table.child] did before it.
            self._headers.add(table)
            self._offsets[table] = offset
        return table

    def _element(self, table: Path) -> Path:
        """A header below an array of tables speaks of the array's last element."""
        length = self._lengths.get(table)
        return table if length is None else (*table, length - 1)

    def _key(self) -> list[tuple[str, int]]:
        parts: list[tuple[str, int]] = []
        while True:
            self._skip(_SPACE)
            start = self._at
            match = _KEY_PART.match(self._text, start)
            if match is None:  # not valid TOML after all: step on, so as to end
                self._at += 1
                return parts or [("", start)]
            self._at = match.end()
            name = match["bare"] or match["literal"] or ""
            if match["basic"]:
                name = tomli.loads(f"key = {match['basic']}")["key"]
            parts.append((name, start))
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _pair(self, table: Path) -> None:
        key = table
        for part, offset in self._key():
            key = (*key, part)
            self._offsets.setdefault(key, offset)
        self._at += 1  # the "="
        self._skip(_SPACE)
        self._value(key)

    def _value(self, key: Path) -> None:
        first = self._text[self._at : self._at + 1]
        if first == "[":
            self._list(key)
        elif first == "{":
            self._inline_table(key)
        elif first in {'"', "'"}:
            self._skip(_STRING)
        else:
            self._skip(_PLAIN)

    def _list(self, key: Path) -> None:
        self._at += 1
        self._skip(_BLANK)
        position = 0
        while not self._ended("]"):
            self._offsets[*key, position] = self._at
            self._value((*key, position))
            position += 1
            self._separator()
        self._at += 1

    def _inline_table(self, key: Path) -> None:
        self._at += 1
        self._skip(_BLANK)
        while not self._ended("}"):
            self._pair(key)
            self._separator()
        self._at += 1

    def _separator(self) -> None:
        self._skip(_BLANK)
        if self._text.startswith(",", self._at):
            self._at += 1
            self._skip(_BLANK)

    def _ended(self, bracket: str) -> bool:
        return self._at >= len(self._text) or self._text.startswith(bracket, self._at)
