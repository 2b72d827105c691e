"""What exportfs would export, entry by entry, with the repetitions it finds."""

from dataclasses import dataclass, field

from hostnfsd.exports.findings import Findings
from hostnfsd.exports.model import Client, ClientKind, Export, Grant
from hostnfsd.exports.source import Span
from hostnfsd.exports.system import FileKind, System
from hostnfsd.problem import Place


@dataclass(slots=True)
class _Export:
    place: Place
    grants: list[Grant] = field(default_factory=list)
    known: dict[object, Grant] = field(default_factory=dict)


class Table:
    """The exports of all files so far."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._exports: dict[str, _Export] = {}

    def exports(self) -> tuple[Export, ...]:
        """What is exported, in the order written."""
        return tuple(
            Export(path, export.place, tuple(export.grants))
            for path, export in self._exports.items()
        )

    def add(
        self, path: str, place: Place, grant: Grant, *, path_at: Span, at: Span, findings: Findings
    ) -> None:
        """One client of one directory.

        Args:
            path: as written; links in it are followed.
            place: where the path stands, for an export that is new.
            grant: the client.
            path_at: where the path stands, for problems.
            at: where the client stands, for problems.
            findings: gets what is wrong.
        """
        real = self._system.physical(path)
        export = self._exports.get(real)
        if export is None:
            export = self._exports[real] = _Export(place)
            self._look(path, real, path_at, findings)
        keys = _keys(grant.client)
        other = next((export.known[key] for key in keys if key in export.known), None)
        if other is not None:
            self._repeated(other, grant, real, at=at, findings=findings)
            return
        export.grants.append(grant)
        export.known.update(dict.fromkeys(keys, grant))

    def _look(self, path: str, real: str, at: Span, findings: Findings) -> None:
        kind = self._system.kind(real)
        if kind is None:
            text = f"Failed to stat {path}: No such file or directory"
            findings.error("not-a-directory", at, text)
        elif kind is not FileKind.DIRECTORY:
            text = f"{path} is not a directory. Remote access will fail"
            findings.error("not-a-directory", at, text)

    def _repeated(
        self, other: Grant, grant: Grant, path: str, *, at: Span, findings: Findings
    ) -> None:
        same = other.terms == grant.terms
        what = "duplicated" if same else "incompatible duplicated"
        text = (
            f"{what} export entries: {grant.client.text or '*'}:{path} is exported in "
            f"{other.client.place.path}:{other.client.place.line} already, this one is ignored"
        )
        hint = None if same else "the first one counts: write all options there"
        findings.error("duplicate" if same else "options-conflict", at, text, hint)


def _keys(client: Client) -> list[object]:
    """What no second client of an export may have: an address, or a name of its kind."""
    if client.kind in {ClientKind.HOST, ClientKind.ADDRESS}:
        return list(client.addresses) or [(client.kind, client.text)]
    return [(client.kind, client.text.lower())]
