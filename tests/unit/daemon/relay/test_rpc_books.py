"""hostnfsd.daemon.relay.rpc_books."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon.metric_table import RPC_BUCKETS_S
from hostnfsd.daemon.relay.rpc_books import Follower, RpcBooks
from hostnfsd.rpc_view import ProcedureView
from hostnfsd.services import Service
from hostnfsd.sunrpc import rpc
from hostnfsd.sunrpc.programs import OTHER
from hostnfsd.sunrpc.record import encode as mark
from hostnfsd.sunrpc.tap import Tap
from hostnfsd.sunrpc.xdr import encode

NFS, MOUNT, NLM = 100003, 100005, 100021
NOW = 50.0
GATEWAY, CLIENT = "dev-gw", "172.22.0.9"
GARBAGE = b"SSH-2.0-OpenSSH_9.2p1\r\n"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def books() -> RpcBooks:
    return RpcBooks(GATEWAY, Service.NFS)


@pytest.fixture
def follower(books: RpcBooks) -> Follower:
    made = Follower(books, Tap(), originator=CLIENT)
    made.enter()
    return made


def call(xid: int, numbers: tuple[int, int, int] = (NFS, 3, 6), size: int = 0) -> bytes:
    return mark(encode(rpc.Call(xid, *numbers, bytes(size))))


def reply(xid: int, status: int = 0) -> bytes:
    return mark(encode(rpc.Accepted(xid, rpc.Success(status.to_bytes(4, "big")))))


def denied(xid: int) -> bytes:
    return mark(encode(rpc.Denied(xid, rpc.AuthError(rpc.AuthStat.AUTH_TOOWEAK))))


def procedures(books: RpcBooks) -> dict[str, ProcedureView]:
    return {view.procedure: view for view in books.view(0).procedures}


def test_calls_errors_bytes_and_durations_by_procedure(
    books: RpcBooks, follower: Follower, clock: Clock
) -> None:
    follower.to_host(call(1, size=8) + call(2) + call(3, (NFS, 3, 1)) + call(4), clock.now)
    clock.now += 0.004
    assert follower.to_client(reply(1), clock.now) is True
    clock.now += 100
    follower.to_client(reply(2, status=70) + denied(3), clock.now)

    read, getattr_ = procedures(books)["read"], procedures(books)["getattr"]
    assert (read.calls, read.rpc_errors, read.status_errors, read.unanswered) == (3, 0, 1, 0)
    assert (read.bytes_to_host, read.bytes_to_client) == (48 + 40 + 40, 28 + 28)
    assert read.seconds == pytest.approx(0.004 + 100.004)
    assert dict(zip((*RPC_BUCKETS_S, "more"), read.durations, strict=True)) == {
        **dict.fromkeys((*RPC_BUCKETS_S, "more"), 0),
        0.005: 1,
        "more": 1,
    }
    assert (getattr_.calls, getattr_.rpc_errors, getattr_.status_errors) == (1, 1, 0)
    assert follower.calls == 4


def test_a_duration_on_a_bound_belongs_below_it(
    books: RpcBooks, follower: Follower, clock: Clock
) -> None:
    clock.now = 0.0
    follower.to_host(call(1), clock.now)
    clock.now = 0.25
    follower.to_client(reply(1), clock.now)

    assert procedures(books)["read"].durations[RPC_BUCKETS_S.index(0.25)] == 1


def test_connections_share_the_books(books: RpcBooks, clock: Clock) -> None:
    for _ in range(2):
        follower = Follower(books, Tap(), originator=CLIENT)
        follower.enter()
        follower.to_host(call(1), clock.now)
        follower.close()

    assert procedures(books)["read"].calls == 2


def test_what_waits_is_told_as_it_stands(books: RpcBooks, clock: Clock) -> None:
    assert (books.view(0).in_flight, books.view(0).oldest_call_s) == (0, None)
    first, second = (Follower(books, Tap(), originator=CLIENT) for _ in range(2))
    for follower in (first, second):
        follower.enter()
        follower.to_host(call(1) + call(2), clock.now)
        clock.now += 1

    view = books.view(clock.now)
    assert (view.in_flight, view.oldest_call_s) == (4, 2.0)
    first.to_client(reply(1) + reply(2), clock.now)
    assert books.view(clock.now).oldest_call_s == 1.0
    second.close()
    assert (books.view(clock.now).in_flight, books.view(clock.now).oldest_call_s) == (0, None)
    first.close()
    assert not books.following


def test_what_the_end_leaves_unanswered_is_counted(books: RpcBooks, follower: Follower) -> None:
    follower.to_host(call(1) + call(2) + call(3, (NFS, 3, 7), size=500)[:200], NOW)
    follower.to_client(reply(1), NOW)
    follower.close()

    assert procedures(books)["read"].unanswered == 1
    assert "write" not in procedures(books)
    assert books.untracked == 0, "the tunnel was lost: no side has ended"


def test_a_client_that_ends_in_the_middle_of_a_call_is_lost_track_of(
    books: RpcBooks, follower: Follower, clock: Clock
) -> None:
    follower.to_host(call(1) + call(2, size=100)[:50], clock.now)
    with capture_logs() as logs:
        follower.client_ended()
    assert (follower.quiet, books.untracked) == (False, 1)
    assert [line["reason"] for line in logs] == ["half-open"]

    clock.now += 1  # what it had asked before is answered, and counted
    assert follower.to_client(reply(1), clock.now) is True
    assert follower.quiet is True
    follower.close()
    assert procedures(books)["read"].calls == 1
    assert procedures(books)["read"].unanswered == 0
    assert books.untracked == 1, "a connection counts once"


def test_a_host_that_ends_in_the_middle_of_a_reply_is_lost_track_of(
    books: RpcBooks, follower: Follower
) -> None:
    follower.to_host(call(1), NOW)
    follower.to_client(reply(1)[:-1], NOW)
    follower.host_ended()
    follower.close()

    assert books.untracked == 1
    assert procedures(books)["read"].unanswered == 1


def test_a_host_that_ends_between_replies_leaves_calls_unanswered_and_no_more(
    books: RpcBooks, follower: Follower
) -> None:
    follower.to_host(call(1) + call(2), NOW)
    follower.to_client(reply(1), NOW)
    follower.host_ended()
    assert (follower.quiet, books.untracked) == (True, 0)
    follower.close()

    assert (procedures(books)["read"].unanswered, books.untracked) == (1, 0)


@pytest.mark.parametrize("waiting", [b"", call(7)])
def test_calls_to_a_host_that_has_ended_are_lost_track_of(
    books: RpcBooks, follower: Follower, waiting: bytes
) -> None:
    follower.to_host(waiting, NOW)
    follower.host_ended()
    follower.to_host(call(8), NOW)
    follower.to_host(call(9), NOW)

    assert (follower.quiet, books.untracked) == (True, 1)


def test_garbage_is_counted_once_and_told_once(books: RpcBooks, clock: Clock) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            follower = Follower(books, Tap(), originator=CLIENT)
            follower.enter()
            follower.to_host(call(1) + GARBAGE, clock.now)
            follower.to_host(GARBAGE, clock.now)
            assert follower.to_client(GARBAGE, clock.now) is False
            assert follower.quiet is None
            follower.close()

    assert books.view(0).untracked == 3
    assert procedures(books)["read"].calls == 3
    assert [line["log_level"] for line in logs] == ["info", "debug", "debug"]
    assert logs[0] == {
        "event": "rpc_untracked",
        "log_level": "info",
        "gateway": GATEWAY,
        "service": "nfs",
        "originator": CLIENT,
        "reason": "oversize",
    }


def test_the_heaviest_hang_of_all_is_still_seen(books: RpcBooks, clock: Clock) -> None:
    follower = Follower(books, Tap(max_outstanding=2), originator=CLIENT)
    follower.enter()
    follower.to_host(call(1) + call(2), clock.now)
    clock.now += 60
    with capture_logs() as logs:
        follower.to_host(call(3) + call(4), clock.now)
        follower.to_host(call(5), clock.now)

    view = books.view(clock.now)
    assert (view.in_flight, view.oldest_call_s, view.untracked) == (2, 60.0, 1)
    assert procedures(books)["read"].calls == 5
    assert [line["reason"] for line in logs] == ["outstanding"]
    assert (follower.on, follower.quiet) == (True, None)

    assert follower.to_client(reply(3), clock.now) is False
    assert follower.to_client(reply(1), clock.now) is True
    assert (books.view(clock.now).in_flight, follower.unanswered) == (1, 1)
    follower.to_host(GARBAGE, clock.now)
    follower.close()
    assert books.untracked == 1, "a connection counts once"


def test_what_has_overrun_before_it_became_a_client_counts_then(
    books: RpcBooks, clock: Clock
) -> None:
    follower = Follower(books, Tap(max_outstanding=1), originator=CLIENT)
    follower.to_host(call(1) + call(2), clock.now)
    assert books.untracked == 0
    follower.enter()

    assert (books.untracked, books.following) == (1, {follower})


def test_a_host_that_is_gone_answers_nothing_however_much_waits(
    books: RpcBooks, clock: Clock
) -> None:
    follower = Follower(books, Tap(max_outstanding=1), originator=CLIENT)
    follower.enter()
    follower.to_host(call(1) + call(2), clock.now)
    follower.host_ended()
    assert follower.quiet is True
    follower.close()

    assert procedures(books)["read"].unanswered == 1
    assert books.untracked == 1


def test_nothing_is_booked_of_a_probe(books: RpcBooks, clock: Clock) -> None:
    probe = Follower(books, Tap(), originator=CLIENT)
    probe.to_host(call(1, (NFS, 3, 0)), clock.now)
    probe.to_client(reply(1), clock.now)
    probe.close()

    assert books == RpcBooks(GATEWAY, Service.NFS)


def test_what_lost_track_before_it_became_a_client_counts_then(
    books: RpcBooks, clock: Clock
) -> None:
    follower = Follower(books, Tap(), originator=CLIENT)
    follower.to_host(GARBAGE[:4], clock.now)
    assert books.untracked == 0
    follower.enter()

    assert (books.untracked, books.following) == (1, set())


def test_programs_of_other_ports_are_other(books: RpcBooks, follower: Follower) -> None:
    for xid in range(100):
        follower.to_host(call(xid, (MOUNT, 3, 1)) + call(1000 + xid, (xid, xid, xid)), NOW)

    assert procedures(books).keys() == {OTHER}
    assert procedures(books)[OTHER].calls == 200
    assert not books.by_numbers


def test_a_bug_in_the_tap_ends_the_following_only(
    books: RpcBooks, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(Tap, "to_host", broken)
        follower.to_host(call(1), NOW)
    follower.to_host(call(2), NOW)
    follower.client_ended()
    follower.close()

    assert (books.untracked, follower.quiet) == (1, None)
    assert [line["event"] for line in logs] == ["rpc_tap_broke", "rpc_untracked"]
    assert {(line["gateway"], line["originator"]) for line in logs} == {(GATEWAY, CLIENT)}


@pytest.mark.parametrize(
    ("method", "tell"),
    [
        ("to_client", lambda f: f.to_client(reply(1), NOW)),
        ("client_ended", Follower.client_ended),
        ("host_ended", Follower.host_ended),
        ("close", Follower.close),
    ],
)
def test_so_does_one_anywhere_else(
    books: RpcBooks,
    follower: Follower,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    tell: Callable[[Follower], object],
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Tap, method, broken)
    tell(follower)

    assert (books.untracked, books.following) == (1, set())


def test_calls_for_locks_are_told_but_not_null(clock: Clock) -> None:
    told: list[int] = []
    follower = Follower(
        RpcBooks(GATEWAY, Service.NLOCKMGR),
        Tap(),
        originator=CLIENT,
        locks=lambda: told.append(1),
    )
    follower.enter()
    follower.to_host(call(1, (NLM, 4, 0)), clock.now)
    assert not told

    follower.to_host(call(2, (NLM, 4, 2)), clock.now)
    assert told == [1]


def test_a_follower_of_nothing_books_nothing(books: RpcBooks) -> None:
    follower = Follower(books, None, originator=CLIENT)
    follower.enter()
    follower.to_host(GARBAGE, NOW)
    follower.to_client(GARBAGE, NOW)
    follower.close()

    assert (follower.on, follower.quiet, follower.unanswered, follower.oldest) == (
        False,
        None,
        0,
        None,
    )
    assert books == RpcBooks(GATEWAY, Service.NFS)
