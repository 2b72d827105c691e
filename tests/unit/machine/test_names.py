import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address

import pytest

from hostnfsd.exports.system import UNKNOWN
from hostnfsd.machine import names
from hostnfsd.machine.names import Found, Names, Patience, possible

ONE, TWO = (IPv4Address("10.0.0.1"),), (IPv4Address("10.0.0.2"),)
LONG_S = 30.0


class Server:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.answers: dict[str, Found | None] = {}
        self.asked: list[str] = []
        self.open = threading.Event()
        self.open.set()

    def ask(self, name: str) -> Found | None:
        self.asked.append(name)
        self.open.wait(LONG_S)
        return self.answers.get(name, ())


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.open.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(server: Server, clock: Clock) -> Names:
    return Names(server.ask, clock)


def test_an_answer_is_remembered_for_a_while_in_any_case(
    server: Server, clock: Clock, known: Names
) -> None:
    server.answers["dev"] = ONE

    assert known.addresses("Dev", LONG_S) == ONE
    assert known.addresses("DEV", LONG_S) == ONE
    assert server.asked == ["dev"]

    server.answers["dev"] = TWO
    clock.now += names.KEEP_S
    assert known.addresses("dev", LONG_S) == TWO


def test_that_there_is_no_such_name_is_remembered_for_a_shorter_while(
    server: Server, clock: Clock, known: Names
) -> None:
    assert known.addresses("dev", LONG_S) == ()

    server.answers["dev"] = ONE
    assert known.addresses("dev", LONG_S) == ()
    clock.now += names.KEEP_NOTHING_S
    assert known.addresses("dev", LONG_S) == ONE


def test_what_takes_too_long_is_unknown_and_there_later(server: Server, known: Names) -> None:
    server.answers["dev"] = ONE
    server.open.clear()

    assert known.addresses("dev", 0.0) is UNKNOWN
    assert known.addresses("dev", 0.0) is UNKNOWN
    server.open.set()
    assert known.addresses("dev", LONG_S) == ONE
    assert server.asked == ["dev"], "the second asker joined the first question"


def test_an_old_answer_stands_in_for_one_that_does_not_come(
    server: Server, clock: Clock, known: Names
) -> None:
    server.answers["dev"] = ONE
    known.addresses("dev", LONG_S)
    clock.now += names.KEEP_S

    server.open.clear()
    assert known.addresses("dev", 0.0) == ONE
    server.open.set()


def test_an_old_answer_stands_in_while_nobody_can_be_asked(
    server: Server, clock: Clock, known: Names
) -> None:
    server.answers["dev"] = ONE
    known.addresses("dev", LONG_S)
    clock.now += names.KEEP_S
    server.answers["dev"] = server.answers["new"] = None

    assert known.addresses("dev", LONG_S) == ONE
    assert known.addresses("new", LONG_S) == ()


def test_who_comes_late_waits_only_for_what_is_left(
    server: Server, clock: Clock, known: Names
) -> None:
    server.open.clear()
    assert known.addresses("dev", 0.0) is UNKNOWN

    clock.now += LONG_S
    assert known.addresses("dev", LONG_S) is UNKNOWN, "it was asked for long enough ago"


def test_only_so_many_questions_are_open(server: Server, known: Names) -> None:
    server.open.clear()
    for index in range(names.MOST_OPEN):
        known.addresses(f"host{index}", 0.0)

    assert known.addresses("another", LONG_S) is UNKNOWN, "nobody waits for a place"
    assert len(server.asked) <= names.MOST_OPEN


@pytest.mark.parametrize("name", ["localhost(rw)", "*", "#", "10.0.0.0/8", "a b", "", "x\0", "a,b"])
def test_what_is_no_name_is_asked_of_nobody(name: str, server: Server, known: Names) -> None:
    assert not possible(name)
    assert known.addresses(name, LONG_S) == ()
    assert server.asked == []


@pytest.mark.parametrize("name", ["dev", "dev-gw.local", "build_host", "xn--bcher-kva", "bücher"])
def test_what_may_be_a_name(name: str) -> None:
    assert possible(name)


def test_all_names_together_take_no_longer_than_was_said(clock: Clock) -> None:
    waited: list[float] = []

    class Slow(Names):
        def addresses(self, name: str, within_s: float) -> Found:  # noqa: ARG002
            waited.append(within_s)
            clock.now += within_s
            return ()

    patience = Patience(Slow(), within_s=2.0, all_within_s=5.0, clock=clock)
    for index in range(4):
        patience.addresses(f"host{index}")

    assert waited == [2.0, 2.0, 1.0, 0.0]


@pytest.mark.parametrize("raised", [OSError("no sockets"), UnicodeError("label too long")])
def test_a_name_that_cannot_even_be_asked_for_is_none(
    raised: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", raising(raised))

    assert names.look_up("dev") == ()


def test_a_server_that_cannot_be_reached_is_told_from_no_such_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = socket.gaierror(socket.EAI_AGAIN, "try again")
    monkeypatch.setattr(socket, "getaddrinfo", raising(gone))
    assert names.look_up("dev") is None

    none = socket.gaierror(socket.EAI_NONAME, "no such name")
    monkeypatch.setattr(socket, "getaddrinfo", raising(none))
    assert names.look_up("dev") == ()


def raising(what: Exception) -> Callable[..., object]:
    def ask(*_: object, **__: object) -> object:
        raise what

    return ask


def test_the_machine_knows_itself() -> None:
    found = names.look_up("localhost")

    assert found
    assert all(address.is_loopback for address in found)
