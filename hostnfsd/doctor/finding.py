"""What one check says, as a value."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hostnfsd.doctor import cure as cures
from hostnfsd.doctor.catalogue import entry
from hostnfsd.problem import Place


class Outcome(StrEnum):
    """How a check ended."""

    PASS = "PASS"  # noqa: S105  # no password
    WARN = "WARN"
    FAIL = "FAIL"
    SKIP = "SKIP"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the doctor's.

    Attributes:
        outcome: how it ended.
        text: what was seen, or why nothing was looked at.
        code: of the failure catalogue; None unless something is wrong.
        cure: what to do, step by step; commands begin with ``$ ``.
        place: where in a file, if it stands in one.
    """

    outcome: Outcome
    text: str
    code: str | None = None
    cure: tuple[str, ...] = ()
    place: Place | None = None

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands of the cure, as they are typed."""
        return cures.commands(self.cure)

    @property
    def hint(self) -> str | None:
        """The cure in one line."""
        return "; ".join(map(cures.bare, self.cure)) or None


def passed(text: str) -> Finding:
    """Nothing is wrong."""
    return Finding(Outcome.PASS, text)


def skipped(text: str) -> Finding:
    """Nothing was looked at, for a reason."""
    return Finding(Outcome.SKIP, text)


def failed(
    code: str, text: str, cure: Iterable[str] | None = None, place: Place | None = None
) -> Finding:
    """Something is wrong. Without a ``cure`` of its own it gets the catalogue's."""
    steps = entry(code).cure if cure is None else tuple(cure)
    return Finding(Outcome.FAIL, text, code, steps, place)


def warned(
    code: str, text: str, cure: Iterable[str] | None = None, place: Place | None = None
) -> Finding:
    """Something works less well than it could."""
    steps = entry(code).cure if cure is None else tuple(cure)
    return Finding(Outcome.WARN, text, code, steps, place)
