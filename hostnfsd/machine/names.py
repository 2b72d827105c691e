"""Addresses of names, within a time limit, and remembered: a slow DNS server stalls nobody.

getaddrinfo(3) has no time limit, so every question is asked in a thread of its own, which nobody
waits for longer than he likes. An answer that comes too late is there for whoever asks next.
"""

import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hostnfsd.exports.addresses import Address, parse
from hostnfsd.exports.system import UNKNOWN, Unknown

Found = tuple[Address, ...]

#: What no name of a host has (RFC 952 with the underscores and letters that are met all the same).
_FOREIGN: Final = re.compile(r"[^\w.-]|\s")

#: Seconds that one name may take, and that all names of a file may take together.
WITHIN_S: Final = 2.0
ALL_WITHIN_S: Final = 6.0
#: Seconds that an answer counts as fresh, and one that there is no such name.
KEEP_S: Final = 60.0
KEEP_NOTHING_S: Final = 10.0
#: Questions that may be open at a time; each is a thread.
MOST_OPEN: Final = 16


def possible(name: str) -> bool:
    """Whether a word can be the name of a host at all: ``localhost(rw)`` and ``#`` cannot."""
    return bool(name) and not _FOREIGN.search(name)


def look_up(name: str) -> Found | None:
    """Ask getaddrinfo(3), for as long as it takes.

    Returns:
        The addresses, none if there is no such name; None where nobody could be asked just now.
    """
    try:
        rows = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as exc:
        return None if exc.errno == socket.EAI_AGAIN else ()
    except (OSError, UnicodeError, ValueError):  # a NUL, an empty or too long label
        return ()
    texts = (str(row[4][0]).partition("%")[0] for row in rows)
    return tuple(dict.fromkeys(a for text in texts if (a := parse(text)) is not None))


@dataclass(slots=True)
class _Question:
    began: float
    answered: threading.Event = field(default_factory=threading.Event)
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    found: Found
    until: float


class Names:
    """Asks, and remembers; one for the whole life of a process. May be used by several threads.

    Args:
        ask: as :func:`look_up`.
        clock: gives seconds that never go back.
    """

    def __init__(
        self,
        ask: Callable[[str], Found | None] = look_up,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._open: dict[str, _Question] = {}

    def addresses(self, name: str, within_s: float) -> Found | Unknown:
        """The addresses of a name.

        An answer that is no longer fresh is given all the same where no other comes in time.

        Args:
            name: in any case.
            within_s: seconds that an answer may take, from when the name was first asked for.
        """
        name = name.lower()
        if not possible(name):
            return ()
        with self._lock:
            known = self._known.get(name)
            if known is not None and self._clock() < known.until:
                return known.found
            question = self._question(name)
        if question is not None and question.answered.wait(self._left_s(question, within_s)):
            if question.found is not None:
                return question.found
            # Nobody could be asked just now: to a server without an older answer it is no name.
            return known.found if known is not None else ()
        return UNKNOWN if known is None else known.found

    def _left_s(self, question: _Question, within_s: float) -> float:
        return max(0.0, question.began + within_s - self._clock())

    def _question(self, name: str) -> _Question | None:
        if name in self._open:
            return self._open[name]
        if len(self._open) >= MOST_OPEN:
            return None
        question = self._open[name] = _Question(self._clock())
        thread = threading.Thread(
            target=self._answer, args=(name, question), name="name", daemon=True
        )
        thread.start()
        return question

    def _answer(self, name: str, question: _Question) -> None:
        try:
            question.found = self._ask(name)
        finally:
            with self._lock:
                del self._open[name]
                if question.found is not None:
                    keep_s = KEEP_S if question.found else KEEP_NOTHING_S
                    self._known[name] = _Known(question.found, self._clock() + keep_s)
            question.answered.set()


class Patience:
    """The time that the names of one file may take together.

    Args:
        names: is asked.
        within_s: seconds for each.
        all_within_s: seconds for all; 0: they are asked for, and not waited for.
        clock: gives seconds that never go back.

    Attributes:
        tried: a name had no answer in time.
    """

    def __init__(
        self,
        names: Names,
        within_s: float = WITHIN_S,
        all_within_s: float = ALL_WITHIN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names = names
        self._within_s = within_s
        self._left_s = all_within_s
        self._clock = clock
        self.tried = False

    def addresses(self, name: str) -> Found | Unknown:
        """The addresses of a name, or Unknown where they take too long."""
        began = self._clock()
        found = self._names.addresses(name, min(self._within_s, max(self._left_s, 0.0)))
        self._left_s -= self._clock() - began
        self.tried = self.tried or found is UNKNOWN
        return found
