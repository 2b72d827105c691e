import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.sunrpc import record, rpc
from hostnfsd.sunrpc.denying import MOST_CALLS, Denier
from hostnfsd.sunrpc.rpc import AuthError, AuthStat, Call, Denied, ForeignCall, RpcMismatch
from hostnfsd.sunrpc.xdr import encode
from tests.unit.sunrpc.messages import ACCEPTED, CALLS, DENIED, FOREIGN_CALLS

WEAK = AuthStat.AUTH_TOOWEAK


def marked(*messages: rpc.Message, max_fragment: int = record.MAX_FRAGMENT) -> bytes:
    return b"".join(record.encode(encode(each), max_fragment) for each in messages)


def replies(stream: bytes) -> list[rpc.Message]:
    return [rpc.decode_message(raw) for raw in record.RecordReader(100).feed(stream)]


def test_a_call_is_denied() -> None:
    denier = Denier(WEAK)

    assert replies(denier.hear(marked(Call(7, 100003, 3, 0)))) == [Denied(7, AuthError(WEAK))]
    assert not denier.over
    assert denier.answered == 1


def test_a_call_of_another_rpc_is_told_the_version() -> None:
    stream = marked(ForeignCall(7, 3, bytes(40)))

    assert replies(Denier(WEAK).hear(stream)) == [Denied(7, RpcMismatch())]


def test_a_call_is_answered_when_it_is_whole() -> None:
    denier = Denier(WEAK)
    stream = marked(Call(7, 100003, 3, 7, bytes(1 << 20)))

    assert denier.hear(stream[:-1]) == b""
    assert denier.amid
    assert len(replies(denier.hear(stream[-1:]))) == 1
    assert not denier.amid


@pytest.mark.parametrize(
    "stream",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        record.encode(b""),
        record.encode(bytes(11)),
        marked(rpc.Accepted(7)),
    ],
    ids=["http", "ssh", "tls", "empty", "short", "reply"],
)
def test_what_is_no_call_is_not_answered(stream: bytes) -> None:
    denier = Denier(WEAK)

    assert denier.hear(stream) == b""
    assert denier.over
    assert denier.hear(marked(Call(7, 100003, 3, 0))) == b""


def test_there_is_a_bound() -> None:
    denier = Denier(WEAK)
    stream = b"".join(marked(Call(xid, 100003, 3, 0)) for xid in range(1000))

    assert len(replies(denier.hear(stream))) == MOST_CALLS
    assert denier.over


@given(
    st.lists(st.one_of(CALLS, FOREIGN_CALLS), max_size=8),
    st.one_of(st.none(), ACCEPTED, DENIED),
    st.integers(1, 400),
    st.data(),
)
def test_any_chunking_gives_the_same_refusals(
    calls: list[Call | ForeignCall],
    stranger: rpc.Message | None,
    max_fragment: int,
    data: st.DataObject,
) -> None:
    messages = [*calls, *([] if stranger is None else [stranger])]
    stream = marked(*messages, max_fragment=max_fragment)
    denier, told, at = Denier(WEAK), b"", 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        told += denier.hear(stream[at : at + size])
        at += size

    assert told == Denier(WEAK).hear(stream)
    assert [reply.xid for reply in replies(told)] == [call.xid for call in calls]
    assert denier.over == (stranger is not None)
    assert not denier.amid or denier.over


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_are_refused_the_same_in_pieces(pieces: list[bytes]) -> None:
    denier, whole = Denier(WEAK), Denier(WEAK)
    told = b"".join(map(denier.hear, pieces))

    assert told == whole.hear(b"".join(pieces))
    assert (denier.over, denier.answered) == (whole.over, whole.answered)
    assert len(replies(told)) == denier.answered
