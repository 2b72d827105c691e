"""The identity that ``-maproot`` and ``-mapall`` name: ``user``, ``user:`` or ``user:group:…``."""

import re
from dataclasses import dataclass
from typing import Final

from hostnfsd.exports.system import UNKNOWN, System, User

#: NGROUPS_MAX of macOS.
MOST_GROUPS: Final = 16
_NUMERIC: Final = re.compile(r"\s*([+-]?\d{1,18})", re.ASCII)
_WRAP: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Credential:
    """A user and groups, as numbers.

    Attributes:
        uid: the user; None where only the machine that the file is for can tell.
        gids: the groups.
        written: both as written, where ``uid`` is None.
    """

    uid: int | None
    gids: tuple[int, ...]
    written: str = ""


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
    if user is UNKNOWN and colon and _is_number(name):
        user = User(name, _number(name), ())
    if user is UNKNOWN:
        return Read(Credential(None, (), words))
    if user is None and not (colon and _is_number(name)):
        return Refused(f"Unknown user: {name}")
    uid = _number(name) if user is None else user.uid
    if not colon and user is not None:
        return Read(Credential(uid, user.gids[:MOST_GROUPS]))
    gids, remarks = _groups(groups, system)
    return Read(Credential(None, (), words) if gids is None else Credential(uid, gids), remarks)


def _groups(text: str, system: System) -> tuple[tuple[int, ...] | None, tuple[str, ...]]:
    """The numbers of groups, None where only another machine knows them; and what is left out."""
    gids: list[int] = []
    remarks: list[str] = []
    parts = text.split(":") if text else []
    if parts and parts[-1] == "":
        parts.pop()
    for index, group in enumerate(parts):
        if len(gids) == MOST_GROUPS:
            remarks.append(f"Too many groups in {':'.join(parts[index:])}")
            break
        gid = _number(group) if _is_number(group) else system.group(group)
        if gid is UNKNOWN:
            return None, tuple(remarks)
        if gid is None:
            remarks.append(f"Unknown group: {group}")
        else:
            gids.append(gid)
    return tuple(gids), tuple(remarks)
