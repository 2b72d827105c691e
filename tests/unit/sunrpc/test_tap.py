"""hostnfsd.sunrpc.tap."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostnfsd.sunrpc import rpc
from hostnfsd.sunrpc.outcome import Error
from hostnfsd.sunrpc.record import encode as mark
from hostnfsd.sunrpc.scan import Off
from hostnfsd.sunrpc.tap import MAX_OUTSTANDING, Call, Reply, Tap
from hostnfsd.sunrpc.xdr import encode
from tests.unit.sunrpc.messages import chunked
from tests.unit.sunrpc.naive_tap import NaiveTap

NFS, MOUNT, NLM, NFSACL = 100003, 100005, 100021, 100227
CALLBACK = 0x40000000


def call(
    xid: int,
    program: int = NFS,
    version: int = 3,
    procedure: int = 6,
    *,
    size: int = 0,
    flavor: int = 0,
) -> bytes:
    credential = rpc.Auth(flavor)
    return mark(
        encode(rpc.Call(xid, program, version, procedure, bytes(size), credential=credential))
    )


def reply(xid: int, outcome: rpc.Outcome | None = None, verifier: int = 0) -> bytes:
    answer = rpc.Success(bytes(4)) if outcome is None else outcome
    return mark(encode(rpc.Accepted(xid, answer, rpc.Auth(6 if verifier else 0, bytes(verifier)))))


def status(number: int) -> rpc.Success:
    return rpc.Success(number.to_bytes(4, "big"))


def denied(xid: int) -> bytes:
    return mark(encode(rpc.Denied(xid, rpc.AuthError(rpc.AuthStat.AUTH_TOOWEAK))))


def what_became(asked: bytes, answered: bytes) -> tuple[Error, int]:
    tap = Tap()
    tap.to_host(asked, 0)
    ((_, _, error, number, _, _),) = tap.to_client(answered, 0)
    return error, number


def took(replies: Sequence[Reply]) -> list[float]:
    """Seconds, of each reply."""
    return [reply[-1] for reply in replies]


def xids(events: Sequence[Call | Reply]) -> list[int]:
    """Transaction numbers."""
    return [event[0] for event in events]


def test_a_call_and_its_reply() -> None:
    tap = Tap()

    assert tap.quiet is True
    assert tap.to_host(call(7, size=8), 1.0) == [(7, (NFS, 3, 6), 48)]
    assert (tap.unanswered, tap.oldest, tap.quiet) == (1, 1.0, False)
    assert tap.to_client(reply(7), 3.5) == [(7, (NFS, 3, 6), Error.NONE, 0, 28, 2.5)]
    assert (tap.unanswered, tap.oldest, tap.quiet) == (0, None, True)


def test_replies_come_in_any_order() -> None:
    tap = Tap()
    tap.to_host(call(1) + call(2, procedure=1), 1)
    tap.to_host(call(3, procedure=4), 2)

    events = tap.to_client(reply(2) + reply(3), 5)

    assert [(xid, numbers[2], took) for xid, numbers, *_, took in events] == [(2, 1, 4), (3, 4, 3)]
    assert (tap.unanswered, tap.oldest) == (1, 1)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (status(0), (Error.NONE, 0)),
        (status(70), (Error.STATUS, 70)),
        (rpc.Success(b""), (Error.NONE, 0)),
        (rpc.ProgramMismatch(2, 3), (Error.RPC, 0)),
        *((rpc.Failure(rpc.AcceptStat(stat)), (Error.RPC, 0)) for stat in (1, 3, 4, 5)),
    ],
)
def test_what_became_of_a_call(outcome: rpc.Outcome, expected: tuple[Error, int]) -> None:
    assert what_became(call(1), reply(1, outcome)) == expected


def test_a_denied_call() -> None:
    assert what_became(call(1), denied(1)) == (Error.RPC, 0)


@pytest.mark.parametrize(
    ("numbers", "seen"),
    [
        ((NFS, 3, 0), False),
        ((NFS, 3, 7), True),
        ((NFS, 2, 3), False),
        ((NFS, 2, 7), False),
        ((NFS, 2, 4), True),
        ((NFS, 4, 1), True),
        ((NFS, 4, 0), False),
        ((MOUNT, 3, 1), True),
        ((MOUNT, 3, 5), False),
        ((NFSACL, 3, 1), True),
        ((NFSACL, 3, 0), False),
        ((NLM, 4, 2), False),
        ((100000, 2, 3), False),
    ],
)
def test_a_status_is_seen_where_results_begin_with_one(
    numbers: tuple[int, int, int], seen: bool
) -> None:
    expected = (Error.STATUS, 13) if seen else (Error.NONE, 0)

    assert what_became(call(1, *numbers), reply(1, status(13))) == expected


def test_with_kerberos_results_begin_with_something_else() -> None:
    assert what_became(call(1, flavor=6), reply(1, status(13))) == (Error.NONE, 0)


@pytest.mark.parametrize(
    ("verifier", "expected"),
    [
        (28, (Error.STATUS, 13)),
        (33, (Error.STATUS, 13)),
        (36, (Error.STATUS, 13)),
        (40, (Error.NONE, 0)),
        (400, (Error.NONE, 0)),
    ],
)
def test_a_status_is_seen_behind_the_usual_verifiers(
    verifier: int, expected: tuple[Error, int]
) -> None:
    assert what_became(call(1), reply(1, status(13), verifier)) == expected


def test_an_rpc_error_behind_a_long_verifier_is_not_seen() -> None:
    failure = rpc.Failure(rpc.AcceptStat.SYSTEM_ERR)

    assert what_became(call(1), reply(1, failure, 40)) == (Error.RPC, 0)
    assert what_became(call(1), reply(1, failure, 44)) == (Error.NONE, 0)


def test_a_call_counts_from_its_first_bytes_and_is_told_at_its_last() -> None:
    tap = Tap()
    stream = call(1, procedure=7, size=1000)

    assert tap.to_host(stream[:20], 1) == []
    assert (tap.unanswered, tap.quiet) == (0, False)
    assert tap.to_host(stream[20:100], 2) == []
    assert (tap.unanswered, tap.oldest) == (1, 1)
    assert tap.to_host(stream[100:], 3) == [(1, (NFS, 3, 7), 1040)]
    assert took(tap.to_client(reply(1), 4)) == [3]


def test_a_reply_may_overtake_the_rest_of_its_call() -> None:
    tap = Tap()
    stream = call(1, procedure=7, size=1000)
    tap.to_host(stream[:500], 1)

    ((_, _, error, _, _, seconds),) = tap.to_client(denied(1), 2)
    assert (error, seconds, tap.quiet) == (Error.RPC, 1, False)

    assert xids(tap.to_host(stream[500:], 3)) == [1]
    assert (tap.unanswered, tap.quiet) == (0, True)


def test_a_reply_counts_until_its_last_byte() -> None:
    tap = Tap()
    tap.to_host(call(1), 0)
    stream = reply(1, rpc.Success(bytes(1000)))

    assert tap.to_client(stream[:-1], 1) == []
    assert (tap.unanswered, tap.quiet) == (1, False)
    assert tap.to_client(stream[-1:], 2)[0][4] == len(stream) - 4
    assert tap.quiet is True


def test_a_call_sent_again_keeps_its_time() -> None:
    tap = Tap()
    tap.to_host(call(1), 1)

    assert xids(tap.to_host(call(1), 60)) == [1]
    assert (tap.unanswered, tap.oldest) == (1, 1)
    assert took(tap.to_client(reply(1) + reply(1), 61)) == [60]
    assert (tap.strays, tap.off, tap.quiet) == (1, None, True)


def test_an_xid_may_be_used_again() -> None:
    tap = Tap()
    for procedure in (1, 3):
        tap.to_host(call(9, procedure=procedure), 0)
        assert [numbers[2] for _, numbers, *_ in tap.to_client(reply(9), 0)] == [procedure]


def test_calls_of_the_server_are_passed_over() -> None:
    tap = Tap()
    tap.to_host(call(1, version=4, procedure=1), 0)

    assert tap.to_client(call(1, CALLBACK, 1, 1, size=200), 0) == []
    assert tap.to_host(reply(1, rpc.Success(bytes(200))), 0) == []
    assert (tap.unanswered, tap.strays, tap.off) == (1, 0, None)
    assert len(tap.to_client(reply(1), 0)) == 1


@pytest.mark.parametrize(
    "record",
    [
        b"",
        bytes(16),
        bytes(36),
        encode(rpc.Call(1, 2, 3, 4))[:36],
        encode(rpc.ForeignCall(1, 3, bytes(100))),
        bytes.fromhex("00000001 00000002") + bytes(100),
    ],
)
def test_what_is_no_call_switches_it_off(record: bytes) -> None:
    tap = Tap()
    tap.to_host(call(5), 0)

    assert tap.to_host(mark(record) + call(6), 0) == []
    assert (tap.off, tap.quiet, tap.unanswered, tap.oldest) == (Off.GARBAGE, None, 0, None)
    assert tap.to_host(call(7), 0) == []
    assert tap.to_client(reply(5), 0) == []


@pytest.mark.parametrize(
    "record",
    [
        b"",
        bytes.fromhex("00000005 00000001 00000000 00000000"),
        bytes.fromhex("00000005 00000001 00000000 00000000 00000000"),
        bytes.fromhex("00000005 00000001 00000000 00000000 00000190 00000000"),
        bytes.fromhex("00000005 00000001 00000000 00000000 00000191") + bytes(500),
        bytes.fromhex("00000005 00000001 00000000 00000000 00000000 00000006"),
        bytes.fromhex("00000005 00000001 00000002 00000000 00000000 00000000"),
        bytes.fromhex("00000005 00000002 00000000 00000000 00000000 00000000"),
    ],
)
def test_what_is_no_reply_switches_it_off(record: bytes) -> None:
    tap = Tap()
    tap.to_host(call(5), 0)

    assert tap.to_client(mark(record) + reply(5), 0) == []
    assert (tap.off, tap.quiet, tap.unanswered) == (Off.GARBAGE, None, 0)


def test_a_record_too_large_switches_it_off() -> None:
    for to_host in (True, False):
        tap = Tap(max_record=100)
        (tap.to_host if to_host else tap.to_client)(b"\x80\0\0\x65", 0)

        assert tap.off is Off.OVERSIZE


def test_so_does_one_that_comes_all_at_once() -> None:
    tap = Tap(max_record=100)
    assert tap.to_host(call(1, size=200), 0) == []
    assert tap.off is Off.OVERSIZE

    tap = Tap(max_record=100)
    tap.to_host(call(1), 0)
    assert tap.to_client(reply(1, rpc.Success(bytes(200))), 0) == []
    assert tap.off is Off.OVERSIZE


def test_payload_is_never_taken_for_a_message() -> None:
    """Though it looks like one, and a chunk begins with it."""
    written = call(2)
    tap = Tap()
    stream = mark(encode(rpc.Call(1, NFS, 3, 7, bytes(60) + written)))
    tap.to_host(stream[: -len(written)], 0)
    assert tap.to_host(written, 0) == [(1, (NFS, 3, 7), len(stream) - 4)]
    assert tap.unanswered == 1

    tap.to_host(call(2), 0)
    read = reply(2)
    stream = mark(encode(rpc.Accepted(1, rpc.Success(bytes(60) + read))))
    tap.to_client(stream[: -len(read)], 0)
    assert xids(tap.to_client(read, 0)) == [1]
    assert tap.unanswered == 1


def test_a_reply_without_results_does_not_borrow_the_next_ones_first_bytes() -> None:
    tap = Tap()
    tap.to_host(call(1) + call(2), 0)
    events = tap.to_client(reply(1, rpc.Success(b"")) + reply(2), 0)

    assert [(xid, error, size) for xid, _, error, _, size, _ in events] == [
        (1, Error.NONE, 24),
        (2, Error.NONE, 28),
    ]


def test_nothing_is_told_after_the_first_error_but_everything_before() -> None:
    tap = Tap(max_record=100)

    assert xids(tap.to_host(call(1) + b"\x80\0\1\0" + call(2), 0)) == [1]
    tap = Tap()
    tap.to_host(call(1) + call(2), 0)
    events = tap.to_client(reply(1) + mark(b"") + reply(2), 0)
    assert xids(events) == [1]


def test_a_head_is_judged_before_the_fragment_behind_it() -> None:
    tap = Tap(max_record=100)
    garbage = encode(rpc.ForeignCall(1, 3, bytes(80)))

    tap.to_host(mark(garbage, max_fragment=70)[:-22] + b"\x80\1\0\0", 0)

    assert tap.off is Off.GARBAGE


def test_too_many_unanswered_calls_hide_none_of_those_that_are_known() -> None:
    tap = Tap()
    for xid in range(MAX_OUTSTANDING):
        tap.to_host(call(xid), 1.0 + xid)
    tap.to_host(call(0), 9e9)
    assert (tap.overrun, tap.unanswered, tap.quiet) == (False, MAX_OUTSTANDING, False)

    assert tap.to_host(call(MAX_OUTSTANDING), 9e9) == [(MAX_OUTSTANDING, (NFS, 3, 6), 40)]
    assert (tap.off, tap.overrun, tap.quiet) == (None, True, None)
    assert (tap.unanswered, tap.oldest) == (MAX_OUTSTANDING, 1.0)

    assert tap.to_client(reply(MAX_OUTSTANDING), 9e9) == []
    assert tap.strays == 1
    assert xids(tap.to_client(reply(0), 9e9)) == [0]
    assert (tap.unanswered, tap.oldest) == (MAX_OUTSTANDING - 1, 2.0)
    assert len(tap.close()) == MAX_OUTSTANDING - 1


@pytest.mark.parametrize("size", [0, 200])
def test_there_is_room_again_once_some_are_answered(size: int) -> None:
    tap = Tap(max_outstanding=2)
    tap.to_host(call(1) + call(2), 1)
    stream = call(3, size=size)
    assert xids((*tap.to_host(stream[:80], 2), *tap.to_host(stream[80:], 3))) == [3]
    assert (tap.unanswered, tap.oldest) == (2, 1)
    tap.to_client(reply(1) + reply(2) + reply(3), 4)
    assert (tap.unanswered, tap.oldest) == (0, None)

    tap.to_host(call(4), 5)
    assert (tap.unanswered, tap.oldest, tap.quiet) == (1, 5, None)
    assert took(tap.to_client(reply(4), 6)) == [1]


def test_a_client_that_ends_between_calls_still_gets_its_replies() -> None:
    tap = Tap()
    tap.to_host(call(1), 0)
    tap.client_ended()

    assert len(tap.to_client(reply(1), 1)) == 1
    assert (tap.off, tap.quiet) == (None, True)


def test_a_call_cut_short_by_its_client_is_waited_for_no_more() -> None:
    for size in (1, 4, 20, 100):
        tap = Tap()
        tap.to_host(call(1, size=200)[:size], 0)
        tap.client_ended()

        assert (tap.off, tap.unanswered, tap.quiet) == (None, 0, True)
        assert tap.close() == ()


def test_a_client_that_has_ended_inside_a_call_calls_no_more() -> None:
    tap = Tap()
    tap.to_host(call(1, size=200)[:50], 0)
    tap.client_ended()

    assert tap.to_host(call(2), 0) == []
    assert (tap.off, tap.unanswered) == (Off.HALF_OPEN, 0)


def test_replies_to_whole_calls_are_followed_after_a_cut_one() -> None:
    tap = Tap()
    tap.to_host(call(1) + call(2, size=200)[:150], 0)
    assert tap.unanswered == 2
    tap.client_ended()

    assert xids(tap.to_client(reply(1), 1)) == [1]
    assert (tap.off, tap.quiet) == (None, True)


def test_a_call_sent_again_and_cut_short_leaves_the_first_one_waiting() -> None:
    tap = Tap()
    tap.to_host(call(1, size=200) + call(1, size=200)[:150], 0)
    tap.client_ended()

    assert tap.unanswered == 1
    assert len(tap.close()) == 1


def test_the_end_of_the_connection_tells_what_was_never_answered() -> None:
    tap = Tap()
    tap.to_host(call(1) + call(2, MOUNT, 3, 1) + call(3, size=200)[:150], 0)
    tap.to_client(reply(1), 1)

    assert tap.close() == ((MOUNT, 3, 1),)
    assert tap.close() == ()


def test_so_does_the_end_of_the_host() -> None:
    tap = Tap()
    tap.to_host(call(1) + call(2, size=200)[:150], 0)
    tap.host_ended()

    assert tap.close() == ((NFS, 3, 6),)


def test_nothing_is_told_of_a_connection_that_is_not_followed_any_more() -> None:
    tap = Tap()
    tap.to_host(call(1) + mark(b""), 0)

    assert tap.off is Off.GARBAGE
    assert tap.close() == ()


def test_a_host_that_ends_with_calls_unanswered_switches_it_off() -> None:
    tap = Tap()
    tap.to_host(call(1), 0)
    tap.host_ended()

    assert (tap.off, tap.quiet) == (Off.HALF_OPEN, None)


def test_a_host_that_ends_inside_a_record_switches_it_off() -> None:
    tap = Tap()
    tap.to_client(call(1, CALLBACK)[:10], 0)
    tap.host_ended()

    assert tap.off is Off.HALF_OPEN


def test_a_host_that_ends_when_all_is_quiet_is_fine_until_it_is_called() -> None:
    tap = Tap()
    tap.to_host(call(1), 0)
    tap.to_client(reply(1), 0)
    tap.host_ended()
    assert (tap.off, tap.quiet) == (None, True)

    assert tap.to_host(call(2), 0) == []
    assert tap.off is Off.HALF_OPEN


def test_the_first_reason_stays() -> None:
    tap = Tap()
    tap.to_host(mark(b""), 0)
    tap.host_ended()
    tap.client_ended()

    assert tap.off is Off.GARBAGE


NUMBERS = st.sampled_from(
    [(NFS, 3, 0), (NFS, 3, 7), (NFS, 4, 1), (NFS, 2, 3), (MOUNT, 3, 1), (NLM, 4, 2), (NFSACL, 3, 1)]
)
XIDS = st.integers(0, 6)
AUTHS = st.builds(
    rpc.Auth, st.sampled_from([0, 1, 6]), st.sampled_from([b"", bytes(27), bytes(44)])
)
CALLS = st.builds(
    lambda xid, numbers, size, auth: rpc.Call(
        xid, numbers[0], numbers[1], numbers[2], bytes(size), auth
    ),
    XIDS,
    NUMBERS,
    st.integers(0, 150),
    AUTHS,
)
REPLIES = st.one_of(
    st.builds(
        rpc.Accepted,
        XIDS,
        st.one_of(
            st.builds(status, st.sampled_from([0, 13])),
            st.builds(lambda size: rpc.Success(bytes(size)), st.integers(0, 150)),
            st.just(rpc.Failure(rpc.AcceptStat.GARBAGE_ARGS)),
            st.just(rpc.ProgramMismatch(2, 3)),
        ),
        AUTHS,
    ),
    st.builds(lambda xid: rpc.Denied(xid, rpc.RpcMismatch()), XIDS),
)
FRAGMENTED = st.tuples(
    st.sampled_from([CALLS, CALLS, REPLIES]).flatmap(lambda kind: kind), st.integers(1, 300)
).map(lambda pair: mark(encode(pair[0]), pair[1]))
ANSWERS = st.tuples(st.one_of(REPLIES, REPLIES, CALLS), st.integers(1, 300)).map(
    lambda pair: mark(encode(pair[0]), pair[1])
)
JUNK = st.one_of(
    st.binary(max_size=30),
    st.binary(max_size=80).map(mark),
    st.just(b"\0\0\0\0"),
    st.just(b"\x80\0\2\0"),
)
CUTS = st.lists(st.integers(0, 1500), max_size=15)


def streams(of: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Mostly messages; now and then junk at the end."""
    clean = st.lists(of, max_size=12).map(b"".join)
    return st.one_of(clean, clean, st.tuples(clean, JUNK, clean).map(b"".join))


