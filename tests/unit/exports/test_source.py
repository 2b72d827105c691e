from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.exports.source import Source, Span
from hostnfsd.problem import Place


def span(text: str) -> Span:
    return Span.of([(c, i) for i, c in enumerate(text)], len(text))


@given(text=st.text(alphabet="ab\n", max_size=20), data=st.data())
def test_a_place_leads_back_to_its_character(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    place = Source("exports", text).place(offset)

    assert place.line is not None
    assert place.column is not None
    assert (
        "\n".join((*text.split("\n")[: place.line - 1], ""))
        + text.split("\n")[place.line - 1][: place.column - 1]
        == text[:offset]
    )


def test_places_count_from_one() -> None:
    source = Source("exports", "a\nbc\n")

    assert source.place(0) == Place("exports", 1, 1)
    assert source.place(3) == Place("exports", 2, 2)
    assert source.place(5) == Place("exports", 3, 1)


def test_a_part_of_a_span_knows_where_it_stands() -> None:
    part = Span.of([("a", 0), ("=", 4), ("b", 9)], 12)[2:]

    assert (part.text, part.start, part.end) == ("b", 9, 12)
    assert part[0] == "b"
    assert part[1:].start == 12


def test_partition_tells_whether_the_separator_is_there() -> None:
    before, after = span("a=b=c").partition("=")

    assert after is not None
    assert (before.text, after.text) == ("a", "b=c")
    assert span("a").partition("=") == (span("a"), None)


@given(text=st.text(alphabet="a,b", max_size=12))
def test_split_is_that_of_text(text: str) -> None:
    assert text.split(",") == [part.text for part in span(text).split(",")]
