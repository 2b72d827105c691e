"""Writes entries the way their server reads them: one line each, what is read again is the same."""

from collections.abc import Iterable
from typing import Final

from hostnfsd.exports.model import Dialect, Entry

#: What nfsd of macOS would not take literally in a word of its own.
_DARWIN_SPECIAL: Final = frozenset(" \t\\'\"")
_DARWIN_DROPPED: Final = frozenset(" \t\\")
#: What exportfs(8) writes as octal in its own table, support/nfs/exports.c.
_LINUX_SPECIAL: Final = frozenset('"\\#')
_LINUX_UNQUOTABLE: Final = frozenset('"\\\0')
#: exportfs decodes an escape in a buffer that just holds a client: near its end there is no room.
_LINUX_TIGHT: Final = range(500, 512)


def render(dialect: Dialect, entries: Iterable[Entry]) -> str:
    """The text of a file with these entries."""
    return "".join(line(dialect, entry) + "\n" for entry in entries)


def line(dialect: Dialect, entry: Entry) -> str:
    """One entry, without a line break."""
    match dialect:
        case Dialect.DARWIN:
            text = " ".join((*map(_darwin_path, entry.paths), *entry.fields))
            # Only a NUL, which ends what nfsd reads, keeps such an end from being dropped.
            return text + "\0" if text[-1:] in _DARWIN_DROPPED else text
        case Dialect.LINUX:
            return " ".join(map(_linux_word, (*entry.paths, *entry.fields)))


def _darwin_path(path: str) -> str:
    if _DARWIN_SPECIAL.isdisjoint(path):
        return path
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _linux_word(word: str) -> str:
    if not word:
        # Nothing before a NUL: the only way to write an empty word.
        return "\\000"
    width = len(word.encode("utf-8", "replace"))
    if width in _LINUX_TIGHT and _LINUX_UNQUOTABLE.isdisjoint(word):
        return f'"{word}"'
    return "".join(
        f"\\{ord(c):03o}" if c in _LINUX_SPECIAL or c <= " " or c == "\x7f" else c for c in word
    )
