"""The command that ends a session, run by real shells against real processes called ``sshd``."""

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from hostnfsd.tunnel import reclaim
from hostnfsd.tunnel.own_session import IDENTIFY, Place, SessionProcess, read_process
from hostnfsd.tunnel.reclaim import Fate
from tests.bed.waiting import wait_until

pytestmark = pytest.mark.patient

SHELLS = [("/bin/sh",), ("/bin/bash",), ("/bin/busybox", "sh")]
NOBODY = 65534
#: What no process on this machine is called but those of these tests.
NO_PLACE = Place("0" * 8 + "-0000-0000-0000-" + "0" * 12, "-", 1)


@pytest.fixture(params=SHELLS, ids=lambda shell: Path(shell[-1]).name)
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    found: tuple[str, ...] = request.param
    return found


def run(shell: tuple[str, ...], command: str, **options: object) -> str:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        (*shell, "-c", command), capture_output=True, text=True, check=True, timeout=20, **options
    ).stdout


def stat(pid: int) -> list[str]:
    """The words of /proc/PID/stat after the name: state first."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


class Sessions:
    """Processes that are called as sshd's session is, and wait."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "sshd"
        shutil.copy("/bin/bash", self.program)
        folder.chmod(0o755)
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, script: str = "while :; do sleep 60 & wait; done") -> SessionProcess:
        """One more; what a record of it says."""
        # It says when it is ready: a trap must stand before somebody sends a signal.
        process = subprocess.Popen(
            [str(self.program), "-c", f"echo; {script}"], stdout=subprocess.PIPE, process_group=0
        )
        self.running.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        start = int(stat(process.pid)[19])
        return SessionProcess(NO_PLACE, process.pid, start, os.getuid(), "sshd")

    def lives(self, process: SessionProcess) -> bool:
        """Whether it runs, or is stopped."""
        (popen,) = [each for each in self.running if each.pid == process.pid]
        return popen.poll() is None

    def close(self) -> None:
        for process in self.running:
            # Its group: what it started may outlive it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    made = Sessions(tmp_path)
    yield made
    made.close()


def fates(
    shell: tuple[str, ...], *candidates: SessionProcess, end: bool = True
) -> dict[SessionProcess, Fate]:
    found = reclaim.read(run(shell, reclaim.command(candidates, end=end)), candidates)
    assert found is not None
    return found


def test_that_process_is_ended_and_no_other(shell: tuple[str, ...], sessions: Sessions) -> None:
    dead, bystander = sessions.start(), sessions.start()

    assert fates(shell, dead) == {dead: Fate.ENDED}

    wait_until(lambda: not sessions.lives(dead), "it to end")
    assert sessions.lives(bystander)


def test_looking_ends_nobody(shell: tuple[str, ...], sessions: Sessions) -> None:
    process = sessions.start()

    assert fates(shell, process, end=False) == {process: Fate.ALIVE}
    assert sessions.lives(process)


def test_a_number_that_is_another_process_by_now_is_left_alone(
    shell: tuple[str, ...], sessions: Sessions
) -> None:
    process = sessions.start()
    before = replace(process, start=process.start - 1)

    assert fates(shell, before) == {before: Fate.GONE}
    assert sessions.lives(process)


@pytest.mark.parametrize("wrong", [{"name": "sshd-session"}, {"uid": 12345}], ids=["name", "user"])
def test_what_is_not_what_was_recorded_is_left_alone(
    shell: tuple[str, ...], sessions: Sessions, wrong: dict[str, object]
) -> None:
    process = sessions.start()
    other = replace(process, **wrong)  # type: ignore[arg-type]

    assert fates(shell, other) == {other: Fate.FOREIGN}
    assert sessions.lives(process)


def test_one_that_has_ended_is_gone_though_nobody_buried_it(
    shell: tuple[str, ...], sessions: Sessions
) -> None:
    process = sessions.start()
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: stat(process.pid)[0] == "Z", "a corpse")

    assert fates(shell, process) == {process: Fate.GONE}


@pytest.mark.parametrize("how", ["stopped", "deaf"])
def test_one_that_does_not_hear_is_killed(
    shell: tuple[str, ...], sessions: Sessions, how: str
) -> None:
    process = sessions.start("trap '' TERM; while :; do sleep 60 & wait; done")
    if how == "stopped":
        os.kill(process.pid, signal.SIGSTOP)
    started = time.monotonic()

    assert fates(shell, process) == {process: Fate.ENDED}

    assert time.monotonic() - started < reclaim.WITHIN_S
    wait_until(lambda: not sessions.lives(process), "it to end")


