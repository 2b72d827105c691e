"""macOS, as exports files see it. Written from its manual pages and nfsd's source; not run there.

What has no documented system call is asked of programs that come with macOS.
"""

import fcntl
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from hostnfsd.exports import printer
from hostnfsd.exports.model import Dialect, Entry, Reading
from hostnfsd.exports.remarks import remark
from hostnfsd.exports.system import ServerState, StatFailure, Volume
from hostnfsd.machine import mounts
from hostnfsd.machine.names import Names
from hostnfsd.machine.posix import Posix
from hostnfsd.problem import Place, Problem

#: <sys/fcntl.h> of macOS 10.15 and later: a path through no firmlink, such as /Users is one.
_F_GETPATH_NOFIRMLINK: Final = 102
_O_EVTONLY: Final = 0x8000  # open(2): for a look only, which no privacy rule forbids
_MAXPATHLEN: Final = 1024
_WITHIN_S: Final = 10.0
_REMEMBERED: Final = Path("/var/db/mountdexptab")
_PID_FILE: Final = Path("/var/run/nfsd.pid")
#: A process tells no more of its exit status than a byte.
_STATUSES: Final = 256


class Ran(NamedTuple):
    """A command that was run.

    Attributes:
        status: its exit status; None if it could not be run, or took too long.
        text: its output, with its messages.
    """

    status: int | None
    text: str


Runs = Callable[[Sequence[str]], Ran]


def run(command: Sequence[str]) -> Ran:
    """Run a command of macOS, for ten seconds at most."""
    try:
        done = subprocess.run(  # noqa: S603  # programs of the system by their whole paths
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return Ran(None, "")
    return Ran(done.returncode, done.stdout.decode("utf-8", "surrogateescape"))


class Darwin(Posix):
    """This machine, running macOS.

    Args:
        names: see :class:`Posix`.
        etc: see :class:`Posix`.
        runs: runs a command and gives its output.
        pid_file: nfsd holds a lock on it while it runs.
        table: what nfsd remembers of volumes.
    """

    def __init__(
        self,
        names: Names | None,
        etc: Path = Path("/etc"),
        *,
        runs: Runs = run,
        pid_file: Path = _PID_FILE,
        table: Path = _REMEMBERED,
    ) -> None:
        super().__init__(names, etc)
        self._runs = runs
        self._pid_file = pid_file
        self._table = table
        self._disks: dict[str, str] = {}
        self._readable: dict[str, bool] = {}

    def physical(self, path: str) -> str:
        """See the protocol: fcntl(2), as nfsd does."""
        try:
            descriptor = os.open(path, _O_EVTONLY)
        except (OSError, ValueError):
            return super().physical(path)
        try:
            found = fcntl.fcntl(descriptor, _F_GETPATH_NOFIRMLINK, bytes(_MAXPATHLEN))
            return os.fsdecode(found.partition(b"\0")[0])
        except OSError:
            return super().physical(path)
        finally:
            os.close(descriptor)

    def volume(self, path: str) -> Volume | StatFailure:
        """See the protocol: mount(8), and diskutil(8) for the UUID.

        The kernel would tell only nfsd whether it exports the file system: yes is assumed.
        """
        try:
            Path(path).stat()
        except OSError as exc:
            return StatFailure(exc.errno or 0, exc.strerror or str(exc))
        except ValueError as exc:
            return StatFailure(0, str(exc))
        volume = mounts.over(self.physical(path), self._mounted)
        if volume is None:
            # mount(8) told nothing: an invented volume is no reason to call a file invalid.
            return Volume("/", "0" * 32, guessed=True)
        told = self._told(volume.mount_point)
        if not told:
            return replace(volume, uuid="0" * 32, guessed=True)
        return replace(volume, uuid=mounts.diskutil_uuid(told))

    def remembered_volumes(self) -> tuple[Volume, ...]:
        """See the protocol; none where the file may not be read, or nothing was exported yet."""
        try:
            text = self._table.read_bytes().decode("utf-8", "surrogateescape")
        except OSError:
            return ()
        return mounts.remembered(text)

    def server_state(self) -> ServerState:
        """See the protocol: nfsd runs while it holds the lock on its pid file.

        Nothing tells whether this release counts a stopped nfsd as an error: it is taken for one
        that does not.
        """
        return ServerState.RUNNING if locked(self._pid_file) else ServerState.STOPPED

    def server_reads(self, path: str) -> bool:
        """See the protocol: nfsd checkexports, which needs no rights, says so of a file with it."""
        if path not in self._readable:
            line = printer.line(Dialect.DARWIN, Entry(Place(""), (path,), ("localhost",)))
            told = checkexports(os.fsencode(line) + b"\n", self._runs)
            self._readable[path] = "sandbox_check failed" not in told.text
        return self._readable[path]

    @cached_property
    def _mounted(self) -> tuple[Volume, ...]:
        return mounts.darwin_mounts(self._runs(["/sbin/mount"]).text)

    def _told(self, mount_point: str) -> str:
        if mount_point not in self._disks:
            command = ["/usr/sbin/diskutil", "info", "-plist", mount_point]
            self._disks[mount_point] = self._runs(command).text
        return self._disks[mount_point]


def checkexports(content: bytes, runs: Runs = run) -> Ran:
    """What nfsd says of a file with this content; the status is how many errors it counts."""
    with tempfile.NamedTemporaryFile("wb", prefix="exports-") as file:
        file.write(content)
        file.flush()
        return runs(["/sbin/nfsd", "-F", file.name, "checkexports"])


def second_opinion(reading: Reading, told: Ran, path: str) -> tuple[Problem, ...]:
    """Where nfsd itself counts other errors than its reader here: a problem, for it is right.

    Args:
        reading: of a file.
        told: by :func:`checkexports` of the same.
        path: its name.
    """
    if told.status is None or "usage:" in told.text:
        return ()  # not asked
    count = reading.error_count
    if told.status == count % _STATUSES:
        return ()
    lines = [line.strip() for line in told.text.splitlines() if line.strip()]
    # Beside its complaints it may repeat the file, and name volumes.
    complaints = [line for line in lines if line.startswith("exports:")]
    said = "; ".join(complaints or lines) or "nothing"
    text = f"nfsd counts {told.status} errors in it, hostnfsd {count}; nfsd says: {said}"
    hint = "believe nfsd, and report it with the file: hostnfsd reads it wrongly"
    return (remark("nfsd-differs", Place(path), "exports", text, hint),)


def locked(path: Path) -> bool:
    """Whether another process holds a lock of fcntl(2) on a file; reading it is enough to ask."""
    # struct flock: macOS has offset, length, pid, type, whence; Linux type, whence first.
    darwin = sys.platform == "darwin"
    form, at = ("qqihh", 3) if darwin else ("hhqqi", 0)
    fields = [0, 0, 0, fcntl.F_RDLCK, os.SEEK_SET] if darwin else [fcntl.F_RDLCK, 0, 0, 0, 0]
    try:
        with path.open("rb") as file:
            answer = fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(form, *fields))
    except OSError:
        return False
    kind: int = struct.unpack(form, answer)[at]
    return kind != fcntl.F_UNLCK
