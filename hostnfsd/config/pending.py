"""What to tell of features that are not built: refusals of keys set, notices of defaults kept."""

from collections.abc import Iterator, Mapping
from typing import Any

from hostnfsd.config import unbuilt
from hostnfsd.config.finding import Finding
from hostnfsd.config.keys import dotted
from hostnfsd.config.model import Config
from hostnfsd.config.places import Path
from hostnfsd.config.unbuilt import Unbuilt
from hostnfsd.config.values import show
from hostnfsd.problem import Severity


def notices(config: Config) -> tuple[str, ...]:
    """One sentence for each default that is not built yet and is in play in ``config``."""
    return tuple(f"{dotted(_generic(row))}: {sentence(row)}" for row in in_play(config))


def sentence(row: Unbuilt) -> str:
    """What is in effect instead of a default."""
    return f"the default is not built yet; in effect: {in_effect(row)} ({row.notice})"


def in_effect(row: Unbuilt) -> str:
    """The effective value for people: a TOML value, or what it amounts to."""
    return row.shown or show(row.effective)


def in_play(config: Config) -> tuple[Unbuilt, ...]:
    """The rows whose default somebody gets without having asked, and which have a notice."""
    return tuple(row for row in unbuilt.ROWS if row.notice and _defaulted(row, config))


def _defaulted(row: Unbuilt, config: Config) -> bool:
    table, *_, name = row.key.split(".")
    if table == "gateway":
        return any(name not in gateway.model_fields_set for gateway in config.gateway.values())
    if table != "services":
        return name not in getattr(config, table).model_fields_set
    service = row.key.split(".")[1]
    return any(
        all(name not in entry.model_fields_set for entry in config.entries(gateway, carried) or ())
        for gateway in config.gateway
        for carried in config.carried(gateway)
        if service in {"*", carried}
    )


def remarks(config: Config) -> tuple[Finding, ...]:
    """The notices as findings, for ``check``."""
    return tuple(
        Finding(
            "default-not-built",
            _generic(row),
            sentence(row),
            severity=Severity.NOTE,
        )
        for row in in_play(config)
    )


def _generic(row: Unbuilt) -> Path:
    """The key with a word for the name: found in no file, so that its table is pointed at."""
    table, *rest = row.key.split(".")
    word = "NAME" if table == "gateway" else "SERVICE"
    return (table, *(word if part == "*" else part for part in rest))


def refusals(data: Mapping[str, Any]) -> tuple[Finding, ...]:
    """One finding for each key of a file that asks for what is not built.

    Args:
        data: what tomli returned, keys of the wrong shape left out.
    """
    found: list[Finding] = []
    for row in unbuilt.ROWS:
        for pattern in _spellings(row):
            found.extend(
                _refusal(row, key)
                for key, value in _matches(data, pattern, ())
                if not _works(row, value)
            )
    return tuple(found)


def _spellings(row: Unbuilt) -> Iterator[tuple[str, ...]]:
    parts = tuple(row.key.split("."))
    yield parts
    if parts[0] == "services":
        yield ("gateway", "*", *parts)


def _matches(here: Any, pattern: tuple[str, ...], done: Path) -> Iterator[tuple[Path, object]]:
    if not pattern:
        yield done, here
    elif isinstance(here, Mapping):
        for name, value in here.items():
            if pattern[0] in {"*", name}:
                yield from _matches(value, pattern[1:], (*done, name))


def _works(row: Unbuilt, value: object) -> bool:
    return row.settable and type(value) is type(row.effective) and value == row.effective


def _refusal(row: Unbuilt, key: Path) -> Finding:
    allowed = f"in effect: {in_effect(row)}"
    hint = "leave the key out"
    if row.settable:
        hint += f", or set it to {show(row.effective)}"
    return Finding("not-built", key, f"not built yet in this version ({allowed})", hint)
