"""When a file that changed is read: not while somebody writes it, and not never. Pure.

Editors do not save in one step. vim moves the file away, writes a new one and removes the old;
``sed -i``, emacs and VS Code write beside it and rename; a shell's ``>`` empties it first. Each
step is a change, and the file means something else after each. So it is read once it was left alone
for a while: a longer one if it is not there or empty now, which most likely is the middle of a
save. Whoever writes without a pause is not waited for beyond a bound.
"""

from dataclasses import dataclass
from typing import Final

#: Seconds without a change after which the file is read.
QUIET_S: Final = 0.5
#: The same where it is missing or empty now.
BARE_S: Final = 2.0
#: Seconds from the first change after which it is read in any case.
MOST_S: Final = 3.0


@dataclass(slots=True)
class Settling:
    """The changes that nobody has read yet. Times are seconds on a clock that never runs back.

    Attributes:
        first: when the first of them was seen; None: there are none.
        last: when the last of them was.
        bare: whether the file was missing or empty then.
    """

    first: float | None = None
    last: float = 0.0
    bare: bool = False

    def changed(self, now: float, *, bare: bool) -> None:
        """The file is not what it was when it was looked at before."""
        if self.first is None:
            self.first = now
        self.last = now
        self.bare = bare

    @property
    def due(self) -> float | None:
        """When it is to be read; None: it was not changed."""
        if self.first is None:
            return None
        quiet = self.last + (BARE_S if self.bare else QUIET_S)
        return min(quiet, self.first + MOST_S)

    def overdue(self, now: float) -> bool:
        """Whether it is read although it may be in the middle of a change."""
        return self.first is not None and now >= self.first + MOST_S

    def over(self) -> None:
        """It was read as it is now."""
        self.first = None
