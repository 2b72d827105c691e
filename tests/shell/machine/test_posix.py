import grp
import os
import pwd
import threading
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from hostnfsd.exports.addresses import Address
from hostnfsd.exports.system import UNKNOWN, FileKind, User
from hostnfsd.machine import posix
from hostnfsd.machine.names import Names, Patience
from hostnfsd.machine.posix import Posix

LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


@pytest.fixture
def here(tmp_path: Path) -> Posix:
    return Posix(None, tmp_path)


def test_what_is_at_a_path(here: Posix, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("folder")

    assert here.kind(str(tmp_path / "folder")) is FileKind.DIRECTORY
    assert here.kind(str(tmp_path / "file")) is FileKind.OTHER
    assert here.kind(str(tmp_path / "link")) is FileKind.SYMLINK
    assert here.kind(str(tmp_path / "nothing")) is None
    assert here.kind(str(tmp_path / "file/below")) is None
    assert here.kind("/a\0b") is None
    assert here.kind("/\ud800") is None
    assert here.unseen == set()


def test_where_this_user_may_not_look_nothing_is_held_against_it(
    here: Posix, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept_out(_: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "lstat", kept_out)  # tests run as root, who may look anywhere

    assert here.kind("/secret/place") is FileKind.DIRECTORY
    assert here.unseen == {"/secret/place"}


def test_the_path_without_links(here: Posix, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")

    assert here.physical(f"{tmp_path}/link/") == os.path.realpath(tmp_path / "folder")
    assert here.physical("/no/such/place//") == "/no/such/place"
    assert here.physical("/") == "/"
    assert here.physical("/a\0b") == "/a\0b"


def test_users_and_groups_are_those_of_the_machine(here: Posix) -> None:
    entry = pwd.getpwuid(0)
    root = here.user(entry.pw_name)

    assert root == here.user_of(0)
    assert isinstance(root, User)
    assert (root.uid, root.gids[0]) == (0, entry.pw_gid)
    assert here.group(grp.getgrgid(0).gr_name) == 0
    assert here.user("no such user") is here.group("no such group") is None
    assert here.user_of(-77) is here.user("a\0b") is here.group("a\0b") is None


def test_the_highest_numbers_are_negative_as_in_exports_files(
    here: Posix, monkeypatch: pytest.MonkeyPatch
) -> None:
    # nobody of macOS.
    entry = pwd.struct_passwd(("nobody", "*", 2**32 - 2, 2**32 - 2, "", "/", "/bin/false"))
    asked: list[int] = []

    def by_number(uid: int) -> pwd.struct_passwd:
        asked.append(uid)
        return entry

    monkeypatch.setattr(pwd, "getpwuid", by_number)
    monkeypatch.setattr(os, "getgrouplist", lambda _name, gid: [gid])

    assert here.user_of(-2) == User("nobody", -2, (-2,))
    assert asked == [2**32 - 2]


def test_without_names_only_the_file_of_hosts_is_asked(tmp_path: Path) -> None:
    here = Posix(None, tmp_path)
    assert here.addresses("LOCALHOST") == LOOPBACK, "even without that file"
    assert here.addresses("dev") is UNKNOWN
    assert here.addresses("dev(rw)") == ()

    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n10.0.0.5 dev\n")
    here = Posix(None, tmp_path)
    assert here.addresses("localhost") == (IPv4Address("127.0.0.1"),)
    assert here.addresses("Dev") == (IPv4Address("10.0.0.5"),)


def test_names_are_asked_for_at_once_and_waited_for_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answers only once both were asked: one after the other they would never."""
    monkeypatch.setattr(posix, "Patience", partial(Patience, within_s=20.0))
    both = threading.Barrier(2)

    def ask(_: str) -> tuple[Address, ...]:
        both.wait(20)
        return LOOPBACK

    here = Posix(Names(ask), tmp_path)

    assert here.addresses("one") is here.addresses("two") is UNKNOWN
    assert here.awaits_names()
    assert here.addresses("one") == here.addresses("two") == LOOPBACK
    assert not here.awaits_names(), "nothing is left to wait for"


def test_the_file_of_hosts_stands_in_for_an_answer_that_does_not_come(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("10.0.0.5 dev\n")
    hold = threading.Event()
    here = Posix(Names(lambda _: () if hold.wait(30) else None), tmp_path)

    assert here.addresses("localhost") == LOOPBACK
    assert here.addresses("dev") == (IPv4Address("10.0.0.5"),)
    assert here.addresses("other") is UNKNOWN
    assert here.awaits_names(), "the answer counts where it comes"
    hold.set()


def test_where_no_names_are_asked_none_are_awaited(tmp_path: Path) -> None:
    here = Posix(None, tmp_path)

    assert here.addresses("dev") is UNKNOWN
    assert not here.awaits_names()


def test_networks_and_netgroups_are_those_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "networks").write_bytes(b"lab 10.20 # \xff\n")
    (tmp_path / "netgroup").write_text("team (one,,) inner\ninner (two,,)\n")
    here = Posix(None, tmp_path)

    assert here.network("lab") == IPv4Address("10.20.0.0")
    assert here.network("bal") is None
    assert here.netgroup("team") == ("one", "two")
    assert here.netgroup("met") == ()


def test_without_files_there_are_none(here: Posix) -> None:
    assert here.network("lab") is None
    assert here.netgroup("team") == ()
