"""The caller over a stream that is made up: whatever comes, in whatever pieces."""

import asyncio
from collections import deque
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.dial.caller import Caller, CallError, HungUpError, NotRpcError, Reply
from hostnfsd.sunrpc import record, rpc
from hostnfsd.sunrpc.rpc import Accepted, AuthStat, Denied
from hostnfsd.sunrpc.xdr import encode

XID = 0xDEAD_BEEF
AMPLE_S = 20.0


class Script:
    """A stream that says what it was told to, piece by piece, and then ends."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = deque(piece for piece in pieces if piece)
        self.written = b""
        self.closed = 0

    async def read(self) -> bytes:
        return self._pieces.popleft() if self._pieces else b""

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed += 1


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """Into pieces of these sizes, over and over."""
    pieces: list[bytes] = []
    start = 0
    while start < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[start : start + size])
        start += size
    return pieces


def call(pieces: Iterable[bytes]) -> Reply:
    caller = Caller(Script(pieces), first_xid=XID, max_reply=200)
    return asyncio.run(caller.call(100003, 3, 0, within_s=AMPLE_S))


SIZES = st.lists(st.integers(1, 50), min_size=1, max_size=4)
OUTCOMES: st.SearchStrategy[rpc.Outcome] = st.one_of(
    st.builds(rpc.Success, st.binary(max_size=40)),
    st.builds(rpc.ProgramMismatch, st.integers(0, 9), st.integers(0, 9)),
    st.builds(
        rpc.Failure,
        st.sampled_from([s for s in rpc.AcceptStat if s.name not in {"SUCCESS", "PROG_MISMATCH"}]),
    ),
)


def replies(xid: int) -> st.SearchStrategy[Reply]:
    return st.one_of(
        st.builds(Accepted, st.just(xid), OUTCOMES),
        st.builds(Denied, st.just(xid), st.builds(rpc.AuthError, st.sampled_from(AuthStat))),
        st.builds(Denied, st.just(xid), st.builds(rpc.RpcMismatch)),
    )


OTHERS = st.integers(0, 2**32 - 1).filter(lambda xid: xid != XID).flatmap(replies)


@given(st.lists(OTHERS, max_size=3), replies(XID), st.integers(1, 60), SIZES)
def test_the_reply_is_found_among_others_however_it_is_cut(
    others: list[Reply], reply: Reply, fragment: int, sizes: list[int]
) -> None:
    said = b"".join(record.encode(encode(each), fragment) for each in (*others, reply))

    assert call(cut(said, sizes)) == reply


@given(st.binary(max_size=300), SIZES)
def test_any_bytes_in_any_pieces_are_a_reply_or_one_kind_of_error(
    said: bytes, sizes: list[int]
) -> None:
    def result(pieces: list[bytes]) -> object:
        try:
            return call(pieces)
        except (HungUpError, NotRpcError) as exc:
            return type(exc), str(exc)

    assert result(cut(said, sizes)) == result([said])


@given(replies(XID), SIZES)
def test_a_reply_cut_short_is_no_reply(reply: Reply, sizes: list[int]) -> None:
    said = record.encode(encode(reply))

    with pytest.raises(HungUpError):
        call(cut(said[:-1], sizes))


@given(st.binary(min_size=1, max_size=100))
def test_what_cannot_be_written_is_a_connection_that_was_reset(said: bytes) -> None:
    class Broken(Script):
        def write(self, data: bytes) -> None:
            raise BrokenPipeError(data)

    with pytest.raises(HungUpError, match=r"^reset the connection without an answer$"):
        asyncio.run(Caller(Broken([said]), first_xid=XID).call(1, 1, 0, within_s=AMPLE_S))


def test_the_block_of_a_caller_closes_its_stream() -> None:
    stream = Script([])

    with Caller(stream, first_xid=XID) as caller, pytest.raises(CallError):
        asyncio.run(caller.call(1, 1, 0, within_s=AMPLE_S))

    assert stream.closed == 1
    assert stream.written == record.encode(encode(rpc.Call(XID, 1, 1, 0)))
