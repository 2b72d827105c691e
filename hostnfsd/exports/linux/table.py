"""What exportfs would export, entry by entry, with the repetitions it finds."""

from dataclasses import replace

from hostnfsd.exports.findings import Findings
from hostnfsd.exports.model import Client, ClientKind, Export, Grant
from hostnfsd.exports.source import Span
from hostnfsd.exports.system import FileKind, System
from hostnfsd.problem import Place


class Table:
    """The exports of all files so far."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._exports: dict[str, Export] = {}

    def exports(self) -> tuple[Export, ...]:
        """What is exported, in the order written."""
        return tuple(self._exports.values())

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
            export = Export(real, place, ())
            self._look(path, real, path_at, findings)
        for other in export.grants:
            if _same(other.client, grant.client):
                self._repeated(other, grant, real, at=at, findings=findings)
                break
        else:
            export = replace(export, grants=(*export.grants, grant))
        self._exports[real] = export

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


def _same(one: Client, other: Client) -> bool:
    hosts = {ClientKind.HOST, ClientKind.ADDRESS}
    if one.kind in hosts and other.kind in hosts:
        return bool(set(one.addresses) & set(other.addresses))
    return one.kind is other.kind and one.text.lower() == other.text.lower()
