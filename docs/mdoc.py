"""Prose as mdoc(7), the language of manual pages.

Texts of the program and of its pages hold ```code``` and ``**stress**``; a macro begins its own
line there, so that words are put on lines of their own where they have to be.
"""  # noqa: INP001  # a script's part beside the pages it writes, not a package

import re
from collections.abc import Iterable, Iterator
from textwrap import wrap

#: A word with code or stress in it: what stands before, what it is, and what stands after.
_MARKED = re.compile(
    r"^(?P<before>[(\[\"]*)(?:`(?P<code>[^`]*)`|\*\*(?P<bold>[^*]*)\*\*)(?P<after>.*)$"
)
_WORD = re.compile(r"(?:[^\s`*]|`[^`]*`|\*\*[^*]*\*\*|\*)+")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
#: mdoc begins a new sentence on a new line.
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)")
#: Arguments that are set without a blank before them, mdoc(7), "Delimiters".
_CLOSING = frozenset(".,:;)]?!")
_WIDTH = 78


def text(words: str) -> str:
    """Text that stands on a line of its own or in an argument without blanks."""
    escaped = words.replace("\\", "\\e")
    return f"\\&{escaped}" if escaped[:1] in {".", "'"} else escaped


def argument(words: str) -> str:
    """One argument of a macro; in quotes where it has blanks or could be taken for a macro."""
    if not words:
        return '""'
    escaped = words.replace("\\", "\\e").replace('"', "\\(dq")
    # A word of two or three letters may be the name of a macro, and a bar is a delimiter.
    if re.fullmatch(r"[A-Z%][A-Za-z]{1,2}|[.,:;()\[\]?!|]", escaped):
        escaped = f"\\&{escaped}"
    return f'"{escaped}"' if re.search(r"\s", escaped) else escaped


def prose(words: str) -> str:
    """A paragraph, one line or more, each ended."""
    plain = _LINK.sub(r"\1", words)
    lines = (line for sentence in _SENTENCE.split(plain) for line in _sentence(sentence))
    return "".join(f"{line}\n" for line in lines)


def option(names: Iterable[str], value: str | None = None) -> str:
    """The macros of an option, ``--long`` or ``-s``, and of its value."""
    shown = " , ".join(f"Fl {name.removeprefix('-')}" for name in names)
    return shown if value is None else f"{shown} Ar {argument(value)}"


def _sentence(words: str) -> Iterator[str]:
    line: list[str] = []
    for word in _WORD.findall(words):
        marked = _MARKED.match(word)
        if marked is None:
            line.append(word)
            continue
        yield from _filled(line)
        line = []
        yield _macro(marked)
    yield from _filled(line)


def _filled(words: list[str]) -> Iterator[str]:
    lines = wrap(" ".join(words), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return map(text, lines)


def _macro(marked: re.Match[str]) -> str:
    code, bold, after = marked["code"], marked["bold"], marked["after"]
    shown = f"Ql {argument(code)}" if code is not None else f"Em {argument(bold)}"
    if marked["before"]:
        shown = f"Pf {argument(marked['before'])} {shown}"
    if after and set(after) <= _CLOSING:
        shown += "".join(f" {sign}" for sign in after)
    elif after:
        shown += f" Ns {argument(after.replace('`', ''))}"
    return f".{shown}"
