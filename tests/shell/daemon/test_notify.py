"""What systemd hears, on a real datagram socket."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostnfsd.daemon.notify import Notify, watchdog_interval_s


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield listener


def heard(systemd: socket.socket) -> list[bytes]:
    datagrams = []
    while True:
        try:
            datagrams.append(systemd.recv(4096))
        except BlockingIOError:
            return datagrams


@pytest.fixture
def notify(systemd: socket.socket) -> Iterator[Notify]:
    assert systemd.fileno() >= 0
    notify = Notify()
    yield notify
    notify.close()


def test_the_life_of_a_daemon(systemd: socket.socket, notify: Notify) -> None:
    notify.ready()
    notify.status("up: dev-gw 6/6 serving")
    notify.watchdog()
    notify.stopping()

    assert heard(systemd) == [
        b"READY=1",
        b"STATUS=up: dev-gw 6/6 serving",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


def test_reloading_is_one_datagram_with_the_monotonic_time(
    systemd: socket.socket, notify: Notify
) -> None:
    before = time.monotonic_ns() // 1000
    notify.reloading()
    after = time.monotonic_ns() // 1000

    (datagram,) = heard(systemd)
    first, second = datagram.decode().split("\n")
    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= after


def test_a_status_is_ascii_on_one_line(systemd: socket.socket, notify: Notify) -> None:
    notify.status("büro → up\nMAINPID=1")

    assert heard(systemd) == [b"STATUS=b?ro ? up MAINPID=1"]


def test_the_same_status_is_sent_once(systemd: socket.socket, notify: Notify) -> None:
    for text in ("a", "a", "b", "a"):
        notify.status(text)

    assert heard(systemd) == [b"STATUS=a", b"STATUS=b", b"STATUS=a"]


def test_an_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"hostnfsd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify = Notify()
        notify.ready()
        notify.close()

        assert listener.recv(64) == b"READY=1"


# sdnotify leaves a socket that could not connect to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("where", [None, "", "/nonexistent/notify"])
def test_without_systemd_nothing_happens(
    where: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", where)
    notify = Notify()
    for call in (notify.ready, notify.reloading, notify.stopping, notify.watchdog, notify.close):
        call()
    notify.status("up")


def test_a_systemd_that_does_not_read_stops_nobody(systemd: socket.socket, notify: Notify) -> None:
    for _ in range(5000):
        notify.watchdog()

    assert set(heard(systemd)) == {b"WATCHDOG=1"}


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "4000000"}, 2.0),
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "7"}, 2.0),
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-4"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_asks(
    environ: dict[str, str], interval: float | None
) -> None:
    assert watchdog_interval_s(environ, 7) == interval


def test_a_notify_knows_its_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))

    assert Notify().watchdog_interval_s == 5.0
