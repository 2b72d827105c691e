import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.exports.darwin.lines import clean_path, fields, is_path, lines
from hostnfsd.exports.source import Source


def joined(text: str) -> list[tuple[int, str]]:
    return [(line.number, line.text.text) for line in lines(Source("exports", text))]


def words(text: str) -> list[str]:
    return [word.text.text for line in lines(Source("e", text)) for word in fields(line.text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a\n/b\n", [(1, "/a"), (2, "/b")]),
        ("/a \\\n-ro\n/b\n", [(1, "/a-ro"), (3, "/b")]),
        ("/a\\ \\\t\n -ro", [(1, "/a -ro")]),
        ("\n\n/a\n", [(3, "/a")]),
        ("\\\n/a\n", [(1, "/a")]),
        ("\\\n\n/a\n", [(3, "/a")]),
        ("# c \\\n/a\n", [(1, "# c/a")]),
        ("/a\\\n", [(1, "/a")]),
        ("/a \\\n\n\n/b", [(1, "/a"), (4, "/b")]),
        ("", []),
    ],
)
def test_lines_are_joined_as_nfsd_joins_them(text: str, expected: list[tuple[int, str]]) -> None:
    assert expected == joined(text)


def test_a_line_that_the_file_does_not_finish_is_lost() -> None:
    lost = [line.lost for line in lines(Source("e", "/a\n/b \\\n\t \\\n"))]

    assert lost == [False, True]


def test_joints_are_where_no_blank_was() -> None:
    (line,) = lines(Source("e", "/a \\\n-ro \\\n h\n"))

    assert line.joints == (5,)
    assert line.joined == 3


def test_a_nul_ends_a_line() -> None:
    assert joined("/a\0b\\\n c\n") == [(1, "/a")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a\tb ", ["a", "b"]),
        ("'a b'c", ["'a b'", "c"]),
        ('"a\\"b" c', ['"a\\"b"', "c"]),
        ("a\\ b c", ["a\\ b", "c"]),
        ('a"b c', ['a"b', "c"]),
        ("'a b", ["'a b"]),
        ("''", ["''"]),
    ],
)
def test_fields_are_those_of_nfsd(text: str, expected: list[str]) -> None:
    assert expected == words(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/a/b//", "/a/b"),
        ("//", "/"),
        ("/a\\ b", "/a b"),
        ('"/a b/"', "/a b"),
        ("'/a\\'b'", "/a'b"),
        ('"/a b', "/a b"),
        ('/a\\\\b"', '/a\\b"'),
    ],
)
def test_paths_are_cleaned(text: str, path: str) -> None:
    (line,) = lines(Source("e", text))
    (word,) = fields(line.text)

    assert is_path(word.text)
    assert path == clean_path(word)


@given(text=st.text(alphabet="a/ \t\n\\'\"#\0-", max_size=40))
def test_every_character_knows_where_it_stands(text: str) -> None:
    for line in lines(Source("e", text)):
        for word in fields(line.text):
            assert word.text.text == "".join(text[offset] for offset in word.text.offsets)
