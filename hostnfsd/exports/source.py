"""The text of an exports file, and runs of its characters that know where they stand.

Servers join lines, drop escapes and decode octal before they look for words. A :class:`Span` keeps
for every character that is left the offset it came from, so that a problem in the middle of a
joined line still points at the right spot.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Self, overload

from hostnfsd.problem import Place


@dataclass(frozen=True, slots=True)
class Source:
    """A file.

    Attributes:
        path: its name, for messages.
        text: its content; bytes that are not UTF-8 stand in it as surrogate escapes.
        missing: it is not there, or cannot be read: to servers that is an error of its own.
        why: what keeps it from being read, where it is there.
    """

    path: str
    text: str
    missing: bool = False
    why: str = ""
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = [0]
        starts.extend(i + 1 for i, c in enumerate(self.text) if c == "\n")
        object.__setattr__(self, "_starts", tuple(starts))

    def place(self, offset: int) -> Place:
        """Where a character stands: line and column, both from 1."""
        line = bisect_right(self._starts, offset)
        return Place(self.path, line, offset - self._starts[line - 1] + 1)


@dataclass(frozen=True, slots=True)
class Span:
    """A run of characters as the server sees them.

    Attributes:
        text: the characters.
        offsets: where each of them stands in the file.
        end: where the next one would stand.
    """

    text: str
    offsets: tuple[int, ...]
    end: int

    @classmethod
    def of(cls, characters: list[tuple[str, int]], end: int) -> Self:
        """From pairs of character and offset."""
        return cls("".join(c for c, _ in characters), tuple(o for _, o in characters), end)

    @property
    def start(self) -> int:
        """The offset of its first character."""
        return self.offsets[0] if self.offsets else self.end

    def __len__(self) -> int:
        return len(self.text)

    @overload
    def __getitem__(self, key: int) -> str: ...
    @overload
    def __getitem__(self, key: slice) -> "Span": ...
    def __getitem__(self, key: int | slice) -> "str | Span":
        if isinstance(key, int):
            return self.text[key]
        _, stop, _ = key.indices(len(self.text))
        end = self.offsets[stop] if stop < len(self.offsets) else self.end
        return Span(self.text[key], self.offsets[key], end)

    def partition(self, separator: str) -> "tuple[Span, Span | None]":
        """What stands before the first separator, and what stands after it, if it is there."""
        at = self.text.find(separator)
        return (self, None) if at < 0 else (self[:at], self[at + len(separator) :])

    def split(self, separator: str) -> "tuple[Span, ...]":
        """The parts between separators."""
        parts: list[Span] = []
        rest: Span | None = self
        while rest is not None:
            part, rest = rest.partition(separator)
            parts.append(part)
        return tuple(parts)