def test_without_fractions_of_a_second_it_still_ends(
    shell: tuple[str, ...], sessions: Sessions, tmp_path: Path
) -> None:
    """A sleep(1) as POSIX has it knows whole seconds only."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sleep").write_text('#!/bin/sh\ncase "$1" in *.*) exit 1;; esac\nexec /bin/sleep 1\n')
    (folder / "sleep").chmod(0o755)
    process = sessions.start("trap '' TERM; while :; do /bin/sleep 60 & wait; done")
    # busybox has a sleep of its own, which it takes before any other.
    command = "sleep() { " + f'"{folder}/sleep" "$@"; }}; ' + reclaim.command([process], end=True)
    started = time.monotonic()

    assert reclaim.read(run(shell, command), [process]) == {process: Fate.ENDED}

    assert time.monotonic() - started < reclaim.WITHIN_S


def test_nobody_is_signalled_without_a_look_after_the_wait(
    shell: tuple[str, ...], sessions: Sessions
) -> None:
    """The process may end while we wait, and its number be given out again."""
    process = sessions.start()
    ends = f"command kill -KILL {process.pid}; while look {process.pid} {process.start}; do :; done"
    command = (
        f'sleep() {{ case "$1" in *.*) return 1;; esac; {ends}; }}; kill() {{ echo "kill $*"; }}; '
        + reclaim.command([process], end=True)
    )
    told = run(shell, command)

    assert reclaim.read(told, [process]) == {process: Fate.ENDED}
    assert [line for line in told.splitlines() if "kill" in line] == [f"kill -TERM {process.pid}"]


def test_where_nothing_can_wait_it_still_comes_to_an_end(
    shell: tuple[str, ...], sessions: Sessions
) -> None:
    """One that outlives even KILL, on a gateway without a sleep(1)."""
    process = sessions.start()
    unable = "sleep() { return 127; }; kill() { :; }; "

    told = run(shell, unable + reclaim.command([process], end=True))

    assert reclaim.read(told, [process]) == {process: Fate.STUCK}


def test_what_we_may_not_signal_is_denied(shell: tuple[str, ...], sessions: Sessions) -> None:
    process = sessions.start()
    command = reclaim.command([process], end=True)
    if os.getuid() == 0:
        told = run(shell, command, user=NOBODY, group=NOBODY, extra_groups=[])
    else:  # there is no process of another user that a test may try to end
        told = run(shell, "kill() { return 1; }; " + command)

    assert reclaim.read(told, [process]) == {process: Fate.DENIED}
    assert sessions.lives(process)


def test_several_are_told_apart(shell: tuple[str, ...], sessions: Sessions) -> None:
    first, second = sessions.start(), sessions.start()
    gone = replace(first, start=first.start - 5)

    assert fates(shell, gone, first, second) == {
        gone: Fate.GONE,
        first: Fate.ENDED,
        second: Fate.ENDED,
    }


# -- who carries this session --------------------------------------------------------------------


def identify(shell: tuple[str, ...], program: Path, between: str = "") -> list[str]:
    """What the shell below a process called ``program`` prints, with ``between`` around it."""
    inner = f"{between} {shlex.join((*shell, '-c', IDENTIFY + 'true'))}"
    told = subprocess.run(
        [str(program), "-c", f"echo $$; {inner}; true"], capture_output=True, text=True, check=True
    ).stdout
    return told.splitlines()


@pytest.mark.parametrize("between", ["", "/bin/sh -c '\"$@\"; true' wrapper"])
def test_the_nearest_sshd_above_is_found_through_what_lies_between(
    shell: tuple[str, ...], sessions: Sessions, between: str
) -> None:
    pid, line = identify(shell, sessions.program, between)

    key, *words = line.split()
    found = read_process(words)
    assert key == "sshd"
    assert found is not None
    assert (found.pid, found.uid, found.name) == (int(pid), os.getuid(), "sshd")
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    namespace = str(Path("/proc/self/ns/pid").readlink())
    assert found.place == Place(boot_id, namespace, int(stat(1)[19]))


def test_below_no_sshd_nothing_is_said(shell: tuple[str, ...], sessions: Sessions) -> None:
    other = sessions.program.with_name("dropbear")
    shutil.copy("/bin/bash", other)

    assert len(identify(shell, other)) == 1


def test_where_proc_is_of_another_pid_namespace_nothing_is_said(
    shell: tuple[str, ...], sessions: Sessions
) -> None:
    """Our number there is somebody else's: here, of a process below a session that is not ours."""
    process = sessions.start("sleep 60 & echo $!; wait")
    stdout = sessions.running[0].stdout
    assert stdout is not None
    below = int(stdout.readline())
    script = 'echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid; shift; "$@"; true'
    told = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "--pid", "--fork"),
            *("/bin/sh", "-c", script, "x", str(below)),
            *(*shell, "-c", f"echo $$; {IDENTIFY}true"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert told == [str(below)]
    assert sessions.lives(process)
