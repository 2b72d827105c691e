"""The aliases of ssh_config(5): its Host lines, Include followed.

Only names are read here; what they mean is asked of ssh(1).
"""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

#: readconf.c, READCONF_MAX_DEPTH.
DEPTH: Final = 16
_KEYWORD: Final = re.compile(r"\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*)")
_PATTERN: Final = frozenset("*?!,")

#: The texts of the files that an Include pattern names.
Included = Callable[[str], Iterable[str]]


def aliases(text: str, included: Included) -> tuple[str, ...]:
    """Names on Host lines that are no patterns, each once, in order.

    Args:
        text: of the file.
        included: gives the texts of the files that the argument of an Include names.
    """
    return tuple(dict.fromkeys(_aliases(text, included, 0)))


def _aliases(text: str, included: Included, depth: int) -> Iterator[str]:
    for each in directives(text):
        if each.keyword == "host":
            yield from (name for name in each.words if not _PATTERN & set(name))
        elif each.keyword == "include" and depth < DEPTH:
            for pattern in each.words:
                for other in included(pattern):
                    yield from _aliases(other, included, depth + 1)


class Directive(NamedTuple):
    """One line of ssh_config(5): its number from 1, its keyword in small letters, its arguments."""

    line: int
    keyword: str
    words: list[str]


def directives(text: str) -> Iterator[Directive]:
    """The lines that say something."""
    for number, line in enumerate(text.splitlines(), 1):
        match = _KEYWORD.fullmatch(line)
        if match is not None:
            yield Directive(number, match[1].lower(), _words(match[2]))


def _words(text: str) -> list[str]:
    """Arguments as argv_split() of OpenSSH takes them: quotes, and # begins a comment."""
    try:
        return shlex.split(text, comments=True)
    except ValueError:  # a quote without its partner
        return text.split()


def forwards(output: str) -> tuple[int, ...]:
    """Ports that the output of ``ssh -G`` has RemoteForward lines for."""
    ports: list[int] = []
    for line in output.splitlines():
        keyword, _, value = line.partition(" ")
        first = value.split()[:1]
        if keyword.lower() == "remoteforward" and first:
            # "[address]:port" or "port" alone
            port = first[0].rpartition(":")[2]
            if port.isascii() and port.isdigit():
                ports.append(int(port))
    return tuple(dict.fromkeys(ports))
