"""A tunnel's books, and the lines of its transitions."""

from collections import Counter
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon.gateway import account as account_module
from hostnfsd.daemon.gateway.account import Account
from hostnfsd.quiet import Quiet
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import Failure
from hostnfsd.tunnel.machine import (
    Bound,
    Closed,
    Connected,
    Event,
    Failed,
    Lost,
    Policy,
    Redial,
    Refused,
    Start,
    Stop,
    Tunnel,
    WakeUp,
    step,
)

Logs = list[MutableMapping[str, Any]]


def fail(kind: FailureKind, text: str = "so it was") -> Failed:
    return Failed(Failure(kind, text, "do that"))


REFUSED = Refused(Failure(FailureKind.AUTH, "key refused", "authorise it"))
LOST = Lost(Failure(FailureKind.KEEPALIVE, "no answer"))


class Clock:
    """Stands in for the module ``time``: both clocks at once."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + 1e9


class Books:
    """An account fed by a real machine."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.account = Account("gw", Quiet())
        self.account.address = "admin@gw:22"
        self.tunnel = Tunnel()

    def take(self, *events: Event, after: float = 0.0) -> None:
        for event in events:
            self.clock.now += after
            before = self.tunnel
            self.tunnel, _ = step(before, event, now=self.clock.now, chance=0.5, policy=Policy())
            self.account.book(event, before, self.tunnel)


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Books:
    clock = Clock()
    monkeypatch.setattr(account_module, "time", clock)
    return Books(clock)


@pytest.fixture
def logs() -> Iterator[Logs]:
    with capture_logs() as captured:
        yield captured


def lines(logs: Logs) -> list[tuple[str, str]]:
    """Level and event, without what is for debugging."""
    return [(e["log_level"], e["event"]) for e in logs if e["log_level"] != "debug"]


def test_failures_and_losses_are_counted_by_kind(books: Books) -> None:
    books.take(Start(), fail(FailureKind.TIMEOUT), WakeUp(), fail(FailureKind.BUSY), WakeUp())
    books.take(REFUSED, WakeUp(), Connected(), Bound(), LOST)

    assert books.account.failures == Counter(
        {FailureKind.TIMEOUT: 1, FailureKind.BUSY: 1, FailureKind.AUTH: 1}
    )
    assert books.account.losses == Counter({FailureKind.KEEPALIVE: 1})


def test_a_session_lost_before_it_was_up_is_a_failed_attempt(books: Books) -> None:
    books.take(Start(), Connected(), LOST)

    assert (books.account.failures.total(), books.account.losses.total()) == (1, 0)


def test_a_session_lost_while_draining_is_a_loss(books: Books) -> None:
    books.take(Start(), Connected(), Bound(), Stop(), LOST)

    assert (books.account.failures.total(), books.account.losses.total()) == (0, 1)


def test_since_is_when_the_phase_was_entered(books: Books) -> None:
    books.take(Start(), after=5.0)
    entered = books.clock.time()
    books.take(Redial(), after=5.0)

    assert books.account.since == entered


def test_downtime_is_the_time_without_a_tunnel(books: Books) -> None:
    account = books.account
    assert account.downtime_s(books.clock.now + 3) == 3.0

    books.take(Start(), Connected(), Bound(), after=2.0)
    assert account.downtime_s(books.clock.now + 100) == 6.0

    books.take(LOST, after=50.0)
    assert account.downtime_s(books.clock.now + 1) == 7.0

    books.take(WakeUp(), Connected(), Bound(), after=1.0)
    assert account.downtime_s(books.clock.now + 100) == 9.0


def test_a_recovery_is_told_once_and_counts_from_the_loss(books: Books) -> None:
    books.take(Start(), Connected(), Bound())
    assert books.account.recovered() is None

    books.take(LOST, WakeUp(), Connected(), Bound(), after=2.0)
    assert books.account.recovered() == 6.0
    assert books.account.recovered() is None


