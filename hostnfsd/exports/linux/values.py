"""The values of Linux options: which exportfs takes, and what they come to."""

import re
from dataclasses import dataclass
from typing import Final

_C_NUMBER: Final = re.compile(r"\s*[+-]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", re.ASCII)
_OCTAL: Final = re.compile(r"\s*[+-]?0[0-7]+", re.ASCII)
_RANGE: Final = re.compile(r"-?[0-9]*(--?[0-9]*)?")
_RANGE_ENDS: Final = re.compile(r"(?:^|-)(-?[0-9]+)")
_REEXPORT: Final = ("none", "auto-fsidnum", "predefined-fsidnum")
_TRANSPORTS: Final = ("none", "tls", "mtls")
_UUID_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class Objection:
    """Why exportfs does not take a value."""

    code: str
    text: str


def objection(name: str, value: str) -> Objection | None:
    """What is wrong with the value of an option; None if it may stand."""
    match name:
        case "fsid" if not _is_fsid(value):
            return Objection("bad-fsid", f'bad fsid "fsid={value}" (a number, root, or a UUID)')
        case "squash_uids" | "squash_gids" if not _RANGE.fullmatch(value):
            return Objection("bad-range", "syntax error: bad uid/gid list")
        case "squash_uids" | "squash_gids" if "-1" in _RANGE_ENDS.findall(value):
            return Objection("bad-range", "syntax error: uid/gid -1 not permitted")
        case "reexport" if value not in _REEXPORT:
            return Objection("bad-reexport", f"bad option {value} ({', '.join(_REEXPORT)})")
        case "xprtsec" if not set(value.split(":")) <= set(_TRANSPORTS):
            text = f"unknown xprtsec mode {value} ({', '.join(_TRANSPORTS)})"
            return Objection("bad-xprtsec", text)
        case _:
            return None


def canonical(name: str, value: str) -> str:
    """A value that may stand, in one spelling: the number of a file system in decimal."""
    if name != "fsid":
        return value
    if value == "root":
        return "0"
    if not _C_NUMBER.fullmatch(value):
        return value
    number = int(value, 8) if _OCTAL.fullmatch(value) else int(value, 0)
    return str(number % (1 << 32))


def _is_fsid(text: str) -> bool:
    if text == "root" or _C_NUMBER.fullmatch(text):
        return True
    return sum(c in "0123456789abcdefABCDEF" for c in text) == _UUID_DIGITS
