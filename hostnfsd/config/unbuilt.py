"""What the configuration promises and this version does not do yet: a table, one row a key.

While a row stands, its key has the row's effective value, whatever the default is, and a file that
asks for anything else is refused. Deleting the row turns the key's real values on. The rows are
data: :mod:`hostnfsd.config.pending` makes sentences and problems of them, and code that acts on
such a key asks :func:`effective`.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """One key whose feature is missing.

    Attributes:
        key: the key with its table; ``*`` stands for any one name.
        effective: the value in effect instead; one that the key can have.
        shown: how that is told to people, where it is not simply the value.
        notice: the sentence for whoever left the default in place. None where the default is
            what is in effect, or where another row's sentence says it too.
        settable: whether a file may name the effective value itself.
    """

    key: str
    effective: object
    notice: str | None = None
    shown: str | None = None
    settable: bool = True


ROWS: Final[tuple[Unbuilt, ...]] = (
    Unbuilt("host.keep_awake", "never", "the host may fall asleep while clients are connected"),
)


def find(key: str) -> Unbuilt | None:
    """The row of a key given with ``*`` for names, if its feature is missing."""
    return next((row for row in ROWS if row.key == key), None)


def effective(key: str, value: T) -> T:
    """The value in effect for ``key``: the row's while there is one, else ``value``."""
    row = find(key)
    return value if row is None else row.effective  # type: ignore[return-value]  # a row holds a value of its key's type
