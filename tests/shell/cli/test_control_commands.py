"""Commands that ask a daemon, from the command line to a control socket and back."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hostnfsd.cli import control_client, ports_text, status
from hostnfsd.cli.control_client import Candidate
from hostnfsd.cli.main import main
from hostnfsd.daemon.endpoints.control import Control
from hostnfsd.daemon.face import ReloadVerdict
from hostnfsd.errors import DaemonMuteError, DaemonUnreachableError, NotPermittedError
from hostnfsd.problem import Place, Problem, Severity
from hostnfsd.snapshot import Phase, Snapshot
from hostnfsd.status_document import to_json
from tests.support.fake_face import FakeFace
from tests.support.snapshots import gateway, snapshot, troubled

PROBLEM = Problem("code", Severity.ERROR, Place("/f", 1, 2), "a.b", "is wrong", "right it")
NOTE = Problem("fine", Severity.NOTE, Place("/f"), "d", "is a default")
WARNING = Problem("late", Severity.WARNING, Place("/f", 3, 1), "c", "is odd")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose control socket is in the test's own folder."""
    for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "HOSTNFSD_CONFIG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "hostnfsd.toml"
    file.write_text(f'[gateway.dev-gw]\n[control]\nsocket = "{tmp_path}/c.sock"\n')
    return file


@asynccontextmanager
async def daemon(config: Path, face: FakeFace) -> AsyncIterator[Control]:
    control = Control(face)
    await control.start(config.parent / "c.sock")
    try:
        yield control
    finally:
        await control.stop()


async def run(config: Path, *words: str) -> int:
    return await asyncio.to_thread(main, ["--config", str(config), *words])


