"""Collects what is found while a file is read."""

from hostnfsd.exports.source import Source, Span
from hostnfsd.problem import Place, Problem, Severity
from hostnfsd.readable import printable


class Findings:
    """The problems of one file, in the order found."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._problems: list[Problem] = []

    def error(self, code: str, at: Span | Place, text: str, hint: str | None = None) -> None:
        """What refuses an entry, or part of it."""
        self._add(Severity.ERROR, code, at, text, hint)

    def warning(self, code: str, at: Span | Place, text: str, hint: str | None = None) -> None:
        """What the server takes in another way than was meant."""
        self._add(Severity.WARNING, code, at, text, hint)

    def note(self, code: str, at: Span | Place, text: str, hint: str | None = None) -> None:
        """What is good to know."""
        self._add(Severity.NOTE, code, at, text, hint)

    def cannot_open(self, text: str, create: str) -> None:
        """What the server says of a file that it cannot read, and how to create one."""
        why = self._source.why
        hint = f"hostnfsd cannot read it: see ls -ld {self._source.path}" if why else create
        text = f"{text}: {why}" if why else text
        self.error("cannot-open", Place(self._source.path), text, hint)

    def all(self) -> tuple[Problem, ...]:
        """What was found."""
        return tuple(self._problems)

    def _add(
        self, severity: Severity, code: str, at: Span | Place, text: str, hint: str | None
    ) -> None:
        if isinstance(at, Span):
            place, subject = self._source.place(at.start), at.text
        else:
            place, subject = at, "exports"
        hint = None if hint is None else printable(hint)
        self._problems.append(
            Problem(code, severity, place, printable(subject) or "''", printable(text), hint)
        )
