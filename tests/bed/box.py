"""A box: a machine made of Linux namespaces (network, mounts, processes, host name).

Nothing of it has a name in the file system or in the root namespaces: a box lives as long as its
first process, and that lives as long as the pipe we hold. When the tests end, in whatever way, the
kernel ends every process of the box and takes its interfaces away.
"""

import contextlib
import ctypes
import errno
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.bed.process import Pid, Process
from tests.bed.waiting import wait_until

UNSHARE = ("unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--mount-proc")
_CLONE_NEWNET = 0x40000000  # linux/sched.h
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Process 1 of a box: sets up, says so, and reaps orphans until our end of its input is closed.
_FIRST = """set -e
{setup}
ip link set lo up
hostname {name}
echo ready
exec 3<&0
cat <&3 >/dev/null &
wait
"""


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended. ``output`` is stdout; the kernel client has stderr in it as well."""

    status: int
    output: str
    errors: str = ""

    @property
    def text(self) -> str:
        """All it wrote."""
        return self.output + self.errors


class CommandError(AssertionError):
    """A command that had to succeed did not."""


class Box:
    """One machine of the test bed.

    Attributes:
        name: host name inside, and the name of the folder.
        folder: its files as the tests see them: ``run`` is ``/run`` inside.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        binds: Mapping[str, Path] | None = None,
        mounts: Sequence[str] = (),
        network_of: "Box | None" = None,
    ) -> None:
        """Args:
        name: host name.
        folder: a folder of its own, made if it is missing.
        binds: path inside -> file or folder outside that takes its place.
        mounts: further shell commands run before anything else is.
        network_of: share the network of that box instead of getting one.
        """
        self.name = name
        self.folder = folder
        self.run_folder = folder / "run"
        self.log_folder = folder / "log"
        for path in (self.run_folder, self.log_folder):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o755)
        lines = [
            f"mount --bind {source} {target}"
            for target, source in {"/run": self.run_folder, **(binds or {})}.items()
        ]
        script = _FIRST.format(setup="\n".join([*lines, *mounts]), name=name)
        enter = [] if network_of is None else network_of.enter("--net")
        network = [] if network_of is not None else ["--net"]
        self._log = self.log_folder / "box.log"
        with self._log.open("wb") as log:
            self._holder = subprocess.Popen(
                [*enter, *UNSHARE, *network, "sh", "-c", script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={"PATH": _PATH},
            )
        self._first: Pid | None = None
        self._started: list[Process] = []
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            self.close()
            raise CommandError(f"box {name} did not come up: {self._log.read_text()}")
        self._first = _child(self._holder.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process inside and take the box away. Can be called again."""
        for pipe in (self._holder.stdin, self._holder.stdout):
            if pipe is not None:
                pipe.close()
        if self._first is not None:
            self._first.send(signal.SIGKILL)
        for process in self._started:
            process.wake_launcher()
            process.wait(5)
        try:
            self._holder.wait(5)
        except subprocess.TimeoutExpired:
            self._holder.kill()
            self._holder.wait(5)

    @property
    def first(self) -> Pid:
        """Process 1 of the box: ``nsenter --all --target`` of its number leads inside."""
        assert self._first is not None
        return self._first

    def enter(self, *which: str) -> list[str]:
        """The command prefix that enters it; by default wholly."""
        # --root: in a chroot the mount namespace alone would lead out of it.
        kinds = which or ("--net", "--mount", "--pid", "--uts", "--ipc", "--root")
        return ["nsenter", "--target", str(self.first.number), *kinds, "--"]

    def run(
        self,
        *command: str,
        timeout_s: float = 10.0,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        kinds: Sequence[str] = (),
    ) -> Completed:
        """Run a command inside to its end. ``kinds``: enter these namespaces only.

        Raises:
            CommandError: it failed, and ``check`` is set.
            subprocess.TimeoutExpired: it took longer than ``timeout_s``, and was ended.
        """
        with subprocess.Popen(
            [*self.enter(*kinds), "setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={"PATH": _PATH, **(env or {})},
        ) as popen:
            try:
                output, errors = popen.communicate(stdin, timeout=timeout_s)
            except BaseException:
                popen.kill()
                raise
        if check and popen.returncode != 0:
            raise CommandError(
                f"{self.name}: {' '.join(command)}: status {popen.returncode}\n{output}{errors}"
            )
        return Completed(popen.returncode, output, errors)

    def start(
        self,
        name: str,
        *command: str,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Process:
        """Start a program inside; what it writes goes to ``log/NAME.log``, appended."""
        log = self.log_folder / f"{name}.log"
        with log.open("ab") as sink:
            launcher = subprocess.Popen(
                [*self.enter(), *command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                pass_fds=pass_fds,
                start_new_session=True,
                env={"PATH": _PATH, **(env or {})},
            )
        found = wait_until(
            lambda: _child(launcher.pid) or launcher.poll() is not None, f"{name} to start"
        )
        if not isinstance(found, Pid):
            raise CommandError(f"{self.name}: {' '.join(command)} ended at once: {log.read_text()}")
        process = Process(name, launcher, found, log)
        self._started = [*(old for old in self._started if old.running), process]
        return process

    def processes(self) -> list[Pid]:
        """Every process inside but the first, zombies left out."""
        mine = Path(f"/proc/{self.first.number}/ns/pid").readlink()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                pid = Pid.of(int(entry.name))
                if pid is None or pid == self.first or not pid.alive:
                    continue
                if (entry / "ns/pid").readlink() == mine:
                    found.append(pid)
        return [pid for pid in found if pid.title != "cat"]

    def freeze(self) -> None:
        """Stop every process inside; its kernel goes on acknowledging, as in ``docker pause``."""
        pids = self.processes()
        for pid in pids:
            pid.send(signal.SIGSTOP)
        wait_until(lambda: all(p.stopped or not p.alive for p in pids), f"{self.name} frozen")

    def thaw(self) -> None:
        """Let everything inside go on."""
        for pid in self.processes():
            pid.send(signal.SIGCONT)
        for process in self._started:
            process.wake_launcher()

    def new_socket(self, family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
        """A new TCP socket that belongs to the network of the box, for use from anywhere.

        A socket stays in the network namespace in which it was made: tests speak on a pod's
        network without a process there, also through asyncio.
        """
        made: list[socket.socket] = []
        failed: list[OSError] = []

        def make() -> None:
            try:
                with Path(f"/proc/{self.first.number}/ns/net").open("rb") as namespace:
                    _set_network(namespace.fileno())
                made.append(socket.socket(family, socket.SOCK_STREAM))
            except OSError as error:
                failed.append(error)

        # setns(2) moves the calling thread only, and this one ends with the call.
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return made[0]

    def connect(self, address: str, port: int, *, timeout_s: float | None = 5.0) -> socket.socket:
        """A TCP connection from inside the box. ``address`` is numeric."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = self.new_socket(family)
        connection.settimeout(timeout_s)
        try:
            connection.connect((address, port))
        except BaseException:
            connection.close()
            raise
        return connection

    def accepts(self, address: str, port: int) -> bool:
        """Whether a TCP connection from inside to there is accepted."""
        try:
            self.connect(address, port, timeout_s=2).close()
        except OSError as error:
            if error.errno in {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, None}:
                return False
            raise
        return True

    def listening(self) -> set[tuple[str, int]]:
        """(address, port) of every TCP listener inside: ``0.0.0.0`` and ``::`` mean all."""
        found = set()
        for file, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
            text = Path(f"/proc/{self.first.number}/net/{file}").read_text(encoding="ascii")
            for line in text.splitlines()[1:]:
                local, state = line.split()[1], line.split()[3]
                if state == "0A":
                    address, port = local.split(":")
                    found.add((_address(family, address), int(port, 16)))
        return found


def _address(family: socket.AddressFamily, text: str) -> str:
    """An address as /proc/net/tcp writes it: 32-bit words in the byte order of the machine."""
    raw = bytes.fromhex(text)
    words = (raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
    return socket.inet_ntop(family, b"".join(words))


def _set_network(namespace: int) -> None:
    """setns(2) of the calling thread; ``os.setns`` came with Python 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {os.strerror(code)}")


def _child(number: int) -> Pid | None:
    """What a launcher (``nsenter``, ``unshare``) started: its only child."""
    pid = Pid.of(number)
    return None if pid is None else next(pid.children(), None)
