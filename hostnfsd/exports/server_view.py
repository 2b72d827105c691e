"""What the server itself says it exports, held against the file.

MOUNT EXPORT (RFC 1813 appendix I, section 5.2.5) lists paths and names of groups, none of them for
everybody. How names are spelled is each server's own: so the paths are compared, and whether an
export is for everybody.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from hostnfsd.exports.model import ClientKind, Dialect, Export, Reading
from hostnfsd.problem import Place, Problem, Severity
from hostnfsd.readable import printable

#: What stands for everybody in a list of names.
_EVERYBODY: Final = frozenset({"*", "(everyone)", "(Everyone)"})
_APPLY: Final = {Dialect.DARWIN: "sudo nfsd update", Dialect.LINUX: "sudo exportfs -ra"}


def compare(
    reading: Reading, listed: Mapping[str, Iterable[str]], path: str
) -> tuple[Problem, ...]:
    """Where the server and the file differ: mostly the file changed, the server was not told.

    Args:
        reading: the file.
        listed: what the server lists: paths with the names they are exported to.
        path: the file's name, for what is not in it.
    """
    found: list[Problem] = []
    meant = {export.path: export for export in reading.exports if _served(export)}
    # What is offline may be listed all the same, with a mark.
    known = {export.path for export in reading.exports}
    known.update(also for export in reading.exports for also in export.also)
    hint = f"tell the server what the file says: {_APPLY[reading.dialect]}"
    for export in meant.values():
        names = listed.get(export.path)
        if names is None:
            text = "the file exports it, the server does not: the file changed since it was read"
            found.append(_problem("not-served", export.place, export.path, text, hint))
        elif _everybody(export) != _is_for_everybody(names):
            said = "everybody" if _is_for_everybody(names) else "some clients only"
            text = f"the server exports it to {said}, unlike the file: the file changed since"
            found.append(_problem("served-otherwise", export.place, export.path, text, hint))
    for name in listed:
        if name not in known:
            text = "the server exports it, the file does not: the file changed since it was read"
            found.append(_problem("still-served", Place(path), name, text, hint))
    return tuple(found)


def _served(export: Export) -> bool:
    return any(not grant.terms.offline for grant in export.grants)


def _everybody(export: Export) -> bool:
    return any(grant.client.kind is ClientKind.WORLD for grant in export.grants)


def _is_for_everybody(names: Iterable[str]) -> bool:
    listed = list(names)
    return not listed or not _EVERYBODY.isdisjoint(listed)


def _problem(code: str, place: Place, subject: str, text: str, hint: str) -> Problem:
    return Problem(code, Severity.WARNING, place, printable(subject), text, hint)
