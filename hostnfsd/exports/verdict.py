"""What a reading of the exports file changes: from what is in effect to what will be. Pure.

A broken file never replaces a working set of exports: what is half an edit to its author must not
let in, or keep out, anybody. A file that is gone is no half edit: without one the server exports
nothing, so nobody is admitted. Where no working set was there before, as at the start, a broken
file counts for what the server makes of it, since that is what clients meet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hostnfsd.exports.changes import Change, diff
from hostnfsd.exports.model import Client, ClientKind, Export, Reading
from hostnfsd.problem import Problem, Severity

_NAMED: Final = {ClientKind.HOST, ClientKind.NETGROUP}
_RANKS: Final = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


class Presence(StrEnum):
    """How the file was found."""

    THERE = "there"
    MISSING = "missing"
    UNREADABLE = "unreadable"


class Standing(StrEnum):
    """How the exports stand; shown in status."""

    PENDING = "pending"  # not read yet
    VALID = "valid"
    INVALID = "invalid"  # the file has errors
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class InForce:
    """The exports in effect.

    Attributes:
        exports: they.
        working: they are of a file without errors.
    """

    exports: tuple[Export, ...] = ()
    working: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a reading.

    Attributes:
        standing: of the file.
        in_force: what is in effect from now on.
        changes: what is other than before.
        kept: what is in effect is not what this reading says, but what was before.
    """

    standing: Standing
    in_force: InForce
    changes: tuple[Change, ...] = ()
    kept: bool = False


def judge(before: InForce, reading: Reading, presence: Presence) -> Verdict:
    """What is in effect once a file was read.

    Args:
        before: what was in effect.
        reading: the file as it is now; of one that is not there, what other files export.
        presence: how it was found.
    """
    if presence is Presence.UNREADABLE:
        return Verdict(Standing.UNREADABLE, before, kept=True)
    if presence is Presence.MISSING:
        standing = Standing.MISSING
    elif reading.error_count == 0:
        standing = Standing.VALID
    elif before.working:
        return Verdict(Standing.INVALID, before, kept=True)
    else:
        standing = Standing.INVALID
    now = InForce(reading.exports, working=standing is Standing.VALID)
    return Verdict(standing, now, diff(before.exports, now.exports))


def presence(reading: Reading, path: str, *, there: bool) -> Presence:
    """How a file was found, by what was said when it was read.

    Args:
        reading: of it, and perhaps of others.
        path: its name.
        there: whether anything is at that path.
    """
    refused = any(p.code == "cannot-open" and p.place.path == path for p in reading.problems)
    if not refused:
        return Presence.THERE
    return Presence.UNREADABLE if there else Presence.MISSING


def unchanged(before: Reading, now: Reading) -> bool:
    """Whether the files say the same, whatever the names in them mean by now."""
    return _written(before) == _written(now)


def _written(reading: Reading) -> tuple[object, ...]:
    return tuple((entry.place, entry.paths, entry.fields) for entry in reading.entries)


def lasting(reading: Reading) -> bool:
    """Whether files that do not change go on to mean the same.

    Not where they name hosts, whose addresses change, nor where something is wrong that may be
    mended elsewhere: a directory that is not there yet, a name that is not known.
    """
    clients = (grant.client for export in reading.exports for grant in export.grants)
    named = any(client.kind in _NAMED and not _is_loopback(client) for client in clients)
    wrong = any(
        p.severity is Severity.ERROR or p.code == "unresolved-host" for p in reading.problems
    )
    return not named and not wrong


def _is_loopback(client: Client) -> bool:
    """``localhost``, which is what it is."""
    return bool(client.addresses) and all(address.is_loopback for address in client.addresses)


def worst_first(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Errors before warnings before notes; else as they were."""
    return tuple(sorted(problems, key=lambda problem: _RANKS[problem.severity]))
