"""hostnfsd.sunrpc.record."""

from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hostnfsd.sunrpc.record import (
    FREE_FRAGMENTS,
    LEAST_FRAGMENT,
    MAX_FRAGMENT,
    RecordReader,
    encode,
)
from hostnfsd.sunrpc.xdr import RpcDecodeError
from tests.unit.sunrpc.messages import chunked


def read(
    chunks: Iterable[bytes], max_size: int = 100
) -> tuple[list[bytes], tuple[str, int] | None]:
    """The records of a stream that then ends, and the error after them."""
    reader = RecordReader(max_size)
    found: list[bytes] = []
    try:
        for chunk in chunks:
            found.extend(reader.feed(chunk))
        reader.finish()
    except RpcDecodeError as error:
        return found, (str(error), error.offset)
    return found, None


def test_one_fragment() -> None:
    assert encode(b"abc") == b"\x80\0\0\3abc"
    assert read([b"\x80\0\0\3abc"]) == ([b"abc"], None)


def test_an_empty_record() -> None:
    assert encode(b"") == b"\x80\0\0\0"
    assert read([b"\x80\0\0\0"]) == ([b""], None)


@pytest.mark.parametrize(
    ("fed", "amid"),
    [
        (b"", False),
        (b"\x80", True),
        (b"\x80\0\0\3", True),
        (b"\x80\0\0\3ab", True),
        (b"\0\0\0\3abc", True),
        (b"\x80\0\0\3abc", False),
        (b"\x80\0\0\3abc\0", True),
    ],
)
def test_it_knows_whether_it_stands_inside_a_record(fed: bytes, amid: bool) -> None:
    reader = RecordReader(100)
    records = reader.feed(fed)
    assert reader.amid is bool(fed)  # nothing was taken yet
    list(records)
    assert reader.amid is amid


def test_several_fragments_are_one_record() -> None:
    stream = encode(b"abcdefg", max_fragment=3)

    assert stream == b"\0\0\0\3abc\0\0\0\3def\x80\0\0\1g"
    assert read([stream]) == ([b"abcdefg"], None)


def test_a_fragment_may_be_empty() -> None:
    assert read([b"\0\0\0\0\0\0\0\1a\0\0\0\0\x80\0\0\0"]) == ([b"a"], None)


@pytest.mark.parametrize("size", [0, -1, MAX_FRAGMENT + 1])
def test_a_fragment_has_a_length_that_a_mark_can_tell(size: int) -> None:
    with pytest.raises(ValueError, match=f"fragments of {size} bytes"):
        encode(b"abc", max_fragment=size)


@given(st.lists(st.binary(max_size=20)), st.integers(1, 25), st.lists(st.integers(0, 300)))
def test_records_come_back_however_they_are_fragmented_and_cut(
    records: list[bytes], max_fragment: int, cuts: list[int]
) -> None:
    stream = b"".join(encode(record, max_fragment) for record in records)

    assert read(chunked(stream, cuts)) == (records, None)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300)))
@example(b"\x80\0\0\1a\x80\0\0\x65", [])
@example(b"\0\0\0\x60" + bytes(0x60) + b"\0\0\0\5", [3])
def test_any_stream_gives_the_same_records_and_the_same_error_however_it_is_cut(
    stream: bytes, cuts: list[int]
) -> None:
    assert read(chunked(stream, cuts)) == read([stream])


def test_a_record_of_the_largest_size_passes() -> None:
    assert read([b"\x80\0\0\x64" + bytes(100)]) == ([bytes(100)], None)


@pytest.mark.parametrize(
    ("stream", "offset"),
    [
        (b"\x80\0\0\x65", 0),
        (b"\x80\0\0\0\x80\0\0\x65", 4),
        (b"\0\0\0\x64" + bytes(100) + b"\x80\0\0\1x", 104),
        (b"GET / HTTP/1.1\r\n\r\n", 0),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 0),
    ],
)
def test_a_larger_one_is_refused_by_its_mark(stream: bytes, offset: int) -> None:
    _, error = read([stream])

    assert error is not None
    assert error[1] == offset
    assert "at most 100" in error[0]


@pytest.mark.parametrize("records", [1, 4, FREE_FRAGMENTS])
def test_empty_fragments_come_to_an_end(records: int) -> None:
    """Whether in one record or in many: each costs work, whatever its size."""
    crumbs = bytes(4 * (FREE_FRAGMENTS // records))
    stream = (crumbs + encode(b"x")) * records

    assert read([stream]) == ([b"x"] * records, None)
    found, error = read([stream + bytes(4)])
    assert found == [b"x"] * records
    assert error is not None
    assert error[1] == len(stream)
    assert "without end" in error[0]


def test_fragments_of_the_usual_size_have_no_end() -> None:
    record = bytes(LEAST_FRAGMENT * 3 * FREE_FRAGMENTS)

    assert read([encode(record, LEAST_FRAGMENT)], len(record)) == ([record], None)


def test_the_records_before_an_error_are_given() -> None:
    records, error = read([encode(b"abc") + b"\x80\1\0\0"])

    assert records == [b"abc"]
    assert error is not None


def test_an_error_is_for_good() -> None:
    reader = RecordReader(3)
    for chunk in (b"\x80\0\0\4", encode(b"abc"), b""):
        with pytest.raises(RpcDecodeError, match="a record of 4 bytes or more"):
            list(reader.feed(chunk))
    with pytest.raises(RpcDecodeError, match="a record of 4 bytes or more"):
        reader.finish()


def test_records_not_taken_are_not_lost() -> None:
    reader = RecordReader(100)
    assert next(reader.feed(encode(b"a") + encode(b"b") + encode(b"c"))) == b"a"

    assert list(reader.feed(b"")) == [b"b", b"c"]
    reader.finish()


@pytest.mark.parametrize("stream", [b"\x80", b"\x80\0\0\1", b"\0\0\0\0", b"\x80\0\0\2a"])
def test_an_end_inside_a_record_is_an_error(stream: bytes) -> None:
    records, error = read([encode(b"x"), stream])

    assert records == [b"x"]
    assert error == (f"the stream ends inside a record (byte {5 + len(stream)})", 5 + len(stream))


def test_memoryviews_are_taken() -> None:
    assert list(RecordReader(100).feed(memoryview(encode(b"abc")))) == [b"abc"]
