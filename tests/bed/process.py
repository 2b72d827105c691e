"""Processes we started: known by number and start time, so that a reused number is never hit."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bed.waiting import DeadlineError, wait_until

_STATE, _PARENT, _START = 0, 1, 19  # fields of /proc/PID/stat behind the name: proc(5)


def _stat(number: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


@dataclass(frozen=True, slots=True)
class Pid:
    """One process, as the namespace of the tests numbers it."""

    number: int
    start_ticks: int

    @classmethod
    def of(cls, number: int) -> "Pid | None":
        """The process that has this number now; None if there is none."""
        stat = _stat(number)
        return None if stat is None else cls(number, int(stat[_START]))

    @property
    def alive(self) -> bool:
        """Whether it is there still and is no zombie."""
        stat = _stat(self.number)
        return stat is not None and int(stat[_START]) == self.start_ticks and stat[_STATE] != "Z"

    @property
    def stopped(self) -> bool:
        """Whether it is frozen by SIGSTOP."""
        stat = _stat(self.number)
        return stat is not None and int(stat[_START]) == self.start_ticks and stat[_STATE] == "T"

    @property
    def title(self) -> str:
        """Its command line; daemons such as sshd write their state there."""
        try:
            raw = Path(f"/proc/{self.number}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return raw.replace(b"\0", b" ").decode(errors="replace").strip()

    @property
    def inner(self) -> int:
        """Its number in its own pid namespace, which is what it calls itself."""
        for line in Path(f"/proc/{self.number}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
        return self.number

    def send(self, number: signal.Signals) -> bool:
        """Send a signal; False if the process has gone."""
        if not self.alive:
            return False
        try:
            os.kill(self.number, number)
        except ProcessLookupError:
            return False
        return True

    def children(self) -> Iterator["Pid"]:
        """Every descendant, parents first."""
        try:
            tasks = list(Path(f"/proc/{self.number}/task").iterdir())
        except (FileNotFoundError, ProcessLookupError):
            return
        for task in tasks:
            try:
                numbers = (task / "children").read_text(encoding="ascii").split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            for number in numbers:
                child = Pid.of(int(number))
                if child is not None:
                    yield child
                    yield from child.children()


class Process:
    """A long-running program inside a box.

    ``launcher`` is the ``nsenter`` that entered the box and waits for the program; ``pid`` is the
    program itself. Signals go to the program. (When the program is stopped, nsenter stops itself,
    and when continued continues the program: whoever ends or thaws the program must wake it too.)
    """

    def __init__(self, name: str, launcher: "subprocess.Popen[bytes]", pid: Pid, log: Path) -> None:
        self.name = name
        self.pid = pid
        self.log = log
        self._launcher = launcher

    @property
    def running(self) -> bool:
        """Whether the program has not ended yet."""
        return self._launcher.poll() is None

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to the program; False if it has ended."""
        if self._launcher.pid == self.pid.number:
            self._launcher.send_signal(number)  # does nothing once it has been waited for
            return self.running
        return self.running and self.pid.send(number)

    def wake_launcher(self) -> None:
        """Let the launcher go on, so that it reaps the program."""
        if self.running:
            self._launcher.send_signal(signal.SIGCONT)

    def wait(self, timeout_s: float = 10.0) -> int:
        """Its exit status, negative for a signal, as ``subprocess`` gives it."""
        try:
            return self._launcher.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise DeadlineError(
                f"{self.name} (pid {self.pid.number}) did not end within {timeout_s:g} s\n"
                + self.tail()
            ) from None

    def stop(self, timeout_s: float = 10.0) -> int:
        """TERM, and KILL if that does not end it. Returns the exit status."""
        self.thaw()
        self.send(signal.SIGTERM)
        try:
            return self.wait(timeout_s)
        except DeadlineError:
            return self.kill()

    def kill(self) -> int:
        """KILL. Returns the exit status."""
        self.send(signal.SIGKILL)
        self.wake_launcher()
        return self.wait()

    def freeze(self) -> None:
        """Stop the program and all it started, as a paused container is."""
        family = [self.pid, *self.pid.children()]
        for pid in family:
            pid.send(signal.SIGSTOP)
        wait_until(
            lambda: all(pid.stopped or not pid.alive for pid in family), f"{self.name} frozen"
        )

    def thaw(self) -> None:
        """Let it go on."""
        for pid in (*self.pid.children(), self.pid):
            pid.send(signal.SIGCONT)
        self.wake_launcher()

    def tail(self, lines: int = 25) -> str:
        """The last lines it wrote, with a heading."""
        return tail(self.log, lines)


def tail(path: Path, lines: int = 25) -> str:
    """The last lines of a log, with a heading that names it."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        text = ["(no such file)"]
    return "\n".join([f"--- {path.name}, last {lines} lines", *text[-lines:]])
