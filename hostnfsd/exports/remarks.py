"""The codes of what is told beyond the server's own messages, and how to make such a problem."""

from types import MappingProxyType
from typing import Final

from hostnfsd.problem import Place, Problem, Severity
from hostnfsd.readable import printable

#: Every code, and how bad it is. None of it is an error: the server takes such a file.
CODES: Final = MappingProxyType(
    {
        "client-path": Severity.NOTE,  # clients know the directory by another path, too
        "host-unresolved": Severity.WARNING,  # [host] address: what the server sees is not known
        "judged-elsewhere": Severity.NOTE,  # another system's file: what only it knows is not told
        "map-breaks-chown": Severity.NOTE,  # databases will not start on it
        "needs-disk-access": Severity.WARNING,  # macOS keeps nfsd out
        "needs-low-ports": Severity.WARNING,  # hostnfsd would be refused for its source port
        "network-host-bits": Severity.WARNING,  # the network matches nobody
        "nfsd-differs": Severity.WARNING,  # nfsd itself counts other errors
        "not-for-tunnel": Severity.WARNING,  # hostnfsd would be refused for its address
        "name-late": Severity.WARNING,  # no answer in time: it counts as unresolved
        "names-not-asked": Severity.NOTE,  # names of hosts were not looked up
        "not-judged": Severity.WARNING,  # a pattern or netgroup that the gate passes over
        "not-seen": Severity.NOTE,  # this user may not look at the directory
        "ro-dropped": Severity.WARNING,  # exported read-write, unlike what is written
        "world-export": Severity.WARNING,  # everybody may mount it
    }
)


def remark(code: str, place: Place, subject: str, text: str, hint: str | None = None) -> Problem:
    """A problem with one of the codes; what it quotes is made harmless."""
    shown = None if hint is None else printable(hint)
    return Problem(code, CODES[code], place, printable(subject), printable(text), shown)