@pytest.mark.patient
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data(), streams(FRAGMENTED), streams(ANSWERS), CUTS, CUTS)
def test_it_says_what_a_plain_and_slow_one_says(
    data: st.DataObject, to_host: bytes, to_client: bytes, cuts: list[int], more: list[int]
) -> None:
    left = {True: chunked(to_host, cuts), False: chunked(to_client, more)}
    tap, naive = Tap(max_record=400, max_outstanding=4), NaiveTap(400, 4)
    now = 0.0
    while any(left.values()):
        towards_host = data.draw(st.booleans()) if all(left.values()) else bool(left[True])
        chunk = left[towards_host].pop(0)
        now += 1.0
        events = tap.to_host(chunk, now) if towards_host else tap.to_client(memoryview(chunk), now)

        assert list(events) == naive.feed(chunk, now, to_host=towards_host)
        compare(tap, naive)
        if not left[towards_host] and data.draw(st.booleans()):
            for one in (tap, naive):
                one.client_ended() if towards_host else one.host_ended()
            compare(tap, naive)
    assert list(tap.close()) == naive.close()


def compare(tap: Tap, naive: NaiveTap) -> None:
    assert (tap.off, tap.overrun, tap.unanswered, tap.oldest, tap.quiet, tap.strays) == (
        naive.off,
        naive.overrun,
        len(naive.waiting),
        naive.oldest,
        naive.quiet,
        naive.strays,
    )
