"""Tables, keys, types and single values: what pydantic refuses, in our own sentences.

Everything wrong is found in one go. What is refused is then left out and the rest read again, so
that :mod:`hostnfsd.config.semantics` can look at the remainder of a file with errors.
"""

import difflib
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from hostnfsd.config import keys
from hostnfsd.config.finding import Finding
from hostnfsd.config.model import Config
from hostnfsd.config.places import Path
from hostnfsd.config.values import quoted, show

#: pydantic's error types (pydantic_core.ErrorType) by our codes; all that are not "wrong-type".
_CODES = {
    "greater_than_equal": "out-of-range",
    "less_than_equal": "out-of-range",
    "finite_number": "out-of-range",
    "literal_error": "unknown-value",
}


@dataclass(frozen=True, slots=True)
class Shaped:
    """What came of the data.

    Attributes:
        config: made of the keys that are right; complete only if ``findings`` is empty.
        findings: what is wrong.
        refused: the keys left out, and those that were perhaps meant instead.
    """

    config: Config
    findings: tuple[Finding, ...]
    refused: frozenset[Path]


def shape(data: Mapping[str, Any]) -> Shaped:
    """Read what tomli returned."""
    findings: list[Finding] = []
    refused: set[Path] = set()
    while True:
        try:
            return Shaped(Config.model_validate(data), tuple(findings), frozenset(refused))
        except ValidationError as exc:
            told: set[Path] = set()
            for error in exc.errors(include_url=False):
                key = _real(data, error["loc"])
                if error["loc"][-1:] != ("[key]",) and key in told:
                    continue  # an unknown service's value is no further matter
                told.add(key)
                findings.append(_finding(key, error))
            refused |= {_meant(finding) for finding in findings if finding.code == "unknown-key"}
            refused |= told
            rest = without(data, told)
            if rest == data:  # a refusal of nothing in the file: there is nothing to leave out
                return Shaped(Config(), tuple(findings), frozenset(refused))
            data = rest


def near(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    by_folded = {name.lower(): name for name in known}
    folded = word.lower().replace("-", "_")
    found = difflib.get_close_matches(folded, by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def _real(data: Mapping[str, Any], loc: tuple[int | str, ...]) -> Path:
    """The part of pydantic's location that stands in the file.

    A single string is read as a list of one, a port number as a table: what is below them is ours.
    """
    here: Any = data
    path: list[str | int] = []
    for part in loc:
        inside = isinstance(here, Mapping) and part in here
        if not inside and not (isinstance(here, list) and isinstance(part, int)):
            break
        here = here[part]
        path.append(part)
    return tuple(path)


def _cut(key: Path) -> Path:
    """What to leave out for ``key``: of a list the whole, for the others' positions count."""
    return next((key[:n] for n, part in enumerate(key) if isinstance(part, int)), key)


def without(
    data: Mapping[str, Any], left_out: AbstractSet[Path], here: Path = ()
) -> dict[str, Any]:
    """The data less some keys; where an element of a list is among them, less the whole list."""
    cuts = {_cut(key) for key in left_out}
    kept = {}
    for name, value in data.items():
        path = (*here, name)
        if path in cuts:
            continue
        below = any(cut[: len(path)] == path for cut in cuts)
        kept[name] = without(value, cuts, path) if below and isinstance(value, dict) else value
    return kept


def _finding(key: Path, error: Any) -> Finding:
    kind: str = error["type"]
    context: dict[str, Any] = error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(key, error["input"])
    if kind == "unknown-service":
        return _unknown_service(key, context["text"])
    if "text" in context:
        return Finding(kind, key, context["text"], context["hint"])
    value = error["input"]
    spot = keys.at(key)
    if spot is not None and spot.choices and not spot.words:
        allowed = ", ".join(quoted(choice) for choice in spot.choices)
        meant = near(value, spot.choices) if isinstance(value, str) else None
        hint = f"did you mean {quoted(meant)}?" if meant else None
        return Finding("unknown-value", key, f"{show(value)} is not known (one of {allowed})", hint)
    if spot is not None and spot.words:
        words = spot.words
        text = f"{show(value)} is not {words.noun} ({words.allowed})"
        return Finding(_CODES.get(kind, "wrong-type"), key, text)
    return _not_a_table(key, value)


def _not_a_table(key: Path, value: object) -> Finding:
    match key:
        case ("gateway", *_) if isinstance(value, list):
            hint = f"single brackets: [{keys.dotted((*key, 'NAME')[:2])}]"
        case ("gateway",):
            name = value if isinstance(value, str) else "NAME"
            hint = f"one table per gateway: [{keys.dotted(('gateway', name))}]"
        case ("gateway", name):
            hint = f"[gateway] takes tables by name; write [gateway.NAME], then {name} = …"
        case _:
            hint = f"write [{keys.dotted(key)}], and its keys below it"
    return Finding("wrong-type", key, f"{show(value)} is not a table", hint)


def _unknown_key(key: Path, value: object) -> Finding:
    name = str(key[-1])
    spot = keys.at(key[:-1])
    names = spot.names if spot else ()
    meant = near(name, names)
    elsewhere = keys.tables_with(name)
    table = len(key) == 1 and isinstance(value, Mapping)
    if elsewhere:  # a name that is right somewhere is hardly a misspelling of another
        hint = f"this key belongs to {' or '.join(elsewhere)}"
    elif meant:
        hint = f"did you mean {quoted(meant)}?"
    elif len(key) == 1:
        hint = f"tables are: {', '.join(names)}"
    else:
        hint = f"keys known here: {', '.join(names)}"
    return Finding("unknown-key", key, "unknown table" if table else "unknown key", hint)


def _unknown_service(key: Path, text: str) -> Finding:
    spot = keys.at(key[:-1])
    names = spot.names if spot else ()
    meant = near(str(key[-1]), names)
    hint = f"did you mean {quoted(meant)}?" if meant else None
    return Finding("unknown-service", key, f"{text} (one of {', '.join(names)})", hint)


def _meant(finding: Finding) -> Path:
    """The key that an unknown one probably stood for: nothing is said of its absence."""
    spot = keys.at(finding.key[:-1])
    meant = near(str(finding.key[-1]), spot.names if spot else ())
    return finding.key if meant is None else (*finding.key[:-1], meant)
