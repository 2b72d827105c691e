"""Why a tunnel does not stand: one value from whatever went wrong, wherever it went wrong."""

from dataclasses import dataclass
from typing import Final

from hostnfsd.snapshot import FailureKind

#: Kinds that no retry cures: a person must act.
NEEDS_A_PERSON: Final = frozenset(
    {
        FailureKind.AUTH,
        FailureKind.KEY,
        FailureKind.HOST_KEY,
        FailureKind.CONFIG,
        FailureKind.FORBIDDEN,
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt or a lost session.

    Attributes:
        kind: the class, from a closed set: it decides the back-off and labels the metrics.
        text: what happened, in a sentence with the names and numbers in it.
        hint: what a person can do, as a command where there is one.
    """

    kind: FailureKind
    text: str
    hint: str | None = None

    @property
    def needs_a_person(self) -> bool:
        """Whether waiting cannot cure it."""
        return self.kind in NEEDS_A_PERSON
