"""A finding about keys, before it has a place in a file."""

from dataclasses import dataclass

from hostnfsd.config.places import Path
from hostnfsd.problem import Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a key.

    Attributes:
        code: stable kebab-case name.
        key: where it stands; a key that is absent points at its table.
        text: what is wrong, with what is allowed in brackets.
        hint: what to do next.
        severity: whether it refuses the file.
        rests_on: further keys whose values it speaks of. It is not told while one of them is itself
            in error, for then it would speak of a default that nobody wants.
    """

    code: str
    key: Path
    text: str
    hint: str | None = None
    severity: Severity = Severity.ERROR
    rests_on: tuple[Path, ...] = ()