@pytest.mark.parametrize(
    ("whole", "code", "last"),
    [
        (snapshot(), 0, "ready"),
        (troubled(), 1, "not ready: dev-gw nfs unreachable (ipv6), dev-gw mountd host-down (ipv4)"),
        (snapshot(stopping=True), 1, "stopping"),
    ],
)
async def test_status_prints_the_verdict_last_and_exits_with_it(
    whole: Snapshot, code: int, last: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with daemon(config, FakeFace(whole)):
        assert await run(config, "status") == code

    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == last
    assert err == ""
    assert "connections\n" not in out


async def test_status_with_clients(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with daemon(config, FakeFace(troubled())):
        await run(config, "status", "--clients")

    assert "172.22.0.9:801" in capsys.readouterr().out


async def test_status_as_json_is_the_document(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with daemon(config, FakeFace(troubled())):
        assert await run(config, "status", "--json") == 1

    assert json.loads(capsys.readouterr().out) == to_json(troubled())


async def test_status_of_a_daemon_of_another_version_says_so(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with daemon(config, FakeFace(snapshot(version="0.0.9"))):
        await run(config, "status")

    assert "hostnfsd 0.0.9" in (out := capsys.readouterr().out)
    assert "restart the daemon" in out


@pytest.mark.parametrize("words", [[], ["--json"]])
async def test_ports_are_told_whatever_the_verdict(
    words: list[str], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with daemon(config, FakeFace(troubled())):
        assert await run(config, "ports", *words) == 0

    out, err = capsys.readouterr()
    expected = ports_text.render(troubled(), colour=False)
    assert (json.loads(out) == ports_text.to_json(troubled())) if words else (out == expected)
    assert err == ""


@pytest.mark.parametrize(
    "words",
    [["status"], ["status", "--json"], ["reload"], ["reconnect"], ["ports"], ["ports", "--json"]],
)
async def test_without_a_daemon_69_and_how_to_start_one(
    words: list[str], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(config, *words) == 69

    out, err = capsys.readouterr()
    assert out == ""
    assert f"no daemon answers at {config.parent}/c.sock" in err
    assert "hostnfsd run" in err
    assert "kill -HUP PID" in err


def usual_socket(config: Path) -> Path:
    """Where a daemon of this user listens whose configuration names no socket."""
    path = config.parent / ".local/state/hostnfsd/control.sock"
    path.parent.mkdir(parents=True)
    return path


async def test_a_daemon_started_before_its_socket_was_configured_is_found(config: Path) -> None:
    face = FakeFace(snapshot(config_path=str(config)))
    control = Control(face)
    await control.start(usual_socket(config))
    try:
        assert await run(config, "reload") == 0
        assert await run(config, "status") == 0
    finally:
        await control.stop()
    assert face.reloads == 1


async def test_a_daemon_of_another_configuration_is_not_taken_for_ours(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    face = FakeFace(snapshot(config_path="/etc/hostnfsd/other.toml"))
    control = Control(face)
    path = usual_socket(config)
    await control.start(path)
    try:
        assert await run(config, "reload") == 69
    finally:
        await control.stop()
    assert face.reloads == 0
    err = capsys.readouterr().err
    assert f"no daemon answers at {config.parent}/c.sock" in err
    assert f"none of this configuration at {path}" in err


async def test_a_socket_nobody_listens_on_is_no_daemon(config: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(config.parent / "c.sock"))

    assert await run(config, "status") == 69


async def test_a_configuration_that_is_named_and_missing_is_66(config: Path) -> None:
    assert await run(config.with_name("nope.toml"), "status") == 66


@pytest.mark.parametrize("addition", ["[tunnel]\nnonsense = 1\n", "[tunnel]\nno toml\n"])
async def test_a_configuration_that_broke_meanwhile_still_finds_the_daemon(
    addition: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text() + addition)
    async with daemon(config, FakeFace(snapshot())):
        assert await run(config, "status") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[control]\nsocket = "/a"\n', "/a"),
        ('control.socket = "/a"\n', "/a"),
        ('control = { socket = "/a" }\n', "/a"),
        ("[gateway.x]\n", ""),
        ("[control]\n", ""),
        ("control = 1\n", ""),
        ("[control]\nsocket = 1\n", ""),
        ('[gateway.x]\nport = \n[control] # here\nsocket = "/a"\n[log]\nlevel = \n', "/a"),
        ("[tunnel]\nx = \"\n  [ control ]\n  socket = '/a'", "/a"),
        ("[control]\nsocket = \n", ""),
        ('[control]\nx =\nsocket = "/a" # why\ny\n[log]\nsocket = "/b"\n', "/a"),
        ('[log]\nsocket = "/b"\n[', ""),
        ("[", ""),
        ("\x00", ""),
    ],
)
def test_the_socket_is_found_in_what_is_being_edited(text: str, found: str) -> None:
    assert control_client.socket_in(text) == found


async def test_reload_prints_the_changes(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    face = FakeFace(snapshot())
    face.verdict = ReloadVerdict(accepted=True, changes=("nfs moves",), problems=(WARNING, NOTE))
    async with daemon(config, face):
        assert await run(config, "reload") == 0

    out, err = capsys.readouterr()
    assert out == "nfs moves\nreloaded\n"
    assert err == "/f:3:1: warning: c: is odd [late]\n"


async def test_reload_without_changes(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with daemon(config, FakeFace(snapshot())):
        assert await run(config, "reload") == 0

    assert capsys.readouterr().out == "reloaded: nothing changed\n"


async def test_a_rejected_reload_is_78_with_every_problem(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    face = FakeFace(snapshot())
    face.verdict = ReloadVerdict(accepted=False, problems=(PROBLEM, WARNING))
    async with daemon(config, face):
        assert await run(config, "reload") == 78

    out, err = capsys.readouterr()
    assert out == ""
    assert "/f:1:2: error: a.b: is wrong [code]\n    hint: right it\n" in err
    assert "/f:3:1: warning: c: is odd [late]\n" in err
    assert "rejected" in err.splitlines()[-1]


async def test_reconnect_one_and_all(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waiting = gateway("büro/2", phase=Phase.BACKOFF)
    face = FakeFace(snapshot(gateway("a"), waiting))
    async with daemon(config, face):
        assert await run(config, "reconnect", "büro/2") == 0
        assert await run(config, "reconnect") == 0

    assert face.reconnected == ["büro/2", None]
    assert capsys.readouterr().out.splitlines() == [
        "büro/2: connecting now",
        "a: is up already",
        "büro/2: connecting now",
    ]


async def test_reconnect_of_an_unknown_gateway_is_64_with_the_one_meant(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with daemon(config, FakeFace(snapshot())):
        assert await run(config, "reconnect", "devgw") == 64

    assert 'did you mean "dev-gw"?' in capsys.readouterr().err


async def watched(config: Path, monkeypatch: pytest.MonkeyPatch, pauses: int, *words: str) -> int:
    """Run ``status --watch`` with Ctrl-C in the pause after this many."""
    left = pauses

    def pause(_seconds: float) -> None:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1

    monkeypatch.setattr("hostnfsd.cli.status.time.sleep", pause)
    return await run(config, "status", "--watch", *words)


async def test_watch_repeats_until_interrupted(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with daemon(config, FakeFace(snapshot())):
        code = await watched(config, monkeypatch, 2)

    assert code == 0
    assert capsys.readouterr().out.splitlines().count("ready") == 3


async def test_watch_as_json_is_a_document_a_line(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with daemon(config, FakeFace(troubled())):
        code = await watched(config, monkeypatch, 1, "--json")

    assert code == 1
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [to_json(troubled())] * 2


async def test_watch_survives_a_restart_of_the_daemon(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = asyncio.get_running_loop()
    step = 0
    turns: asyncio.Queue[int] = asyncio.Queue()
    go_on = threading.Event()

    def pause(_seconds: float) -> None:
        nonlocal step
        step += 1
        if step == 4:
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(turns.put_nowait, step)
        assert go_on.wait(10)
        go_on.clear()

    monkeypatch.setattr("hostnfsd.cli.status.time.sleep", pause)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        first = Control(FakeFace(snapshot()))
        await first.start(config.parent / "c.sock")
        watch = tasks.create_task(run(config, "status", "--watch"))
        assert await turns.get() == 1
        await first.stop()
        go_on.set()
        assert await turns.get() == 2
        async with daemon(config, FakeFace(snapshot(pid=4343))):
            go_on.set()
            assert await turns.get() == 3
            go_on.set()
            assert await watch == 0

    out = capsys.readouterr().out
    assert out.index("process 4242") < out.index("no daemon answers") < out.index("process 4343")


def test_a_frame_that_is_too_high_keeps_its_last_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((80, 5)))
    status._draw("1\n2\n3\n4\n5\nready\n", redraw=True)

    assert capsys.readouterr().out == "\x1b[2J\x1b[H1\n2\n…\nready\n"


def test_the_next_socket_is_tried_where_one_is_dead(tmp_path: Path) -> None:
    dead, missing = tmp_path / "dead", tmp_path / "missing"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(dead))

    with pytest.raises(DaemonUnreachableError, match=rf"{dead} nor at {missing}"):
        control_client.ask([Candidate(dead), Candidate(missing)], "GET", "/status")


class Impostor(threading.Thread):
    """Answers one connection with these bytes."""

    def __init__(self, path: Path, answer: bytes) -> None:
        super().__init__()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._answer = answer

    def run(self) -> None:
        with self._listener, self._listener.accept()[0] as connection:
            connection.recv(4096)
            connection.sendall(self._answer)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(4096)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
    ],
)
def test_who_speaks_otherwise_is_no_hostnfsd(answer: bytes, tmp_path: Path) -> None:
    impostor = Impostor(tmp_path / "s", answer)
    impostor.start()

    with pytest.raises(DaemonUnreachableError, match="is no hostnfsd"):
        control_client.ask([Candidate(tmp_path / "s")], "GET", "/status")
    impostor.join()


def test_a_daemon_that_hangs_up_is_not_running(tmp_path: Path) -> None:
    impostor = Impostor(tmp_path / "s", b"")
    impostor.start()

    with pytest.raises(DaemonUnreachableError, match="no daemon answers"):
        control_client.ask([Candidate(tmp_path / "s")], "GET", "/status")
    impostor.join()


def test_a_daemon_that_does_not_answer_is_told_apart(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()

        with pytest.raises(DaemonMuteError, match=r"does not answer within 0\.05 s") as caught:
            control_client.ask([Candidate(tmp_path / "s")], "GET", "/status", timeout_s=0.05)
    assert (caught.value.silent, caught.value.pid) == (True, os.getpid())
    assert f"kill -CONT {os.getpid()}" in (caught.value.hint or "")


def test_a_daemon_of_somebody_else_is_77_not_69(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", denied)

    with pytest.raises(NotPermittedError, match="may not speak to the daemon") as caught:
        control_client.ask([Candidate(tmp_path / "s"), Candidate(tmp_path / "t")], "GET", "/status")
    assert "sudo" in (caught.value.hint or "")


@pytest.mark.parametrize("command", ["status", "ports"])
def test_a_status_nobody_understands_names_both_versions(
    command: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = json.dumps({**to_json(snapshot()), "version": "9.0", "schema": 2}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    impostor = Impostor(config.parent / "c.sock", head + body)
    impostor.start()

    assert main(["--config", str(config), command]) == 69
    assert "the daemon, hostnfsd 9.0, speaks of things" in capsys.readouterr().err
    impostor.join()


@pytest.mark.parametrize("heavy", ["pydantic", "aiohttp", "asyncssh", "asyncio", "http.client"])
def test_the_commands_import_nothing_heavy_before_they_run(heavy: str) -> None:
    code = (
        "import sys; from hostnfsd.cli import status, ports, reload, reconnect;"
        f" sys.exit({heavy!r} in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
