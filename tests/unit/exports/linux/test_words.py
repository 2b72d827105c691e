import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.exports.linux.words import CLIENT_SIZE, PATH_SIZE, Ending, Words, decoded
from hostnfsd.exports.source import Source


def first(text: str) -> tuple[str, Ending]:
    word = Words(Source("e", text)).path()
    return word.span.text, word.ending


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (" \t\n/a b", "/a"),
        ("# c\n\n/a", "/a"),
        ("# c \\\n/a", "/a"),
        ("\\\n   /a", "/a"),
        ("/a\\\n   b", "/a"),
        ("/a\\b", "/a\\b"),
        ("/a#b", "/a#b"),
        ('/"a b"c d', "/a bc"),
        ('"/a\n#b" c', "/a\n#b"),
        ('"/a\\\n\tb"', "/a b"),
        ("/a\\040b", "/a b"),
        ("/\\134101", "/A"),
        ("/a\\048b", "/a\\048b"),
        ("/\\303\\244", "/\udcc3\udca4"),
        ("/a\\000b", "/a"),
        ("/a\rb", "/a"),
        ("/a\0b", "/a"),
    ],
)
def test_words_are_those_of_exportfs(text: str, word: str) -> None:
    assert first(text) == (word, Ending.WORD)


@pytest.mark.parametrize("text", ["", "\n", "# c", "# c\n", "\r/a", "\0/a", '""', '""/a'[:2]])
def test_where_no_word_is(text: str) -> None:
    assert first(text) == ("", Ending.NONE)


def test_a_comment_ends_an_entry() -> None:
    words = Words(Source("e", "/a x # y\n/b"))

    assert [words.path().span.text, words.client().span.text] == ["/a", "x"]
    assert words.client().ending is Ending.NONE
    assert words.path().span.text == "/b"
    assert words.over


@pytest.mark.parametrize(("kind", "size"), [("path", PATH_SIZE), ("client", CLIENT_SIZE)])
def test_words_must_fit_a_buffer(kind: str, size: int) -> None:
    def ending(length: int) -> Ending:
        ending: Ending = getattr(Words(Source("e", "x" * length)), kind)().ending
        return ending

    assert ending(size - 1) is Ending.WORD
    assert ending(size) is Ending.TOO_LONG


def test_a_quote_may_take_in_the_rest() -> None:
    words = Words(Source("e", '/a "b c\n/d'))
    words.path()
    word = words.client()

    assert (word.span.text, word.open_quote) == ("b c\n/d", True)
    assert not words.more


@given(text=st.text(alphabet='a /\\\n"#0\r', max_size=30))
def test_every_character_knows_where_it_stands(text: str) -> None:
    words = Words(Source("e", text))
    while not words.over:
        span = words.path().span
        for character, offset in zip(span.text, span.offsets, strict=True):
            assert text[offset] in {character, "\\"}


@pytest.mark.parametrize(("text", "path"), [("/\udcc3\udca4", "/ä"), ("/\udcff", "/\udcff")])
def test_bytes_become_characters_where_they_can(text: str, path: str) -> None:
    assert path == decoded(text)


def test_text_that_came_from_no_file_does_no_harm() -> None:
    assert decoded("/" + chr(0xD800)) == "/" + chr(0xD800)
