"""hostnfsd.sunrpc.scan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.sunrpc.record import FREE_FRAGMENTS, LAST_FRAGMENT, LEAST_FRAGMENT, encode
from hostnfsd.sunrpc.scan import HEAD, Off, Passed, Scanner
from tests.unit.sunrpc.messages import chunked


@given(st.lists(st.binary(max_size=200)), st.integers(1, 250), st.lists(st.integers(0, 2000)))
def test_heads_and_sizes_are_told_however_the_stream_is_fragmented_and_cut(
    records: list[bytes], max_fragment: int, cuts: list[int]
) -> None:
    stream = b"".join(encode(record, max_fragment) for record in records)
    scanner = Scanner(200)

    passed = [one for chunk in chunked(stream, cuts) for one in scanner.feed(chunk, 0)]

    assert [(one.head, one.size) for one in passed] == [(r[:HEAD], len(r)) for r in records]
    assert scanner.off is None
    assert scanner.between


@given(st.binary(max_size=300), st.lists(st.integers(0, 300)))
def test_any_stream_is_told_the_same_however_it_is_cut(stream: bytes, cuts: list[int]) -> None:
    whole, cut = Scanner(100), Scanner(100)

    passed = [one for chunk in chunked(stream, cuts) for one in cut.feed(chunk, 0)]

    assert passed == list(whole.feed(stream, 0))
    assert (cut.off, cut.between, cut.open_head) == (whole.off, whole.between, whole.open_head)


def test_a_record_began_when_the_first_byte_of_its_mark_came() -> None:
    scanner = Scanner(100)
    first, second = encode(b"abc"), encode(b"defg")

    assert list(scanner.feed(first[:1], 1.0)) == []
    assert list(scanner.feed(first[1:5], 2.0)) == []
    assert scanner.feed(first[5:] + second[:2], 3.0) == [Passed(b"abc", 3, 1.0)]
    assert not scanner.between
    assert scanner.feed(second[2:], 4.0) == [Passed(b"defg", 4, 3.0)]
    assert scanner.between


def test_bulk_is_skipped_and_nothing_of_it_kept() -> None:
    scanner = Scanner(1 << 20)
    chunk = bytearray(1 << 16)
    scanner.feed(encode(bytes(1 << 20))[:100], 0)

    for _ in range(15):
        view = memoryview(chunk)
        assert scanner.feed(view, 0) == ()
        view.release()
    chunk.clear()  # a BufferError if a part of it were held

    (passed,) = scanner.feed(bytes((1 << 20) - 96 - 15 * (1 << 16)), 9)
    assert passed == Passed(bytes(HEAD), 1 << 20, 0)


def test_a_head_held_is_not_the_chunk() -> None:
    scanner = Scanner(1 << 20)
    chunk = bytearray(encode(bytes(1 << 20))[:1000])
    scanner.feed(memoryview(chunk), 0)

    chunk.clear()

    assert scanner.open_head == bytes(HEAD)


def test_a_head_is_open_once_it_is_complete() -> None:
    scanner = Scanner(1000)
    stream = encode(bytes(range(100)))

    scanner.feed(stream[: 4 + HEAD - 1], 0)
    assert scanner.open_head is None
    scanner.feed(stream[4 + HEAD - 1 : 4 + HEAD], 0)
    assert scanner.open_head == bytes(range(HEAD))
    scanner.feed(stream[4 + HEAD :], 0)
    assert scanner.open_head is None


def test_the_largest_record_passes_and_a_larger_one_ends_it() -> None:
    scanner = Scanner(100)
    assert len(scanner.feed(encode(bytes(100)), 0)) == 1

    passed = scanner.feed(encode(b"x") + encode(bytes(101)), 0)

    assert [one.head for one in passed] == [b"x"]
    assert scanner.off is Off.OVERSIZE
    assert scanner.feed(encode(b"y"), 0) == ()


def test_fragments_count_together() -> None:
    scanner = Scanner(100)
    scanner.feed(encode(bytes(101), 50), 0)

    assert scanner.off is Off.OVERSIZE


@pytest.mark.parametrize("records", [1, 4, FREE_FRAGMENTS])
def test_empty_fragments_come_to_an_end(records: int) -> None:
    """Whether in one record or in many: each costs work, whatever its size."""
    scanner = Scanner(100)
    crumbs = bytes(4 * (FREE_FRAGMENTS // records))
    for _ in range(records):
        scanner.feed(crumbs + encode(b"x"), 0)
    assert scanner.off is None

    scanner.feed(bytes(4), 0)

    assert scanner.off is Off.GARBAGE


def test_fragments_of_the_usual_size_have_no_end() -> None:
    scanner = Scanner(1 << 30)
    stream = encode(bytes(LEAST_FRAGMENT * 3 * FREE_FRAGMENTS), LEAST_FRAGMENT)

    assert [one.size for one in scanner.feed(stream, 0)] == [LEAST_FRAGMENT * 3 * FREE_FRAGMENTS]
    assert scanner.off is None


@pytest.mark.parametrize("beginning", [b"GET / H", b"SSH-2.0", b"\x16\x03\x01\x02\x00\x01"])
def test_other_protocols_announce_too_much(beginning: bytes) -> None:
    scanner = Scanner(65 * 1024 * 1024)
    scanner.feed(beginning, 0)

    assert scanner.off is Off.OVERSIZE


def test_it_can_be_stopped() -> None:
    scanner = Scanner(1000)
    scanner.feed((LAST_FRAGMENT | 500).to_bytes(4, "big") + bytes(100), 0)

    scanner.stop(Off.HALF_OPEN)

    assert scanner.feed(bytes(100), 0) == ()
    assert (scanner.off, scanner.open_head, scanner.between) == (Off.HALF_OPEN, None, True)
