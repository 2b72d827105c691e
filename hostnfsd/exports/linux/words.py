r"""How exportfs cuts a file into words: nfs-utils, support/nfs/xio.c.

A comment begins where a word could begin, and nowhere else: ``/p host(rw)#x`` is one bad word. A
backslash before a line break is one blank, and the blanks after it are eaten. A double quote turns
quoting on and off anywhere, line breaks included. Three octal digits after a backslash are a byte.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from hostnfsd.exports.source import Source, Span

#: isspace(3).
_SPACE: Final = frozenset(" \t\n\r\v\f")
_OCTAL: Final = frozenset("01234567")
_ESCAPE: Final = 4  # backslash and three digits
_ASCII: Final = 0x80
_BYTE_ESCAPE: Final = 0xDC00  # surrogateescape, PEP 383

#: Sizes of the buffers of exportfs, the final NUL included.
PATH_SIZE: Final = 4097
CLIENT_SIZE: Final = 512


class Ending(Enum):
    """How a word ended."""

    WORD = "word"
    NONE = "none"  # there was none: the entry is over
    TOO_LONG = "too-long"


@dataclass(frozen=True, slots=True)
class Word:
    """What was found where a word could be.

    Attributes:
        span: the word without quotes, escapes decoded; of one that is too long the beginning,
            and a filling.
        ending: how it ended.
        open_quote: a quote in it was never closed: it took in the rest of the file.
    """

    span: Span
    ending: Ending
    open_quote: bool = False


class Words:
    """Walks through a file."""

    def __init__(self, source: Source) -> None:
        self._text = source.text
        self._at = 0

    @property
    def over(self) -> bool:
        """Whether everything was read."""
        return self._at >= len(self._text)

    @property
    def more(self) -> bool:
        """Whether anything but blanks is left."""
        return bool(self._text[self._at :].strip())

    def path(self) -> Word:
        """The word that begins an entry, wherever the next one is."""
        self._skip(" \t\n")
        return self._word(PATH_SIZE)

    def client(self) -> Word:
        """The next word of the entry."""
        self._skip(" \t")
        return self._word(CLIENT_SIZE)

    def skip_line(self) -> None:
        """On to the next line: exportfs never does, it gives up."""
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end

    def _next(self, at: int) -> tuple[str, int]:
        """The character at an offset, and where the next one is; empty at the end."""
        if self._text[at : at + 2] == "\\\n":
            at += 2
            while self._text[at : at + 1] in {" ", "\t"}:
                at += 1
            return " ", at
        return self._text[at : at + 1], at + 1

    def _skip(self, blanks: str) -> None:
        while self._at < len(self._text):
            character, after = self._next(self._at)
            if character == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
                if end < 0 or "\n" not in blanks:
                    return
            elif character in blanks:
                self._at = after
            else:
                return

    def _word(self, size: int) -> Word:
        taken: list[tuple[str, int]] = []
        quoted = False
        width = 0
        while width < size:
            at = self._at
            character, after = self._next(at)
            if not character:
                break
            if not quoted and (character in _SPACE or character == "\0"):
                if character != "\n":
                    self._at = after
                break
            self._at = after
            if character == '"':
                quoted = not quoted
                continue
            taken.append((character, at))
            width += _width(character)
            if _is_octal([c for c, _ in taken[-_ESCAPE:]]):
                first = taken[-_ESCAPE][1]
                byte = int("".join(c for c, _ in taken[-3:]), 8) & 0xFF
                del taken[-_ESCAPE:]
                taken.append((chr(byte if byte < _ASCII else _BYTE_ESCAPE + byte), first))
                width -= 3
        if width >= size:
            return Word(_overlong(taken, size, self._at), Ending.TOO_LONG)
        return Word(_up_to_nul(taken, self._at), Ending.WORD if taken else Ending.NONE, quoted)


def _overlong(characters: list[tuple[str, int]], size: int, end: int) -> Span:
    """The beginning of a word, filled up: just too long, however it is written."""
    beginning = characters[: size // 8]
    left = size - sum(_width(character) for character, _ in beginning)
    return Span.of(beginning + [("x", end)] * left, end)


def _width(character: str) -> int:
    # An escaped byte is one byte, and so is the question mark that stands for it here.
    return len(character.encode("utf-8", "replace"))


def _is_octal(last: list[str]) -> bool:
    return len(last) == _ESCAPE and last[0] == "\\" and _OCTAL.issuperset(last[1:])


def _up_to_nul(characters: list[tuple[str, int]], end: int) -> Span:
    for index, (character, offset) in enumerate(characters):
        if character == "\0":
            return Span.of(characters[:index], offset)
    return Span.of(characters, characters[-1][1] + 1 if characters else end)


def decoded(text: str) -> str:
    """A word whose escaped bytes are put together to characters where they are UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text
