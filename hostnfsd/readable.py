"""Durations, sizes and foreign text as people can read them: in status, page and log."""

import re
from typing import Final

_DURATIONS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SIZES: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
# C0 and C1 control characters: a peer's text must not move a terminal's cursor or forge a line.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_LINES: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _escaped(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")


def printable(text: str, *, lines: bool = False) -> str:
    """The text with its control characters written out as Python escapes.

    Args:
        text: what somebody else may have written.
        lines: let line breaks and tabs stand.
    """
    return (_CONTROL_IN_LINES if lines else _CONTROL).sub(_escaped, text)


def duration(seconds: float) -> str:
    """A span in its two largest units: ``0 s``, ``59 s``, ``2 min 3 s``, ``1 h``, ``3 d 4 h``.

    A negative span, from a clock that was set back, reads as none.
    """
    left = max(0, int(seconds))
    for index, (length, unit) in enumerate(_DURATIONS):
        if left < length:
            continue
        text = f"{left // length} {unit}"
        if index + 1 < len(_DURATIONS):
            smaller, smaller_unit = _DURATIONS[index + 1]
            rest = left % length // smaller
            text = f"{text} {rest} {smaller_unit}" if rest else text
        return text
    return "0 s"


def size(count: int) -> str:
    """Bytes in the largest binary unit that leaves one at least: ``0 B``, ``1.5 KiB``."""
    value, unit = float(count), _SIZES[0]
    for larger in _SIZES[1:]:
        # What would be rounded up to 1024 is shown in the next unit.
        if value < 1023.5:  # noqa: PLR2004  # half a unit below 1024
            break
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}" if unit != _SIZES[0] and value < 9.95 else f"{value:.0f} {unit}"  # noqa: PLR2004  # one decimal below ten
