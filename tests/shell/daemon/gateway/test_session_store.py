"""The file of sessions on a real file system, whatever state that is in."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostnfsd.daemon.gateway import session_store
from hostnfsd.daemon.gateway.session_store import SessionStore, StoreError
from hostnfsd.tunnel.own_session import OwnSession

SESSION = OwnSession("SHA256:x", "admin@gw:22", 1000.0, frozenset({2049}))
KEPT = {"dev-gw": (SESSION,)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "not" / "there"


@pytest.fixture
def store(folder: Path) -> Iterator[SessionStore]:
    made = SessionStore(folder, "machine", "/etc/hostnfsd.toml")
    yield made
    made.release()


def test_what_is_written_is_read_by_the_next_run(store: SessionStore, folder: Path) -> None:
    store.take()
    assert store.read() == ({}, None)
    store.write(KEPT, "1")
    store.release()

    after = SessionStore(folder, "machine", "/etc/hostnfsd.toml")
    after.take()
    assert after.read() == (KEPT, None)
    after.release()


def test_nobody_else_may_look(store: SessionStore, folder: Path) -> None:
    before = os.umask(0)
    try:
        store.take()
        store.write(KEPT, "1")
    finally:
        os.umask(before)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_one_configuration_has_one_daemon(store: SessionStore, folder: Path) -> None:
    store.take()
    store.take()  # it has it already
    second = SessionStore(folder, "machine", "/etc/hostnfsd.toml")

    with pytest.raises(StoreError, match=f"held by process {os.getpid()}: another daemon"):
        second.take()

    store.release()
    second.take()
    second.release()


@pytest.mark.parametrize(
    "another", [("machine", "/etc/other.toml"), ("copy", "/etc/hostnfsd.toml")]
)
def test_daemons_that_share_a_folder_do_not_meet(
    store: SessionStore, folder: Path, another: tuple[str, str]
) -> None:
    store.take()
    store.write(KEPT, "1")
    second = SessionStore(folder, *another)
    second.take()

    assert second.read() == ({}, None)
    second.write({"theirs": (SESSION,)}, "1")
    assert store.read() == (KEPT, None)
    second.release()


def test_a_configuration_has_one_file_by_all_its_names(tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.touch()
    link = tmp_path / "link.toml"
    link.symlink_to(real)

    assert (
        session_store.of_config(tmp_path, link).path == session_store.of_config(tmp_path, real).path
    )


@pytest.mark.parametrize("content", [b"", b"{}", b'{"schema": 9, "gateways": {}}', b"\0" * 4096])
def test_a_broken_file_is_told_and_written_anew(store: SessionStore, content: bytes) -> None:
    store.take()
    store.path.write_bytes(content)
    store.path.chmod(0o600)

    remembered, odd = store.read()

    assert remembered == {}
    assert odd is not None
    assert f"{store.path} is not understood" in odd
    store.write(KEPT, "1")
    assert store.read() == (KEPT, None)


def test_a_huge_file_is_not_read_whole(store: SessionStore) -> None:
    store.take()
    with store.path.open("wb") as file:
        file.truncate(1 << 40)
    store.path.chmod(0o600)

    assert store.read()[0] == {}


def test_a_folder_that_others_may_write_to_is_not_believed(
    store: SessionStore, folder: Path
) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)

    with pytest.raises(StoreError, match="others may write to") as refused:
        store.take()

    assert refused.value.hint == f"chmod go-w {folder}"


def test_a_file_that_others_may_write_to_is_not_believed(store: SessionStore) -> None:
    store.take()
    store.write(KEPT, "1")
    store.path.chmod(0o666)

    with pytest.raises(StoreError, match="others may write to"):
        store.read()
    assert store.read(anybodys=True) == (KEPT, None)


def test_what_belongs_to_somebody_else_is_not_believed(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.take()
    store.write(KEPT, "1")
    owner = store.path.stat().st_uid
    monkeypatch.setattr(session_store, "_TRUSTED", frozenset())
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    with pytest.raises(StoreError, match=f"belongs to another user \\(uid {owner}\\)") as refused:
        store.read()
    assert f"chown it to uid {owner + 1}" in refused.value.hint
    store.release()
    with pytest.raises(StoreError, match="belongs to another user"):
        store.take()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_file_is_left_alone(store: SessionStore, tmp_path: Path, kind: str) -> None:
    store.take()
    match kind:
        case "link":
            (tmp_path / "elsewhere").write_text("{}")
            store.path.symlink_to(tmp_path / "elsewhere")
        case "pipe":
            os.mkfifo(store.path, 0o600)
        case _:
            store.path.mkdir(0o700)

    with pytest.raises(StoreError, match=r"symbolic link|no regular file"):
        store.read()


def test_who_only_looks_changes_nothing(store: SessionStore, folder: Path) -> None:
    store.check()
    assert not store.in_use()
    assert not folder.exists()

    store.take()
    store.check()
    assert store.in_use()
    store.release()
    assert not store.in_use()

    folder.chmod(0o777)
    with pytest.raises(StoreError, match="others may write to"):
        store.check()


def test_who_only_looks_sees_that_no_folder_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"is no folder|cannot look at"):
        SessionStore(tmp_path / "file" / "below", "machine", "/x").check()


@pytest.mark.parametrize("blocked", ["the folder", "above it"])
def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path, blocked: str) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" if blocked == "the folder" else tmp_path / "file" / "below"

    with pytest.raises(StoreError, match="cannot make directory") as refused:
        SessionStore(folder, "machine", "/x").take()
    assert "[state] directory" in refused.value.hint


def test_a_full_disk_leaves_what_was_there(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.take()
    store.write(KEPT, "1")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device") as refused:
        store.write({}, "1")

    assert "make room" in refused.value.hint
    assert store.read() == (KEPT, None)
    assert len(list(store.folder.iterdir())) == 2  # the file and its lock, and nothing half written
