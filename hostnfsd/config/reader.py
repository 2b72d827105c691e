"""A TOML text becomes a configuration, or every problem it has.

Pure: any bytes give a configuration or problems, never an exception. The daemon's reload and
``hostnfsd check`` read the same way.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import tomli

from hostnfsd.config import semantics
from hostnfsd.config.finding import Finding
from hostnfsd.config.keys import dotted
from hostnfsd.config.model import Config, Host
from hostnfsd.config.places import Path, Places, locate
from hostnfsd.config.shape import Shaped, shape
from hostnfsd.problem import Place, Problem, Severity, errors

#: Nobody writes more; a device or the wrong file named by mistake does. A daemon that reads it at a
#: reload does nothing else meanwhile.
MAX_BYTES: Final = 256 << 10
#: Messages of tomli that people should get more of.
_SYNTAX: Final = {
    "Cannot overwrite a value": ("this key has a value already (one value a key)", None),
    "Invalid value": ("this is no value (strings stand in quotes)", 'such as host = "dev-gw"'),
    "Expected newline or end of document after a statement": (
        "the line should end here (strings stand in quotes, one key a line)",
        'such as host = "127.0.0.1"',
    ),
}
#: sys.int_info.default_max_str_digits: int() refuses more.
_LONG_NUMBER: Final = re.compile(r"[0-9_]{4300,}")
#: What must be understood of ``[host]`` to read the exports.
_HOST: Final = tuple(("host", key) for key in ("address", "platform", "exports"))


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of a text.

    Attributes:
        config: None if any problem is an error.
        problems: in the order of the file; those of the whole file last.
        places: where the keys stand that the file names.
        host: the table ``[host]``, whatever is wrong elsewhere; None where it cannot be understood.
    """

    config: Config | None
    problems: tuple[Problem, ...]
    places: Places
    host: Host | None = None


def parse(text: str | bytes, path: str) -> Reading:
    """Read a configuration.

    Args:
        text: the content of the file.
        path: its name, for messages only.
    """
    if len(text) > MAX_BYTES:
        return _unreadable(Place(path), "too-large", f"larger than {MAX_BYTES} bytes")
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as exc:
            return _not_utf8(exc, path)
    # Editors on Windows write a byte order mark; TOML readers are to ignore it.
    text = text.removeprefix("\ufeff")
    try:
        data = tomli.loads(text)
        places = locate(text, path)
    except tomli.TOMLDecodeError as exc:
        place = Place(path, exc.lineno, exc.colno)
        text, hint = _SYNTAX.get(exc.msg, (exc.msg[:1].lower() + exc.msg[1:], None))
        return _unreadable(place, "toml-syntax", text, hint)
    except RecursionError:
        return _unreadable(Place(path), "toml-syntax", "tables or lists are nested too deeply")
    except ValueError:  # int() of thousands of digits: sys.set_int_max_str_digits
        number = _LONG_NUMBER.search(text)
        before = text[: number.start()] if number else ""
        place = Place(path, before.count("\n") + 1, len(before) - before.rfind("\n"))
        return _unreadable(place, "toml-syntax", "a number has too many digits")
    shaped = shape(data)
    found = (*shaped.findings, *_fitting(shaped))
    problems = tuple(sorted((_problem(f, places) for f in found), key=_file_order))
    config = None if errors(problems) else shaped.config
    understood = not any(_related(key, shaped.refused) for key in _HOST)
    return Reading(config, problems, places, shaped.config.host if understood else None)


def _fitting(shaped: Shaped) -> Iterable[Finding]:
    """The findings that go beyond single values, none of which speaks of a refused key."""
    for finding in semantics.check(shaped.config):
        if not any(_related(key, shaped.refused) for key in (finding.key, *finding.rests_on)):
            yield finding


def _related(key: Path, refused: frozenset[Path]) -> bool:
    """Whether ``key`` is, contains, or lies in one of ``refused``."""
    return any(key[: len(other)] == other[: len(key)] for other in refused)


def _problem(finding: Finding, places: Places) -> Problem:
    place = places.find(finding.key)
    return Problem(
        finding.code, finding.severity, place, dotted(finding.key), finding.text, finding.hint
    )


def _file_order(problem: Problem) -> tuple[bool, int, int, str]:
    place = problem.place
    return (place.line is None, place.line or 0, place.column or 0, problem.subject)


def _unreadable(place: Place, code: str, text: str, hint: str | None = None) -> Reading:
    problem = Problem(code, Severity.ERROR, place, "TOML", text, hint)
    return Reading(None, (problem,), Places(place.path))


def _not_utf8(exc: UnicodeDecodeError, path: str) -> Reading:
    text, at = exc.object, exc.start
    line_start = text.rfind(b"\n", 0, at) + 1
    line = text.count(b"\n", 0, at) + 1
    column = len(text[line_start:at].decode()) + 1
    return _unreadable(
        Place(path, line, column), "not-utf-8", f"byte 0x{text[at]:02x} is not UTF-8 (TOML is)"
    )
