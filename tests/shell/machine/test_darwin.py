"""What macOS would answer, in the words of its manual pages: nothing here was recorded on a Mac."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostnfsd.exports import reader
from hostnfsd.exports.model import Dialect, Reading
from hostnfsd.exports.source import Source
from hostnfsd.exports.system import ServerState, StatFailure, System, Volume
from hostnfsd.machine import darwin
from hostnfsd.machine.darwin import Darwin, Ran, checkexports, locked, run, second_opinion
from hostnfsd.machine.exports import text_of
from hostnfsd.problem import Severity
from tests.support.exports_system import MAC
from tests.support.exports_text import TEXTS

UUID = "0FF4D1F1-3B5C-4C9E-9F53-2D3B8A1C0E5D"
DIGITS = UUID.replace("-", "").lower()
DISKUTIL = f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
\t<key>FilesystemType</key>
\t<string>apfs</string>
\t<key>VolumeUUID</key>
\t<string>{UUID}</string>
</dict>
</plist>
"""
REFUSED = (
    'exports:1: sandbox_check failed. nfsd has no read access to "{}"\n'
    "exports:1: export entry dropped\n"
)


class Mac:
    """Runs the commands of macOS."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands: list[tuple[str, ...]] = []
        self.diskutil = DISKUTIL
        self.mount = f"/dev/disk3s5 on {folder} (apfs, local, journaled)\n"
        self.unreadable: set[str] = set()
        self.files: list[bytes] = []

    def run(self, command: Sequence[str]) -> Ran:
        self.commands.append(tuple(command))
        match command:
            case ["/sbin/mount"]:
                return Ran(0, self.mount)
            case ["/usr/sbin/diskutil", "info", "-plist", str()]:
                return Ran(0, self.diskutil)
            case ["/sbin/nfsd", "-F", str(name), "checkexports"]:
                content = Path(name).read_bytes()
                self.files.append(content)
                refused = [p for p in self.unreadable if p.encode() in content]
                return Ran(len(refused), "".join(map(REFUSED.format, refused)))
            case other:
                raise AssertionError(f"no command of macOS was expected: {other}")

    def here(self) -> Darwin:
        return Darwin(
            None,
            self.folder / "etc",
            runs=self.run,
            pid_file=self.folder / "nfsd.pid",
            table=self.folder / "mountdexptab",
        )


@pytest.fixture
def mac(tmp_path: Path) -> Mac:
    return Mac(tmp_path.resolve())


def test_it_is_such_a_system(mac: Mac) -> None:
    here: System = mac.here()

    assert here.server_state() is ServerState.STOPPED
    assert here.remembered_volumes() == ()


def test_a_volume_is_asked_for_once(mac: Mac) -> None:
    here = mac.here()
    (mac.folder / "src").mkdir()

    expected = Volume(str(mac.folder), DIGITS, "apfs")
    assert here.volume(str(mac.folder / "src")) == expected
    assert here.volume(str(mac.folder)) == expected
    assert [command[0] for command in mac.commands] == ["/sbin/mount", "/usr/sbin/diskutil"]


def test_a_volume_without_a_uuid(mac: Mac) -> None:
    mac.diskutil = "<plist><dict><key>FilesystemType</key><string>msdos</string></dict></plist>"

    assert mac.here().volume(str(mac.folder)) == Volume(str(mac.folder), None, "apfs")


@pytest.mark.parametrize("silent", ["mount", "diskutil"])
def test_where_a_command_tells_nothing_nothing_is_concluded(silent: str, mac: Mac) -> None:
    setattr(mac, silent, "")
    volume = mac.here().volume(str(mac.folder))

    assert isinstance(volume, Volume)
    assert volume.guessed


def test_a_path_that_is_not_there(mac: Mac) -> None:
    here = mac.here()

    assert here.volume(str(mac.folder / "nothing")) == StatFailure(2, "No such file or directory")
    assert isinstance(here.volume("/a\0b"), StatFailure)


def test_what_nfsd_remembers(mac: Mac) -> None:
    (mac.folder / "mountdexptab").write_text(f"{'-' * 36} {UUID} 0x01000005 /Volumes/Gone\n")

    assert mac.here().remembered_volumes() == (Volume("/Volumes/Gone", DIGITS),)


def test_nfsd_is_asked_once_what_it_may_read(mac: Mac) -> None:
    mac.unreadable.add("/Users/dev/Documents/a b")
    here = mac.here()

    assert not here.server_reads("/Users/dev/Documents/a b")
    assert not here.server_reads("/Users/dev/Documents/a b")
    assert here.server_reads("/Users/dev/src")
    assert mac.files == [b'"/Users/dev/Documents/a b" localhost\n', b"/Users/dev/src localhost\n"]


def test_nfsd_runs_while_it_holds_its_lock(mac: Mac) -> None:
    pid_file = mac.folder / "nfsd.pid"
    script = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX)\n"
    script += "print('locked', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(pid_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        assert locked(pid_file)
        assert mac.here().server_state() is ServerState.RUNNING
        holder.communicate()

    assert not locked(pid_file), "a file that is left behind proves nothing"
    assert mac.here().server_state() is ServerState.STOPPED


def test_a_path_without_firmlinks(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def answer(descriptor: int, request: int, buffer: bytes) -> bytes:
        asked.append(request)
        assert os.fstat(descriptor).st_ino == mac.folder.stat().st_ino
        return b"/System/Volumes/Data/Users/dev".ljust(len(buffer), b"\0")

    monkeypatch.setattr(fcntl, "fcntl", answer)
    monkeypatch.setattr(darwin, "_O_EVTONLY", os.O_RDONLY)

    assert mac.here().physical(str(mac.folder)) == "/System/Volumes/Data/Users/dev"
    assert asked == [102]


def test_a_path_that_cannot_be_asked_for_is_resolved_as_far_as_it_goes(
    mac: Mac, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise OSError(22, "Invalid argument")

    (mac.folder / "link").symlink_to(mac.folder)
    monkeypatch.setattr(fcntl, "fcntl", refuse)
    monkeypatch.setattr(darwin, "_O_EVTONLY", os.O_RDONLY)

    assert mac.here().physical(f"{mac.folder}/link") == str(mac.folder)
    assert mac.here().physical("/no/such/place/") == "/no/such/place"


def test_a_whole_file_is_read_for_it(mac: Mac) -> None:
    source = mac.folder / "src"
    source.mkdir()
    (mac.folder / "nfsd.pid").touch()
    text = f"{source} -mapall=root localhost\n{mac.folder}/missing localhost\n"
    reading = reader.read(Dialect.DARWIN, [Source("exports", text)], mac.here())

    first, second = reading.exports
    assert (first.path, second.path) == (str(source), f"{mac.folder}/missing")
    assert second.grants[0].terms.offline
    assert [problem.code for problem in reading.problems] == [
        "nfsd-stopped",
        "not-a-directory",
        "no-directory",
        "marked-offline",
    ]


def reading(text: str) -> Reading:
    return reader.read(Dialect.DARWIN, [Source("/etc/exports", text)], MAC)


def test_nfsd_is_asked_for_a_second_opinion() -> None:
    bad = reading("/Users/dev/src nobody.knows\n")
    agreed = Ran(2, "exports:1: couldn't get address for host: nobody.knows\nexports:1: no valid\n")
    assert second_opinion(bad, agreed, "/etc/exports") == ()

    (problem,) = second_opinion(bad, Ran(1, "exports:1: other\n\n"), "/etc/exports")
    assert (problem.code, problem.place.path) == ("nfsd-differs", "/etc/exports")
    assert problem.text == "nfsd counts 1 errors in it, hostnfsd 2; nfsd says: exports:1: other"
    (problem,) = second_opinion(bad, Ran(0, ""), "/etc/exports")
    assert problem.text.endswith("nfsd says: nothing")


def test_an_exit_status_is_a_byte() -> None:
    many = reading("/Users/dev/src nobody.knows\n" * 128)

    assert many.error_count == 256
    assert second_opinion(many, Ran(0, ""), "/etc/exports") == ()


@pytest.mark.parametrize(
    "told",
    [
        Ran(None, ""),
        Ran(77, "Sorry, nfsd must be run as root\nunprivileged usage: nfsd [ status | ... ]\n"),
        Ran(64, "usage: nfsd [-NRrtuv] [-F export_file]\n"),
    ],
)
def test_an_nfsd_that_cannot_be_asked_has_no_opinion(told: Ran) -> None:
    assert second_opinion(reading("/Users/dev/src nobody.knows\n"), told, "/etc/exports") == ()


def test_nfsd_is_given_the_very_bytes(mac: Mac) -> None:
    assert checkexports(b"/x \xff\n", mac.run) == Ran(0, "")
    assert mac.files == [b"/x \xff\n"]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=120) | TEXTS.map(os.fsencode))
def test_no_bytes_make_it_crash(content: bytes, mac: Mac) -> None:
    source = text_of("exports", content)
    found = reader.read(Dialect.DARWIN, [source], mac.here())

    assert found.error_count == sum(p.severity is Severity.ERROR for p in found.problems)


def test_commands_are_run_with_their_messages() -> None:
    script = "import sys; print('out', flush=True); sys.stderr.write('err'); sys.exit(3)"
    assert run([sys.executable, "-c", script]) == Ran(3, "out\nerr")
    assert run(["/no/such/program"]) == Ran(None, "")


def test_the_lock_is_told_on_this_system_too() -> None:
    # The test above would prove nothing where struct flock is of another form.
    assert hasattr(fcntl, "F_GETLK")
    assert not locked(Path("/no/such/file"))
