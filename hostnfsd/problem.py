"""A problem: what is wrong, where, and what to do about it. One text form and one JSON form.

Shared by the configuration reader, the exports readers and the doctor, so that a person who has
learned to read one of them can read all. The text form is the one compilers use, which editors
and terminals make clickable::

    path:line:column: severity: KEY-OR-SUBJECT: what is wrong (what is allowed) [code]
        hint: what to do next
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is: an error refuses the input, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A spot in a file. Lines and columns count from 1; None where the whole file is meant."""

    path: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [self.path, *(str(n) for n in (self.line, self.column) if n is not None)]
        return ":".join(parts)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.

    Attributes:
        code: stable kebab-case name, to be searched for and tested against.
        severity: whether it refuses the input.
        place: where it stands.
        subject: the key, export or check it is about, as the user wrote it.
        text: what is wrong, with what is allowed in parentheses.
        hint: what to do next, if there is more to say than ``text`` does.
    """

    code: str
    severity: Severity
    place: Place
    subject: str
    text: str
    hint: str | None = None

    def render(self) -> str:
        """The text form, without a final newline; two lines where there is a hint."""
        line = f"{self.place}: {self.severity}: {self.subject}: {self.text} [{self.code}]"
        return line if self.hint is None else f"{line}\n    hint: {self.hint}"

    def to_json(self) -> dict[str, str | int | None]:
        """The JSON form, an element of ``"problems"``."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "path": self.place.path,
            "line": self.place.line,
            "column": self.place.column,
            "text": f"{self.subject}: {self.text}",
            "hint": self.hint,
        }


def errors(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Those that refuse the input."""
    return tuple(p for p in problems if p.severity is Severity.ERROR)
