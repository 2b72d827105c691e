"""What is remembered, while the disk does what disks do."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon.gateway import session_book
from hostnfsd.daemon.gateway.session_book import SessionBook
from hostnfsd.daemon.gateway.session_store import SessionStore, StoreError
from hostnfsd.tunnel import reclaim
from hostnfsd.tunnel.own_session import OwnSession, Place, SessionProcess
from tests.support.conditions import eventually

SESSION = OwnSession("SHA256:x", "admin@gw:22", 1000.0, frozenset({2049}))
LATER = replace(SESSION, since=2000.0)
PROCESS = SessionProcess(Place("b", "-", 1), 15, 7, 0, "sshd")


@pytest.fixture
def store(tmp_path: Path) -> SessionStore:
    return SessionStore(tmp_path / "state", "machine", "/x.toml")


def on_disk(store: SessionStore, gateway: str = "a") -> tuple[OwnSession, ...]:
    try:
        return store.read()[0].get(gateway, ())
    except StoreError:
        return ()


@asynccontextmanager
async def running(store: SessionStore | None) -> AsyncIterator[SessionBook]:
    book = SessionBook(store)
    task = asyncio.create_task(book.run())
    try:
        yield book
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_is_kept_outlives_the_daemon(store: SessionStore) -> None:
    async with running(store) as book:
        await book.opened()
        book.keep("a", (SESSION,))
        await eventually(lambda: on_disk(store) == (SESSION,), "the file")

    async with running(store) as book:
        await book.opened()
        assert book.sessions("a") == (SESSION,)
        assert book.sessions("b") == ()
        book.keep("a", ())
        await eventually(lambda: on_disk(store) == (), "the file")
        assert book.advice() == ()


async def test_without_a_folder_it_is_kept_while_the_daemon_lives() -> None:
    async with running(None) as book:
        await book.opened()
        book.keep("a", (SESSION, LATER))

        assert book.sessions("a") == (SESSION, LATER)


async def test_only_the_latest_are_kept() -> None:
    book = SessionBook(None)
    many = tuple(replace(SESSION, since=float(number)) for number in range(50))

    book.keep("a", many)

    assert book.sessions("a") == many[-reclaim.MOST :]


async def test_a_clock_that_was_set_back_makes_nobody_forget_the_latest() -> None:
    book = SessionBook(None)
    many = tuple(replace(SESSION, since=float(number)) for number in range(reclaim.MOST))
    latest = replace(SESSION, since=-1e6)

    book.keep("a", (*many, latest))

    assert book.sessions("a") == (*many[1:], latest)


async def test_a_file_that_cannot_be_used_costs_nothing_else_and_is_told_once(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_book, "_RETRY_S", 0.01)
    store.folder.mkdir()
    store.folder.chmod(0o777)
    tries = 0
    take = store.take

    def counted() -> None:
        nonlocal tries
        tries += 1
        take()

    monkeypatch.setattr(store, "take", counted)
    with capture_logs() as lines:
        async with running(store) as book:
            await book.opened()
            book.keep("a", (SESSION,))
            assert book.sessions("a") == (SESSION,)
            await eventually(lambda: tries > 3, "more tries")
            (advice,) = book.advice()
            assert "others may write to" in advice.text
            assert advice.hint == f"chmod go-w {store.folder}"

            store.folder.chmod(0o700)
            await eventually(lambda: on_disk(store) == (SESSION,), "the file")
            await eventually(lambda: book.advice() == (), "the advice to go")
    assert [line["event"] for line in lines] == ["sessions_not_kept", "sessions_kept"]


async def test_what_was_on_disk_is_found_late_and_nothing_is_lost(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_book, "_RETRY_S", 0.01)
    async with running(store) as book:
        await book.opened()
        book.keep("a", (SESSION,))
        await eventually(lambda: on_disk(store) == (SESSION,), "the file")
    store.folder.chmod(0o777)

    async with running(store) as book:
        await book.opened()
        book.keep("a", (LATER,))
        store.folder.chmod(0o700)
        await eventually(lambda: on_disk(store) == (SESSION, LATER), "both")


async def test_a_write_that_fails_is_tried_again(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_book, "_RETRY_S", 0.01)
    write, full = store.write, True

    def writing(remembered: object, version: str) -> None:
        if full:
            raise StoreError("cannot write: No space left on device", "make room")
        write(remembered, version)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "write", writing)
    async with running(store) as book:
        await book.opened()
        book.keep("a", (SESSION,))
        await eventually(lambda: book.advice() != (), "the advice")
        assert "No space left" in book.advice()[0].text
        full = False
        await eventually(lambda: on_disk(store) == (SESSION,), "the file")
        await eventually(lambda: book.advice() == (), "the advice to go")


async def test_a_disk_that_hangs_holds_nobody_up(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_book, "_DISK_S", 0.05)
    monkeypatch.setattr(session_book, "_RETRY_S", 0.01)
    hangs = threading.Event()
    take: Callable[[], None] = store.take

    def late() -> None:
        hangs.wait(20)
        take()

    monkeypatch.setattr(store, "take", late)
    try:
        async with running(store) as book:
            await book.opened()
            book.keep("a", (SESSION,))
            assert "does not answer" in book.advice()[0].text
            hangs.set()
            await eventually(lambda: on_disk(store) == (SESSION,), "the file")
    finally:
        hangs.set()


async def test_a_file_that_makes_no_sense_is_told_and_written_anew(store: SessionStore) -> None:
    store.folder.mkdir(mode=0o700)
    store.path.write_text("half a fi")
    store.path.chmod(0o600)
    with capture_logs() as lines:
        async with running(store) as book:
            await book.opened()
            book.keep("a", (SESSION,))
            await eventually(lambda: on_disk(store) == (SESSION,), "the file")
    assert [line["event"] for line in lines] == ["sessions_misread"]


class Standing:
    def __init__(self, process: SessionProcess | None) -> None:
        self.process = process
        self.over = False


async def test_it_knows_what_stands_in_this_process() -> None:
    book = SessionBook(None)
    one, untold = Standing(PROCESS), Standing(None)
    book.stands(one)
    book.stands(untold)

    assert book.standing() == {PROCESS}
    untold.process = replace(PROCESS, pid=16)
    assert book.standing() == {PROCESS, untold.process}
    one.over = True
    assert book.standing() == {untold.process}
