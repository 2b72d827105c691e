"""The exports file is followed through whatever editors, people and file servers do to it."""

import asyncio
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostnfsd.daemon import watch
from hostnfsd.daemon.exports import watch as exports_watch
from hostnfsd.exports import settling
from hostnfsd.exports.verdict import Standing
from hostnfsd.machine import names
from tests.support.conditions import eventually
from tests.support.exports_following import following

pytestmark = pytest.mark.patient

QUIET_S, BARE_S, MOST_S = 0.05, 0.4, 0.8


@pytest.fixture(autouse=True)
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, ten times as fast."""
    monkeypatch.setattr(watch, "STEP_S", 0.01)
    monkeypatch.setattr(settling, "QUIET_S", QUIET_S)
    monkeypatch.setattr(settling, "BARE_S", BARE_S)
    monkeypatch.setattr(settling, "MOST_S", MOST_S)


@pytest.fixture
def a(tmp_path: Path) -> Path:
    """A folder that is exported at first."""
    return made(tmp_path / "a")


@pytest.fixture
def b(tmp_path: Path) -> Path:
    """A folder that is exported later."""
    return made(tmp_path / "b")


@pytest.fixture
def file(tmp_path: Path, a: Path) -> Path:
    """An exports file."""
    path = made(tmp_path / "etc") / "exports"
    path.write_text(line(a))
    return path


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def line(folder: Path, options: str = "rw,sync") -> str:
    return f"{folder} 127.0.0.1({options},insecure)\n"


# -- ways to save a file: what editors do, by their system calls ---------------------------------


def in_place(path: Path, text: str) -> None:
    """nano, and everything that writes with >: empties the file, then writes."""
    path.write_text(text)


def in_steps(path: Path, text: str) -> None:
    """A slow writer: the file is empty, then half there, then whole."""
    with path.open("w") as file:
        for part in (text[: len(text) // 2], text[len(text) // 2 :]):
            file.write(part)
            file.flush()


def renamed_over(path: Path, text: str) -> None:
    """VS Code and other atomic savers, and configuration management."""
    new = path.with_name(f".{path.name}.tmp")
    new.write_text(text)
    new.rename(path)


def vim(path: Path, text: str) -> None:
    """vim with 'backupcopy=no': moves the file away, writes a new one, removes the old."""
    backup = path.with_name(f"{path.name}~")
    path.rename(backup)
    path.write_text(text)
    backup.unlink()


def emacs(path: Path, text: str) -> None:
    """emacs: keeps the first version as a backup, writes anew under the name."""
    path.rename(path.with_name(f"{path.name}~"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    (path.parent / f".#{path.name}").symlink_to("me@here.1")
    (path.parent / f".#{path.name}").unlink()


def unlinked(path: Path, text: str) -> None:
    """rm, then created anew."""
    path.unlink()
    path.write_text(text)


def sed(path: Path, text: str) -> None:
    """The real sed -i: writes beside it and renames."""
    (folder,) = {word for word in text.split() if word.startswith("/")}
    subprocess.run(["sed", "-i", f"s|^/[^ ]*|{folder}|", path], check=True)


def same_size_and_time(path: Path, text: str) -> None:
    """A copy that keeps the time: only the inode tells."""
    before = path.stat()
    renamed_over(path, text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


WAYS = [in_place, in_steps, renamed_over, vim, emacs, unlinked, sed, same_size_and_time]
Way = Callable[[Path, str], None]


@pytest.mark.parametrize("save", WAYS)
async def test_whatever_saves_it_what_is_saved_is_in_effect(
    file: Path, a: Path, b: Path, save: Way
) -> None:
    async with following(file) as it:
        assert it.paths == [str(a)]
        save(file, line(b))
        await it.until(b)
        save(file, line(a))
        await it.until(a)

        assert it.followed == [[str(a)], [str(b)], [str(a)]]
        assert it.events("exports_missing") == []
        assert it.events("exports_invalid") == []


@pytest.mark.parametrize("save", WAYS)
async def test_a_link_is_followed_to_what_it_leads_to(
    tmp_path: Path, file: Path, a: Path, b: Path, save: Way
) -> None:
    link = tmp_path / "exports"
    link.symlink_to(file)
    async with following(link) as it:
        assert it.paths == [str(a)]
        save(file, line(b))
        await it.until(b)


async def test_a_link_may_lead_elsewhere(tmp_path: Path, file: Path, a: Path, b: Path) -> None:
    other, link = tmp_path / "other", tmp_path / "exports"
    other.write_text(line(b))
    link.symlink_to(file)
    async with following(link) as it:
        assert it.paths == [str(a)]
        new = tmp_path / "new"
        new.symlink_to(other)
        new.rename(link)
        await it.until(b)
        # And a folder on the way to it, as Kubernetes and Nix turn versions over.
    versions = tmp_path / "current"
    versions.symlink_to(file.parent)
    async with following(versions / "exports") as it:
        assert it.paths == [str(a)]
        later = made(tmp_path / "later")
        (later / "exports").write_text(line(b))
        new.symlink_to(later)
        new.rename(versions)
        await it.until(b)


async def test_a_file_that_is_not_there_admits_nobody_until_it_comes(
    tmp_path: Path, a: Path
) -> None:
    folder = tmp_path / "etc"
    async with following(folder / "exports") as it:
        await it.until(standing=Standing.MISSING)
        (missing,) = it.events("exports_missing")
        assert missing["log_level"] == "error"
        assert "nobody is admitted" in missing["error"]
        folder.mkdir()
        (folder / "exports").write_text(line(a))
        await it.until(a)
        assert len(it.events("exports_valid")) == 1


async def test_a_path_may_be_spelt_oddly(
    file: Path, a: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(file.parent))
    async with following(Path("~") / file.name) as it:
        assert (it.paths, it.view.path) == ([str(a)], str(file))
    async with following(Path(f"{file.parent}//./{file.name}")) as it:
        assert it.paths == [str(a)]
        it.configure(exports=f"{file.parent}//./gone")
        await it.until(standing=Standing.MISSING)


async def test_a_file_that_goes_for_good_takes_everybody_s_leave_away(file: Path, a: Path) -> None:
    async with following(file) as it:
        file.unlink()
        await it.until(standing=Standing.MISSING)

        assert it.followed == [[str(a)], []]
        (changed,) = it.events("exports_changed")
        assert changed["changes"] == [f"{a} removed"]
        assert len(it.events("exports_missing")) == 1


async def test_a_file_that_goes_for_a_moment_was_never_gone(file: Path, a: Path) -> None:
    async with following(file) as it:
        text = file.read_text()
        file.unlink()
        await it.nothing_read(for_s=BARE_S / 2)
        file.write_text(text)
        await it.reading()
        await it.nothing_read(for_s=2 * QUIET_S)

        assert it.followed == [[str(a)]]
        assert {event["event"] for event in it.log} == {"exports_read"}


async def test_a_broken_file_changes_nothing_and_is_told_once(file: Path, a: Path, b: Path) -> None:
    async with following(file) as it:
        file.write_text(line(b, "rwx"))
        await it.until(a, standing=Standing.INVALID)
        file.write_text(line(b, "rwxx"))
        await it.reading()

        (told,) = it.events("exports_invalid")
        assert told["error"] == f"{file} has errors: the exports before it stay in effect"
        assert told["problems"][0].startswith(f"{file}:1:")
        assert it.view.kept
        file.write_text(line(b))
        await it.until(b)
        assert len(it.events("exports_valid")) == 1


async def test_at_the_start_a_broken_file_is_what_the_server_makes_of_it(
    file: Path, a: Path, b: Path
) -> None:
    file.write_text(line(a) + line(b, "rwx"))
    async with following(file) as it:
        assert (it.view.standing, it.paths) == (Standing.INVALID, [str(a)])
        (told,) = it.events("exports_invalid")
        assert "what the server makes of it is in effect" in told["error"]


async def test_who_writes_without_a_pause_is_read_all_the_same(
    file: Path, a: Path, b: Path
) -> None:
    async with following(file) as it:
        stop = threading.Event()

        def write() -> None:
            count = 0
            while not stop.wait(QUIET_S / 5):
                count += 1
                renamed_over(file, f"# {count}\n" + line(b))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            await it.until(b)
            first = it.reads
            await eventually(lambda: it.reads > first, "another reading", timeout_s=3 * MOST_S)
        finally:
            stop.set()
            writer.join()
        assert a.name not in it.paths


async def test_files_beside_it_come_change_and_go(file: Path, a: Path, b: Path) -> None:
    folder = file.with_name("exports.d")
    async with following(file) as it:
        folder.mkdir()
        (folder / "more.exports").write_text(line(b))
        (folder / "more.txt").write_text("no exports")
        await it.until(a, b)
        renamed_over(folder / "more.exports", line(b, "ro,sync"))
        await eventually(lambda: len(it.events("exports_changed")) == 2, "the change")
        terms = "root as 65534:65534, with all directories below"
        assert it.events("exports_changed")[1]["changes"] == [
            f"{b} altered: no longer for 127.0.0.1, read and write, {terms}",
            f"{b} altered: now for 127.0.0.1, read, {terms}",
        ]
        shutil.rmtree(folder)
        await it.until(a)


async def test_what_does_not_change_the_exports_is_no_news(file: Path, a: Path) -> None:
    async with following(file) as it:
        file.write_text(f"# the same\n\n{line(a)}")
        await it.reading()
        os.utime(file, ns=(1, 1))
        await it.reading()

        assert it.events("exports_changed") == []
        assert it.followed[0] == it.followed[-1]  # lines have moved, that is all
        assert it.looks == []


async def test_a_change_is_told_to_whom_it_concerns(file: Path, a: Path, b: Path) -> None:
    async with following(file) as it:
        before = it.view.changed
        assert it.looks == []  # an export is mounted for trial at the start anyway
        file.write_text(line(a) + line(b))
        await it.until(a, b)

        assert it.looks == [True]
        view = it.view
        assert [change.path for change in view.changes] == [str(b)]
        assert before is not None
        assert view.changed is not None
        assert view.changed > before
        (told,) = it.events("exports_changed")
        assert (told["exports"], told["mountable"]) == (2, 2)


# -- what hangs ----------------------------------------------------------------------------------


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """Set, it lets a reading that hangs go on; set at the end in any case."""
    over = threading.Event()
    yield over
    over.set()


def impatient(monkeypatch: pytest.MonkeyPatch, within_s: float = 0.05) -> None:
    """Give up what takes so long from now on."""
    for name in ("LATE_S", "READ_S", "LOOK_S"):
        monkeypatch.setattr(exports_watch, name, within_s)


async def test_a_reading_that_hangs_is_told_and_superseded(
    file: Path, a: Path, b: Path, hang: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(file) as it:
        impatient(monkeypatch)
        it.before_reading = hang.wait
        file.write_text(line(b))
        await eventually(lambda: it.view.error, "the hang to be told")

        assert it.paths == [str(a)]
        assert "could not be read" in str(it.view.error)
        reads = it.reads
        file.write_text(line(a) + line(b))  # the loop goes on, and so does the file
        await it.nothing_read(for_s=0.2)
        assert it.reads == reads
        it.before_reading = lambda: None
        impatient(monkeypatch, within_s=10)
        hang.set()
        await it.until(a, b)
        assert [str(b)] not in it.followed
        assert it.view.error is None
        assert len(it.events("exports_late")) == 1
        assert len(it.events("exports_answer")) == 1


async def test_a_reading_that_is_slow_is_told_and_counts_all_the_same(
    file: Path, b: Path, hang: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(file) as it:
        monkeypatch.setattr(exports_watch, "LATE_S", 0.05)
        it.before_reading = hang.wait
        file.write_text(line(b))
        await eventually(lambda: it.view.error, "it to be told")
        reads = it.reads
        monkeypatch.setattr(exports_watch, "LATE_S", 10.0)
        hang.set()
        await it.until(b)

        assert it.reads == reads
        assert it.view.error is None


async def test_a_look_that_hangs_is_told(
    file: Path, a: Path, hang: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(file) as it:
        impatient(monkeypatch)
        real = watch.signatures
        monkeypatch.setattr(watch, "signatures", lambda paths: hang.wait() and real(paths))
        await eventually(lambda: it.view.error, "the hang to be told")
        assert "could not be looked at" in str(it.view.error)
        impatient(monkeypatch, within_s=10)
        hang.set()
        await eventually(lambda: it.view.error is None, "it to answer")
        assert it.paths == [str(a)]


async def test_another_file_does_not_wait_for_one_that_hangs(
    file: Path, b: Path, hang: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = file.with_name("other")
    other.write_text(line(b))
    async with following(file) as it:
        impatient(monkeypatch)
        it.before_reading = hang.wait
        it.configure(address="127.0.0.2")  # read at once
        await eventually(lambda: it.view.error, "the hang to be told")
        it.before_reading = lambda: None
        impatient(monkeypatch, within_s=10)
        it.configure(exports=str(other))
        await it.until(b)


async def test_another_address_of_the_server_is_followed_by_the_same_file(file: Path) -> None:
    """Whom an export admits depends on where hostnfsd dials from."""
    async with following(file) as it:
        assert len(it.followed) == 1
        it.configure(address="::1")
        await eventually(lambda: len(it.followed) == 2, "the address to be followed")


async def test_who_asks_for_it_does_not_get_half_a_save(file: Path, a: Path) -> None:
    async with following(file) as it:
        text = file.read_text()
        file.unlink()
        it.configure(address="127.0.0.1")
        await it.nothing_read(for_s=BARE_S / 2)
        file.write_text(text)
        await it.reading()

        assert it.followed == [[str(a)]]


async def test_a_bug_in_a_reader_ends_nothing(file: Path, a: Path, b: Path) -> None:
    async with following(file) as it:

        def fail() -> None:
            raise ZeroDivisionError

        it.before_reading = fail
        file.write_text(line(b))
        await eventually(lambda: it.events("host_broke"), "the bug to be told")
        it.before_reading = lambda: None
        await it.nothing_read(for_s=2 * QUIET_S)
        file.write_text(line(a) + line(b))
        await it.until(a, b)


async def test_names_are_looked_up_again_quietly(
    file: Path, a: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports_watch, "REFRESH_S", 0.1)
    monkeypatch.setattr(names, "KEEP_S", 0.0)
    known = ["10.1.1.1"]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_args, **_more: [(0, 0, 0, "", (known[-1], 0))]
    )
    file.write_text(f"{a} 127.0.0.1(rw,sync,insecure) pod(rw,sync)\n")
    async with following(file) as it:
        changed = it.view.changed
        assert len(it.followed) == 1
        known.append("10.1.1.2")
        await eventually(lambda: len(it.followed) == 2, "other addresses to be followed")

        assert it.events("exports_changed") == []
        assert changed == it.view.changed


# -- reloads -------------------------------------------------------------------------------------


async def test_a_reload_reads_at_once_and_follows_another_file(
    tmp_path: Path, file: Path, b: Path
) -> None:
    other = tmp_path / "other"
    other.write_text(line(b))
    async with following(file) as it:
        it.configure(exports=str(other))
        await it.until(b)
        assert it.view.path == str(other)
        file.write_text("broken")
        it.configure(exports=str(file))
        await it.until(b, standing=Standing.INVALID)  # what worked stays


async def test_it_is_switched_off_and_on(file: Path, b: Path) -> None:
    async with following(file) as it:
        it.configure(exports="none")
        assert it.watch.view() is None
        file.write_text(line(b))
        await it.nothing_read(for_s=4 * QUIET_S)
        it.configure(exports=str(file))
        await it.until(b)


async def test_another_system_s_file_is_read_by_its_rules(file: Path, a: Path) -> None:
    file.write_text(f"{a} -mapall=root localhost\n")
    async with following(file, platform="darwin") as it:
        assert (it.view.dialect, it.paths) == ("darwin", [str(a)])


# -- the server's view ---------------------------------------------------------------------------


async def test_a_server_that_was_not_told_is_a_problem(
    file: Path, a: Path, b: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports_watch, "_ASK_AGAIN_S", 0.1)
    async with following(file) as it:
        it.hear({str(a): ["127.0.0.1"]})
        assert not it.view.problems
        file.write_text(line(b))
        await it.until(b)
        it.hear({str(a): ["127.0.0.1"]})

        assert {problem.code for problem in it.view.problems} == {"not-served", "still-served"}
        (told,) = it.events("exports_differ")
        assert told["hint"] == "tell the server what the file says: sudo exportfs -ra"
        # It is asked again for as long as it differs, by itself.
        await eventually(lambda: len(it.looks) >= 2, "the server to be asked again")
        assert it.looks[:2] == [True, False]
        it.hear({str(b): ["127.0.0.1"]})
        assert it.view.problems == ()
        assert len(it.events("exports_agree")) == 1
        assert len(it.events("exports_differ")) == 1


async def test_what_was_asked_before_a_change_says_nothing_about_it(
    file: Path, a: Path, b: Path
) -> None:
    async with following(file) as it:
        asked_at = asyncio.get_running_loop().time()
        file.write_text(line(b))
        await it.until(b)
        it.watch.heard({str(a): ["127.0.0.1"]}, asked_at)

        assert it.view.problems == ()


async def test_what_was_heard_before_the_file_was_read_counts(file: Path, a: Path) -> None:
    """At the start, and after a reload to another file."""
    other = file.with_name("other")
    other.write_text(line(a))
    async with following(file) as it:
        it.configure(exports=str(other))
        it.hear({"/else": []})
        await it.until(a)

        assert {problem.code for problem in it.view.problems} >= {"not-served", "still-served"}


async def test_what_is_heard_while_the_file_changes_does_not_count(
    file: Path, a: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "QUIET_S", 0.5)
    async with following(file) as it:
        file.write_text(f"# edited, and exportfs was run\n{line(a)}")
        await eventually(lambda: it.watch._settling.due, "the change to be seen")
        it.hear({"/else": []})
        await it.reading()

        assert it.events("exports_differ") == []


async def test_a_broken_file_is_not_compared(file: Path, a: Path, b: Path) -> None:
    async with following(file) as it:
        it.hear({str(b): []})
        assert it.events("exports_differ")
        file.write_text("broken")
        await it.until(a, standing=Standing.INVALID)

        assert "still-served" not in {problem.code for problem in it.view.problems}
        file.write_text(line(a))
        await it.until(a)
        assert "still-served" in {problem.code for problem in it.view.problems}
        assert it.events("exports_agree") == []
