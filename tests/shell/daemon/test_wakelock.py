"""The lock is a child process: held while it runs, and gone with us. No machine is kept awake here.

The programs in PATH are stand-ins that do what caffeinate(8) and systemd-inhibit(1) say of
themselves and record what they are asked; the real systemd-inhibit works in
tests/integration/systemd/test_awake.py.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from hostnfsd.daemon import wakelock
from hostnfsd.daemon.wakelock import WakeLock
from hostnfsd.tunnel.wakelock import Cannot
from tests.support.conditions import eventually

CAFFEINATE = """\
#!/bin/sh
# -w: "Waits for the process with the specified pid to exit."
echo "$$ $*" >>"$0.asked"
while kill -0 "$3" 2>/dev/null; do sleep 0.02; done
"""
INHIBIT = """\
#!/bin/sh
# Runs the command under the lock; it is given back when that ends.
echo "$$ $*" >>"$0.asked"
for last; do :; done
"$last"
"""
REFUSES = "#!/bin/sh\necho 'Failed to inhibit: Access denied' >&2\nexit 1\n"
HANGS = "#!/bin/sh\nexec sleep 60\n"
LOGIND = "#!/bin/sh\necho 's \"{}\"'\n"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs, before all others."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def asked(folder: Path, name: str) -> list[list[str]]:
    """What a stand-in was asked, one list for each time, its process first."""
    record = folder / f"{name}.asked"
    return [line.split() for line in record.read_text().splitlines()] if record.exists() else []


def runs(pid: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_mac_is_held_for_as_long_as_it_is_wanted(programs: Path) -> None:
    put(programs, "caffeinate", CAFFEINATE)
    lock = WakeLock("darwin")
    assert not lock.held

    assert await lock.hold() is None

    ((child, *options),) = asked(programs, "caffeinate")
    assert options == ["-i", "-w", str(os.getpid())]
    assert lock.held
    assert runs(child)
    await lock.let_go()
    assert not lock.held
    assert not runs(child)
    await lock.let_go()


async def test_linux_is_held_for_as_long_as_it_is_wanted(programs: Path) -> None:
    put(programs, "systemd-inhibit", INHIBIT)
    lock = WakeLock("linux")

    assert await lock.hold() is None

    ((child, *options),) = asked(programs, "systemd-inhibit")
    assert {"--what=idle", "--mode=block", "--who=hostnfsd"} <= set(options)
    assert lock.held
    await lock.let_go()
    assert not lock.held
    assert not runs(child)


async def test_it_can_be_held_again(programs: Path) -> None:
    put(programs, "systemd-inhibit", INHIBIT)
    lock = WakeLock("linux")
    for count in (1, 2):
        assert await lock.hold() is None
        await lock.let_go()
        assert len(asked(programs, "systemd-inhibit")) == count


async def test_a_holder_that_somebody_ends_is_noticed(programs: Path) -> None:
    put(programs, "caffeinate", CAFFEINATE)
    lock = WakeLock("darwin")
    assert await lock.hold() is None
    ((child, *_),) = asked(programs, "caffeinate")

    os.kill(int(child), signal.SIGKILL)

    await eventually(lambda: not lock.held, "the end to be noticed")
    await lock.let_go()


@pytest.mark.parametrize(
    ("action", "needless"), [("ignore", True), ("suspend", False)], ids=["server", "laptop"]
)
async def test_one_that_is_refused_is_not_held(programs: Path, action: str, needless: bool) -> None:
    put(programs, "systemd-inhibit", REFUSES)
    put(programs, "busctl", LOGIND.format(action))
    lock = WakeLock("linux")

    cannot = await lock.hold()

    assert cannot is not None
    assert cannot.needless is needless
    assert "Access denied" in cannot.text
    assert not lock.held


async def test_a_mac_that_refuses_is_not_held(programs: Path) -> None:
    put(programs, "caffeinate", "#!/bin/sh\nexit 3\n")
    cannot = await WakeLock("darwin").hold()
    assert cannot is not None
    assert "it ended with status 3" in cannot.text


async def test_one_that_does_not_answer_is_given_up(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakelock, "WITHIN_S", 0.2)
    put(programs, "systemd-inhibit", f'#!/bin/sh\necho $$ >>"$0.asked"\n{HANGS}')
    put(programs, "busctl", LOGIND.format("suspend"))
    lock = WakeLock("linux")

    cannot = await lock.hold()

    assert cannot is not None
    assert "no answer within 0.2 s" in cannot.text
    ((child,),) = asked(programs, "systemd-inhibit")
    assert not runs(child)


async def test_a_logind_that_does_not_answer_holds_nothing_up(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakelock, "WITHIN_S", 0.2)
    put(programs, "systemd-inhibit", REFUSES)
    put(programs, "busctl", HANGS)
    cannot = await WakeLock("linux").hold()
    assert cannot is not None
    assert cannot.needless


@pytest.mark.parametrize("platform", ["darwin", "linux"])
async def test_without_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(wakelock, "_SYSTEM_PATH", str(tmp_path))
    cannot = await WakeLock(platform).hold()
    assert cannot is not None
    assert cannot.needless is (platform == "linux")


async def test_a_program_that_cannot_be_run(programs: Path) -> None:
    put(programs, "caffeinate", "#!/no/such/shell\n")
    cannot = await WakeLock("darwin").hold()
    assert cannot is not None
    assert "No such file" in cannot.text


async def test_another_system_is_left_alone() -> None:
    cannot = await WakeLock("freebsd14").hold()
    assert cannot is not None
    assert cannot.needless


HOLDS = """\
import asyncio, sys
from hostnfsd.daemon.wakelock import WakeLock

async def main():
    lock = WakeLock(sys.argv[1])
    assert await lock.hold() is None
    print("held", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("platform", "name", "text"),
    [("darwin", "caffeinate", CAFFEINATE), ("linux", "systemd-inhibit", INHIBIT)],
)
@pytest.mark.patient
async def test_nothing_is_left_of_it_when_we_are_killed(
    programs: Path, platform: str, name: str, text: str
) -> None:
    put(programs, name, text)
    with subprocess.Popen([sys.executable, "-c", HOLDS, platform], stdout=subprocess.PIPE) as us:
        assert us.stdout is not None
        assert us.stdout.readline() == b"held\n"
        ((child, *_),) = asked(programs, name)
        assert runs(child)
        us.kill()
    await eventually(lambda: not runs(child), "the holder to end")


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_one_that_ends_before_it_is_spoken_to_breaks_nothing(
    programs: Path,
    factory: Callable[[], asyncio.AbstractEventLoop],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(programs, "systemd-inhibit", REFUSES)
    put(programs, "busctl", LOGIND.format("suspend"))
    start = asyncio.create_subprocess_exec

    async def late(*words: Any, **options: Any) -> Any:
        process = await start(*words, **options)
        await process.wait()
        await eventually(
            lambda: process.stdin is None or process.stdin.is_closing(), "its pipe to be closed"
        )
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", late)

    async def refused() -> Cannot | None:
        return await WakeLock("linux").hold()

    with asyncio.Runner(loop_factory=factory) as runner:
        cannot = runner.run(refused())
    assert cannot is not None
    assert "Access denied" in cannot.text
