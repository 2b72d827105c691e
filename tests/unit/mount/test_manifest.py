import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.mount.manifest import document

#: PyYAML folds NEL; no path that is printed has one.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85"))


@given(st.dictionaries(TEXT, TEXT | st.lists(TEXT) | st.booleans() | st.integers()))
def test_a_reader_gets_back_what_went_in(content: dict[str, object]) -> None:
    assert yaml.safe_load(document(content)) == content


@pytest.mark.parametrize("text", ["yes", "null", "1e3", "0o7", "2026-11-27", "=", "<<", "~", ""])
def test_a_text_stays_a_text(text: str) -> None:
    assert yaml.safe_load(document({"key": text})) == {"key": text}


def test_keys_stay_in_order_and_lines_in_one_piece() -> None:
    long = "word " * 200 + "end"
    assert document({"b": long, "a": 1}) == f"b: {long}\na: 1\n"