def test_stopping_is_nothing_to_recover_from(books: Books) -> None:
    books.take(Start(), Connected(), Bound(), Stop(), Closed())

    assert books.account.recovered() is None


# -- what is told ------------------------------------------------------------------------------


def test_a_good_start_and_stop_take_two_lines(books: Books, logs: Logs) -> None:
    books.take(Start(), Connected(), Bound(), Stop(), Closed())

    assert lines(logs) == [("info", "tunnel_up"), ("info", "tunnel_stopped")]
    assert [e["address"] for e in logs if e["event"] == "tunnel_up"] == ["admin@gw:22"]


def test_a_loss_and_the_way_back_take_two_lines(books: Books, logs: Logs) -> None:
    books.take(Start(), Connected(), Bound(), LOST, WakeUp(), Connected(), Bound())

    assert lines(logs)[1:] == [("warning", "tunnel_lost"), ("info", "tunnel_up")]
    (lost,) = (e for e in logs if e["event"] == "tunnel_lost")
    assert (lost["reason"], lost["error"], lost["gateway"]) == ("keepalive", "no answer", "gw")


def test_a_failure_that_lasts_is_told_once_a_minute(books: Books, logs: Logs) -> None:
    books.take(Start())
    for n in range(600):
        books.take(fail(FailureKind.UNREACHABLE, f"worded anew, {n}"), WakeUp(), after=0.5)

    assert lines(logs) == [("warning", "tunnel_failed")] * 10
    told = [e for e in logs if e["event"] == "tunnel_failed"]
    assert [e["failing_for_s"] for e in told] == [60 * n for n in range(10)]


def test_another_kind_of_failure_is_told_at_once(books: Books, logs: Logs) -> None:
    books.take(Start(), fail(FailureKind.UNREACHABLE), WakeUp(), fail(FailureKind.TIMEOUT))

    assert [e["kind"] for e in logs if e["event"] == "tunnel_failed"] == ["unreachable", "timeout"]


def test_what_a_person_must_cure_is_an_error_with_its_cure(books: Books, logs: Logs) -> None:
    books.take(Start(), REFUSED)

    assert lines(logs) == [("error", "tunnel_blocked")]
    (told,) = (e for e in logs if e["event"] == "tunnel_blocked")
    assert (told["kind"], told["error"], told["hint"]) == ("auth", "key refused", "authorise it")


def test_a_failure_that_comes_back_after_the_tunnel_was_up_is_told_again(
    books: Books, logs: Logs
) -> None:
    failed = fail(FailureKind.UNREACHABLE)
    books.take(Start(), failed, WakeUp(), Connected(), Bound(), LOST, WakeUp(), failed)

    assert [event for _, event in lines(logs)] == [
        "tunnel_failed", "tunnel_up", "tunnel_lost", "tunnel_failed",
    ]  # fmt: skip


def test_a_stop_after_a_failure_is_told(books: Books, logs: Logs) -> None:
    books.take(Start(), fail(FailureKind.UNREACHABLE), Stop(), Closed())

    assert lines(logs) == [("warning", "tunnel_failed"), ("info", "tunnel_stopped")]


def test_every_phase_is_traced(books: Books, logs: Logs) -> None:
    books.take(Start(), Redial(), Connected(), Bound())

    assert [(e["before"], e["phase"]) for e in logs if e["event"] == "tunnel_phase_changed"] == [
        ("stopped", "connecting"),
        ("connecting", "binding"),
        ("binding", "up"),
    ]


def test_tunnel_that_comes_and_goes_is_told_once_a_minute(books: Books, logs: Logs) -> None:
    books.take(Start(), Connected(), Bound())
    for _ in range(9):
        books.take(LOST, WakeUp(), Connected(), Bound(), after=2.0)

    told = [(line["event"], line.get("times")) for line in logs if line["log_level"] != "debug"]
    assert told == [
        ("tunnel_up", None),
        ("tunnel_lost", 1),
        ("tunnel_up", None),
        ("tunnel_lost", 9 - 1),
        ("tunnel_up", None),
    ]
