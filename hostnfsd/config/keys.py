"""Every key there is, read off the models: for messages, ``check --show`` and the documentation.

A path of keys as in :mod:`hostnfsd.config.places` is followed through the models, so that a refusal
can say what its key takes, and an unknown key what is known in its place.
"""

import re
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from hostnfsd.config.model import CarriedService, Config, Gateway
from hostnfsd.config.places import Path
from hostnfsd.config.values import Words, quoted
from hostnfsd.services import Service

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Spot:
    """What can stand at one path.

    Attributes:
        words: what the value must be; None for tables.
        choices: the strings allowed, where the value is one of a few.
        names: the keys known there, where it is a table of fixed keys.
        table: whether a table belongs there.
    """

    words: Words | None = None
    choices: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    table: bool = False


def dotted(path: Path) -> str:
    """A path as TOML writes it: ``gateway.dev-gw.port``, ``access.allow[1]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else quoted(part))
    return text


def at(path: Path) -> Spot | None:
    """What can stand at ``path``; None if nothing is known there."""
    here: tuple[Any, tuple[Any, ...]] | None = (Config, ())
    for part in path:
        here = _step(here[0], part) if here else None
    return None if here is None else _spot(*here)


def _alternatives(annotation: Any, metadata: tuple[Any, ...]) -> list[tuple[Any, tuple[Any, ...]]]:
    """The annotation without None, its unions taken apart and its Annotated unpacked."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _alternatives(inner, (*more, *metadata))
    if get_origin(annotation) in {Union, types.UnionType}:
        members = [member for member in get_args(annotation) if member is not types.NoneType]
        return [found for member in members for found in _alternatives(member, metadata)]
    return [(annotation, metadata)]


def _step(annotation: Any, part: str | int) -> tuple[Any, tuple[Any, ...]] | None:
    for choice, _ in _alternatives(annotation, ()):
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            field = choice.model_fields.get(str(part))
            if field is not None:
                return field.annotation, tuple(field.metadata)
        elif get_origin(choice) is Mapping and isinstance(part, str):
            return get_args(choice)[1], ()
    return None


def _spot(annotation: Any, metadata: tuple[Any, ...]) -> Spot:
    words: Words | None = None
    choices: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    table = False
    for choice, notes in _alternatives(annotation, metadata):
        words = next((note for note in notes if isinstance(note, Words)), words)
        if get_origin(choice) is Literal:
            choices = tuple(value for value in get_args(choice) if isinstance(value, str))
        elif isinstance(choice, type) and issubclass(choice, BaseModel):
            names = tuple(choice.model_fields)
            table = choice is not CarriedService
        elif get_origin(choice) is Mapping:
            table = True
            if get_args(choice)[1] != get_args(Config.model_fields["gateway"].annotation)[1]:
                names = tuple(service.value for service in Service)
    return Spot(words, choices, names, table)


def tables_with(key: str) -> tuple[str, ...]:
    """The tables, as headers, that know a key of this name: for keys set in the wrong table."""
    places = {f"[{name}]": at((name,)) for name in Config.model_fields if name != "gateway"}
    places["[gateway.NAME]"] = at(("gateway", "NAME"))
    return tuple(name for name, spot in places.items() if spot and key in spot.names)


@dataclass(frozen=True, slots=True)
class Key:
    """One key for the documentation and the manual page.

    Attributes:
        table: the table as a pattern, ``*`` for any name; ``("services", "*")`` is the long form.
        name: the key.
        takes: what the value must be.
        default: the default as Python holds it; None where there is none of its own.
        meaning: what it does.
    """

    table: tuple[str, ...]
    name: str
    takes: str
    default: Any
    meaning: str

    @property
    def pattern(self) -> str:
        """The whole key, with ``*`` for any one name."""
        return ".".join((*self.table, self.name))


def every() -> tuple[Key, ...]:
    """All keys, in the order of the models; the tables ``[services]`` by their long form only."""
    keys = [*_keys(("gateway", "*"), Gateway), *_keys(("services", "*"), CarriedService)]
    for table, field in Config.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            keys.extend(_keys((table,), model))
    return tuple(keys)


def _keys(table: tuple[str, ...], model: type[BaseModel]) -> list[Key]:
    keys = []
    for name, field in model.model_fields.items():
        spot = _spot(field.annotation, tuple(field.metadata))
        if spot.words:
            takes = f"{spot.words.noun} ({spot.words.allowed})"
        elif spot.choices:
            takes = ", ".join(quoted(choice) for choice in spot.choices)
        else:
            takes = "a table"
        default = None if field.default_factory else field.default
        keys.append(Key(table, name, takes, default, field.description or ""))
    return keys
