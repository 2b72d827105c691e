"""The control socket: what it answers, who may connect, and that there is one daemon per socket."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon import sole
from hostnfsd.daemon.endpoints.control import Control
from hostnfsd.daemon.face import ReloadVerdict
from hostnfsd.errors import AlreadyRunningError, CannotWriteError, NotPermittedError
from hostnfsd.problem import Place, Problem, Severity
from hostnfsd.snapshot import Phase
from hostnfsd.status_document import to_json
from tests.support.fake_face import FakeFace
from tests.support.snapshots import gateway, snapshot, troubled

PROBLEM = Problem("code", Severity.ERROR, Place("/f", 1, 2), "a.b", "is wrong", "right it")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


@asynccontextmanager
async def served(face: FakeFace, path: Path) -> AsyncIterator[Control]:
    control = Control(face)
    try:
        await control.start(path)
        yield control
    finally:
        await control.stop()


async def ask(path: Path, method: str, target: str) -> tuple[int, object]:
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.request(method, f"http://d{target}") as response,
    ):
        return response.status, await response.json()


async def test_status_is_the_status_document(path: Path) -> None:
    async with served(FakeFace(troubled()), path):
        assert await ask(path, "GET", "/status") == (200, to_json(troubled()))


async def test_an_accepted_reload_tells_the_changes(path: Path) -> None:
    face = FakeFace(snapshot())
    face.verdict = ReloadVerdict(accepted=True, changes=("gateway dev-gw: nfs moves to 2050",))
    async with served(face, path):
        answer = await ask(path, "POST", "/reload")

    assert answer == (
        200,
        {
            "schema": 1,
            "accepted": True,
            "changes": ["gateway dev-gw: nfs moves to 2050"],
            "problems": [],
        },
    )
    assert face.reloads == 1


async def test_a_rejected_reload_tells_the_problems(path: Path) -> None:
    face = FakeFace(snapshot())
    face.verdict = ReloadVerdict(accepted=False, problems=(PROBLEM,))
    async with served(face, path):
        status, document = await ask(path, "POST", "/reload")

    assert status == 422
    assert document == {
        "schema": 1,
        "accepted": False,
        "changes": [],
        "problems": [{**PROBLEM.to_json(), "subject": "a.b"}],
    }


async def test_reconnect_one_all_and_none(path: Path) -> None:
    face = FakeFace(snapshot(gateway("a"), gateway("b/c", phase=Phase.BLOCKED)))
    async with served(face, path):
        one = await ask(path, "POST", "/reconnect?gateway=b%2Fc")
        every = await ask(path, "POST", "/reconnect")
        none = await ask(path, "POST", "/reconnect?gateway=nope")

    assert one == (200, {"schema": 1, "gateways": ["b/c"], "phases": {"b/c": "blocked"}})
    assert every == (
        200,
        {"schema": 1, "gateways": ["a", "b/c"], "phases": {"a": "up", "b/c": "blocked"}},
    )
    assert none == (
        404,
        {"schema": 1, "error": "no gateway 'nope'", "gateways": ["a", "b/c"]},
    )
    assert face.reconnected == ["b/c", None]


async def test_only_the_owner_may_connect(path: Path) -> None:
    async with served(FakeFace(snapshot()), path):
        modes = [stat.S_IMODE(p.stat().st_mode) for p in (path.parent, path, sole.lock_path(path))]

    assert [oct(mode) for mode in modes] == ["0o700", "0o600", "0o600"]


async def test_a_folder_that_was_there_keeps_its_mode(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    async with served(FakeFace(snapshot()), path):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755


async def test_a_stop_removes_the_socket_and_gives_the_place_back(path: Path) -> None:
    async with served(FakeFace(snapshot()), path):
        assert path.is_socket()
    assert not path.exists()
    async with served(FakeFace(snapshot()), path):
        assert path.is_socket()


async def test_a_second_daemon_is_told_of_the_first(path: Path) -> None:
    async with served(FakeFace(snapshot()), path):
        with pytest.raises(AlreadyRunningError, match=rf"process {os.getpid()}\b") as caught:
            async with served(FakeFace(snapshot()), path):
                pass
        assert caught.value.hint is not None
        assert await ask(path, "GET", "/status")


HOLDER = """
import sys, time
from pathlib import Path
from hostnfsd.daemon import sole
lock = sole.take_lock(Path(sys.argv[1]))
sole.remove_stale(Path(sys.argv[1]))
listener, _ = sole.bind(Path(sys.argv[1]))
listener.listen()
print("held", flush=True)
time.sleep(600)
"""


async def test_a_killed_daemons_place_is_taken_over(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunningError, match=rf"process {holder.pid}\b"):
            sole.take_lock(path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert path.is_socket()

    async with served(FakeFace(snapshot()), path):
        assert (await ask(path, "GET", "/status"))[0] == 200


async def test_a_living_daemon_is_respected_also_without_its_lock_file(path: Path) -> None:
    async with served(FakeFace(snapshot()), path):
        sole.lock_path(path).unlink()
        with pytest.raises(AlreadyRunningError, match=rf"process {os.getpid()}\b"):
            async with served(FakeFace(snapshot()), path):
                pass
        assert path.is_socket()


async def test_what_is_no_socket_is_never_replaced(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")

    with pytest.raises(CannotWriteError, match="not a socket"):
        async with served(FakeFace(snapshot()), path):
            pass
    assert path.read_text() == "precious"


async def test_a_failed_start_gives_the_lock_back(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("in the way")
    with pytest.raises(CannotWriteError):
        async with served(FakeFace(snapshot()), path):
            pass
    path.unlink()

    async with served(FakeFace(snapshot()), path):
        assert path.is_socket()


async def test_the_lock_file_is_not_followed_elsewhere(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path.parent.mkdir()
    sole.lock_path(path).symlink_to(victim)

    with pytest.raises(CannotWriteError):
        async with served(FakeFace(snapshot()), path):
            pass
    assert victim.read_text() == "precious"


async def test_a_path_that_is_too_long_says_so(tmp_path: Path) -> None:
    with pytest.raises(CannotWriteError, match="too long"):
        async with served(FakeFace(snapshot()), tmp_path / ("x" * 120)):
            pass


def test_rights_and_other_obstacles_are_told_apart() -> None:
    denied = sole.cannot("no", Path("/x"), PermissionError(13, "Permission denied"))
    full = sole.cannot("no", Path("/x"), OSError(28, "No space left on device"))

    assert isinstance(denied, NotPermittedError)
    assert isinstance(full, CannotWriteError)
    assert str(full) == "/x: no: No space left on device"


async def test_a_reload_moves_the_socket(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sock"
    async with served(FakeFace(snapshot()), path) as control:
        await control.move(other)

        assert control.path == other
        assert not path.exists()
        assert (await ask(other, "GET", "/status"))[0] == 200
        os.close(sole.take_lock(path))


async def test_a_move_to_a_place_that_is_taken_stays_and_says_so(
    path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.sock"
    async with served(FakeFace(snapshot()), other), served(FakeFace(snapshot()), path) as control:
        with capture_logs() as logs:
            await control.move(other)
            await control.move(path)

        assert control.path == path
        assert (await ask(path, "GET", "/status"))[0] == 200
    assert [line["event"] for line in logs] == ["control_move_failed"]


async def test_another_daemons_socket_is_not_removed_at_stop(path: Path) -> None:
    async with served(FakeFace(snapshot()), path):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as another:
            another.bind(str(path))
    assert path.is_socket()


def test_it_runs_on_uvloop(path: Path) -> None:
    import uvloop  # noqa: PLC0415  # only this test runs on it

    async def once() -> int:
        async with served(FakeFace(snapshot()), path):
            return (await ask(path, "GET", "/status"))[0]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(once()) == 200
    assert not path.exists()


async def test_a_reload_that_takes_its_time_holds_nobody_up(path: Path) -> None:
    face = FakeFace(snapshot())
    go_on = asyncio.Event()

    async def slow() -> ReloadVerdict:
        await go_on.wait()
        return ReloadVerdict(accepted=True)

    face.reload = slow  # type: ignore[method-assign]  # a slow daemon
    async with served(face, path), asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(ask(path, "POST", "/reload"))
        assert (await ask(path, "GET", "/status"))[0] == 200
        go_on.set()
        assert (await asked)[0] == 200
