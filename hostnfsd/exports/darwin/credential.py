"""The identity that ``-maproot`` and ``-mapall`` name: ``user``, ``user:`` or ``user:group:…``."""

import re
from dataclasses import dataclass
from typing import Final

from hostnfsd.exports.system import System

#: NGROUPS_MAX of macOS.
MOST_GROUPS: Final = 16
_NUMERIC: Final = re.compile(r"\s*([+-]?\d{1,18})", re.ASCII)
_WRAP: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Credential:
    """A user and groups, as numbers."""

    uid: int
    gids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """It cannot be used: nfsd counts an error and drops the line."""

    text: str


@dataclass(frozen=True, slots=True)
class Read:
    """What it means, and what nfsd passes over."""

    credential: Credential
    remarks: tuple[str, ...] = ()


def _number(text: str) -> int:
    """atoi(3), as a 32 bit identity with the usual -2 for nobody."""
    match = _NUMERIC.match(text)
    value = int(match.group(1)) % _WRAP if match else 0
    return value - _WRAP if value >= _WRAP // 2 else value


def _is_number(text: str) -> bool:
    return text[:1] == "-" or (text[:1].isascii() and text[:1].isdigit())


def read(text: str, system: System) -> Read | Refused:
    """What a value of ``-maproot`` or ``-mapall`` means.

    A number needs no user of that number where groups are given. Unknown groups are passed over.
    """
    words = re.split(r"[ \t\n]", text, maxsplit=1)[0]
    name, colon, groups = words.partition(":")
    user = system.user_of(_number(name)) if _is_number(name) else system.user(name)
    if not colon:
        if user is None:
            return Refused(f"Unknown user: {name}")
        return Read(Credential(user.uid, user.gids[:MOST_GROUPS]))
    if user is None and not _is_number(name):
        return Refused(f"Unknown user: {name}")
    uid = user.uid if user is not None else _number(name)
    gids: list[int] = []
    remarks: list[str] = []
    parts = groups.split(":") if groups else []
    if parts and parts[-1] == "":
        parts.pop()
    for index, group in enumerate(parts):
        if len(gids) == MOST_GROUPS:
            remarks.append(f"Too many groups in {':'.join(parts[index:])}")
            break
        gid = _number(group) if _is_number(group) else system.group(group)
        if gid is None:
            remarks.append(f"Unknown group: {group}")
        else:
            gids.append(gid)
    return Read(Credential(uid, tuple(gids)), tuple(remarks))
