"""Service templates: ``@NAME@`` is replaced, everything else stays as it is.

``$`` and ``%`` mean something in unit files, and ``@system-service`` does too: a name between
two at-signs is in capitals.
"""

import math
import re
from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

_PLACEHOLDER: Final = re.compile("@([A-Z][A-Z_]*)@")
_STOP_MARGIN_S: Final = 10
_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9_./:+,=@-]+")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replace every placeholder.

    Raises:
        KeyError: for a placeholder that has no value.
    """
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def stop_timeout_s(drain_timeout_s: float) -> int:
    """Seconds after which the service manager may kill: the drain and time to say goodbye."""
    return math.ceil(drain_timeout_s) + _STOP_MARGIN_S


def systemd_command(argv: tuple[str, ...]) -> str:
    """``ExecStart=``'s value; systemd.service(5), "Command lines", and systemd.syntax(7), quoting.

    The program's path knows no variables, only specifiers, hence no ``$$`` there.
    """
    program, *rest = (word.replace("%", "%%") for word in argv)
    return " ".join(map(_systemd_word, [program, *(word.replace("$", "$$") for word in rest)]))


def _systemd_word(word: str) -> str:
    if _PLAIN_WORD.fullmatch(word):
        return word
    quoted = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{quoted}"'


def plist_strings(words: tuple[str, ...]) -> str:
    """The elements of a property list's array of strings, one a line."""
    return "\n".join(f"\t\t<string>{escape(word)}</string>" for word in words)


def plist_text(text: str) -> str:
    """What stands between the tags of a property list's string."""
    return escape(text)
