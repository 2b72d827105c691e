import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.config.keys import every
from hostnfsd.config.reader import MAX_BYTES, Reading, parse
from hostnfsd.problem import errors

FILES = Path(__file__).parent / "files"


def told(reading: Reading) -> str:
    """Everything that is told, as text."""
    return "".join(problem.render() + "\n" for problem in reading.problems)


@pytest.mark.parametrize("file", sorted(FILES.glob("*/*.toml")), ids=lambda file: file.stem)
def test_a_file_is_told_as_expected(file: Path) -> None:
    reading = parse(file.read_bytes(), file.name)

    assert told(reading) == file.with_suffix(".txt").read_text()


@pytest.mark.parametrize("file", sorted(FILES.glob("valid/*.toml")), ids=lambda file: file.stem)
def test_a_valid_file_is_a_configuration(file: Path) -> None:
    reading = parse(file.read_bytes(), file.name)

    assert reading.config is not None
    assert not errors(reading.problems)


@pytest.mark.parametrize("file", sorted(FILES.glob("invalid/*.toml")), ids=lambda file: file.stem)
def test_an_invalid_file_is_none(file: Path) -> None:
    reading = parse(file.read_bytes(), file.name)

    assert reading.config is None
    assert errors(reading.problems)


def test_bytes_and_text_read_the_same() -> None:
    assert parse(b"[gateway.a]", "f") == parse("[gateway.a]", "f")


def test_a_file_too_large_is_refused_unread() -> None:
    (problem,) = parse(b"#" * (MAX_BYTES + 1), "f").problems

    assert problem.render() == f"f: error: TOML: larger than {MAX_BYTES} bytes [too-large]"


def test_problems_stand_in_the_order_of_the_file() -> None:
    reading = parse((FILES / "invalid/all-at-once.toml").read_bytes(), "f")
    spots = [(p.place.line or 0, p.place.column or 0) for p in reading.problems]

    assert spots == sorted(spots)


def test_what_rests_on_a_refused_value_is_not_told() -> None:
    """40 is more than the default 30, but the default is not what the file wants."""
    reading = parse("[gateway.a]\n[tunnel]\nbackoff_min_s = 40\nbackoff_max_s = 'x'", "f")

    assert [p.subject for p in reading.problems] == ["tunnel.backoff_max_s"]


def test_what_fits_badly_is_told_beside_a_wrong_value() -> None:
    reading = parse("[gateway.a]\nport = 0\n[tunnel]\nbackoff_min_s = 40", "f")

    assert [p.code for p in reading.problems] == ["out-of-range", "backoff-order"]


def test_of_the_smallest_file_nothing_is_to_be_told() -> None:
    assert parse("[gateway.a]", "f").problems == ()


def test_a_reading_is_frozen() -> None:
    reading = parse("[gateway.a]", "f")

    with pytest.raises(dataclasses.FrozenInstanceError):
        reading.config = None  # type: ignore[misc]  # this is what must not work


@given(st.binary(max_size=200))
def test_any_bytes_give_a_configuration_or_problems(text: bytes) -> None:
    reading = parse(text, "f")

    assert (reading.config is None) == bool(errors(reading.problems))


@given(st.text(max_size=200))
def test_any_text_gives_a_configuration_or_problems(text: str) -> None:
    reading = parse(text, "f")

    assert (reading.config is None) == bool(errors(reading.problems))


WORDS = sorted({part for key in every() for part in (*key.table, key.name)} - {"*"})
NAMES = st.sampled_from([*WORDS, "dev-gw", "nfs", "rpcbind", "mountd"]) | st.text(max_size=5)
SCALARS = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(max_size=12),
    st.sampled_from(["auto", "relay", "any", "none", "0.0.0.0", "::1", "10.0.0.0/8", "~/x", "a:1"]),
    st.integers(min_value=10**400, max_value=10**401),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def written(value: object) -> str:
    """A value as TOML."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + "".join(f"\\U{ord(c):08X}" for c in value) + '"'
        case list():
            return f"[{', '.join(map(written, value))}]"
        case dict():
            return "{" + ", ".join(f"{written(k)} = {written(v)}" for k, v in value.items()) + "}"
        case _:
            return str(value)


def check_structure(data: Mapping[str, Any]) -> None:
    """Whatever is told of these data stands at a key of the file."""
    text = "".join(f"{written(key)} = {written(value)}\n" for key, value in data.items())
    assert tomli.loads(text).keys() == data.keys()

    reading = parse(text, "f")

    assert (reading.config is None) == bool(errors(reading.problems))
    for problem in errors(reading.problems):
        if problem.subject.split(".")[0].strip('"') in data:
            assert problem.place.line is not None, problem.render()
            assert problem.place.column is not None, problem.render()
        assert "\n" not in problem.text


@given(st.dictionaries(NAMES, VALUES, max_size=6))
@pytest.mark.patient
def test_any_structure_gives_a_configuration_or_problems(data: dict[str, Any]) -> None:
    check_structure(data)


@given(st.data())
@pytest.mark.patient
def test_any_values_of_known_keys_give_a_configuration_or_problems(draw: st.DataObject) -> None:
    chosen = draw.draw(st.lists(st.sampled_from(every()), max_size=8, unique=True))
    data: dict[str, Any] = {}
    for key in chosen:
        here = data
        names = ["dev-gw" if key.table[0] == "gateway" else "nfs"]
        for part in (names[0] if part == "*" else part for part in key.table):
            here = here.setdefault(part, {})
        here[key.name] = draw.draw(VALUES)
    check_structure(data)
