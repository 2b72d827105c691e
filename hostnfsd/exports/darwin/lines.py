r"""How nfsd puts lines together and takes them apart into fields.

A run of blanks and backslashes at the end of a line is dropped, and a backslash among it joins
the next line, with nothing in between: ``/a \`` and ``-ro`` become ``/a-ro``. It does so for
comments too. Fields end at a blank; quotes count only at the start of a field.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hostnfsd.exports.source import Source, Span

_TAIL: Final = " \t\n\\"
_BLANK: Final = " \t"
_QUOTES: Final = "'\""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry, joined.

    Attributes:
        number: of its first physical line, from 1: the one nfsd names in messages.
        text: its characters.
        joints: the offsets of first characters that were joined to a character before them with no
            blank in between.
        joined: how many physical lines it has.
        lost: the file ended where a backslash promised more; nfsd drops it without a word.
    """

    number: int
    text: Span
    joints: tuple[int, ...]
    joined: int
    lost: bool = False


def lines(source: Source) -> Iterator[Line]:
    """Every entry of a file, comments included, blank lines not."""
    characters: list[tuple[str, int]] = []
    joints: list[int] = []
    number, joined, offset = 1, 1, 0
    continued = False
    for physical in _physical(source.text):
        kept = physical.rstrip(_TAIL)
        continued = "\\" in physical[len(kept) :]
        if characters and kept and kept[0] not in _BLANK:
            joints.append(offset)
        characters.extend((c, offset + i) for i, c in enumerate(kept))
        offset += len(physical)
        if continued:
            joined += 1
        elif not characters:
            number, joined = number + joined, 1
        else:
            yield Line(number, _cut(characters, offset), tuple(joints), joined)
            number, joined = number + joined, 1
            characters, joints = [], []
    if continued and characters:
        yield Line(number, _cut(characters, offset), tuple(joints), joined - 1, lost=True)


def _physical(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _cut(characters: list[tuple[str, int]], end: int) -> Span:
    """The characters up to a NUL, where C strings end."""
    for index, (character, offset) in enumerate(characters):
        if character == "\0":
            return Span.of(characters[:index], offset)
    return Span.of(characters, characters[-1][1] + 1 if characters else end)


@dataclass(frozen=True, slots=True)
class Field:
    """A word of a line.

    Attributes:
        text: as written, with quotes and escapes.
        open_quote: it begins with a quote that is never closed, and so reaches to the line's end.
    """

    text: Span
    open_quote: bool = False


def fields(line: Span) -> tuple[Field, ...]:
    """The words of a line."""
    found: list[Field] = []
    at = 0
    while True:
        while at < len(line) and line[at] in _BLANK:
            at += 1
        if at >= len(line):
            return tuple(found)
        end, closed = _quoted_end(line, at) if line[at] in _QUOTES else (_plain_end(line, at), True)
        found.append(Field(line[at:end], not closed))
        at = end


def _quoted_end(line: Span, start: int) -> tuple[int, bool]:
    at = start + 1
    while at < len(line):
        if line[at] == "\\":
            at += 1
        elif line[at] == line[start]:
            return at + 1, True
        at += 1
    return len(line), False


def _plain_end(line: Span, start: int) -> int:
    at = start
    while at < len(line) and line[at] not in _BLANK:
        at += 2 if line[at] == "\\" else 1
    return min(at, len(line))


def is_path(field: Span) -> bool:
    """Whether nfsd takes a field for a directory."""
    text = field.text
    return text.startswith("/") or (text[:1] in _QUOTES and text[1:2] == "/")


def clean_path(field: Field) -> str:
    """The directory that a field names: no quotes, no escapes, no slashes at the end."""
    text = field.text.text
    if text[0] in _QUOTES:
        text = text[1:] if field.open_quote else text[1:-1]
    path, escaped = [], False
    for character in text:
        if character == "\\" and not escaped:
            escaped = True
            continue
        path.append(character)
        escaped = False
    return "".join(path).rstrip("/") or "/"
