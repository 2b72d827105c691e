"""What changes from one reading of the exports to the next."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from hostnfsd.exports.model import Export, Grant
from hostnfsd.exports.overview import client_text, identity_text, rights_text
from hostnfsd.problem import Place


class Kind(StrEnum):
    """How an export changed."""

    ADDED = "added"
    REMOVED = "removed"
    ALTERED = "altered"


@dataclass(frozen=True, slots=True)
class Change:
    """One export that changed.

    Attributes:
        kind: how.
        path: the export.
        texts: what is other than it was, a line each.
    """

    kind: Kind
    path: str
    texts: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """A sentence for each thing that changed: ``/srv altered: now for everybody``."""
        if not self.texts:
            return (f"{self.path} {self.kind}",)
        return tuple(f"{self.path} {self.kind}: {text}" for text in self.texts)


def diff(old: Iterable[Export], new: Iterable[Export]) -> tuple[Change, ...]:
    """Compare what was exported with what is; where a line stands does not matter.

    Returns:
        Changes in the order of the new file, removed exports last.
    """
    before = {export.path: export for export in old}
    after = {export.path: export for export in new}
    changes: list[Change] = []
    for path, export in after.items():
        if path not in before:
            texts = tuple(f"for {_text(grant)}" for grant in export.grants)
            changes.append(Change(Kind.ADDED, path, texts))
        elif texts := tuple(_altered(before[path], export)):
            changes.append(Change(Kind.ALTERED, path, texts))
    changes += [Change(Kind.REMOVED, path, ()) for path in before if path not in after]
    return tuple(changes)


def _altered(old: Export, new: Export) -> Iterator[str]:
    before = dict.fromkeys(map(_unplaced, old.grants))
    after = dict.fromkeys(map(_unplaced, new.grants))
    yield from (f"no longer for {_text(grant)}" for grant in before if grant not in after)
    yield from (f"now for {_text(grant)}" for grant in after if grant not in before)
    yield from (f"no longer mountable: {path}" for path in old.also if path not in new.also)
    yield from (f"now mountable: {path}" for path in new.also if path not in old.also)


def _unplaced(grant: Grant) -> Grant:
    return replace(grant, client=replace(grant.client, place=Place("")))


def _text(grant: Grant) -> str:
    terms = grant.terms
    words = [client_text(grant.client), rights_text(terms), identity_text(terms), *terms.options]
    words += ["with all directories below"] if terms.subdirectories else []
    return ", ".join(words)
