"""The command as it is typed; where it asks a daemon, a control socket answers."""

import asyncio
import json
import shlex
from pathlib import Path

import pytest

from hostnfsd.cli.main import main
from hostnfsd.daemon.control import Control
from hostnfsd.errors import Exit
from tests.support import snapshots
from tests.support.fake_face import FakeFace

Captured = pytest.CaptureFixture[str]
ONE = '[gateway.dev-gw]\nclient_address = "172.22.0.12"\n'
UNKNOWN_ADDRESS = "[gateway.dev-gw]\n[services]\nnfs = 12049\n"


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration and no daemon but those of the test."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    for name in ("HOSTNFSD_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "hostnfsd.toml"
    path.write_text(ONE)
    return path


@pytest.fixture
def unknown_address(tmp_path: Path) -> Path:
    path = tmp_path / "hostnfsd.toml"
    path.write_text(UNKNOWN_ADDRESS)
    return path


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    """Where a daemon of this user listens."""
    folder = tmp_path / "run" / "hostnfsd"
    folder.mkdir(parents=True)
    return folder / "control.sock"


def mount(config: Path, *arguments: str) -> int:
    return main(["--config", str(config), "mount", *arguments])


def mount_words(capsys: Captured) -> list[str]:
    (line,) = (x for x in capsys.readouterr().out.splitlines() if x.startswith("mount "))
    return shlex.split(line)


def test_with_a_client_address_no_daemon_is_needed(config: Path, capsys: Captured) -> None:
    assert mount(config, "--for", "linux", "/Users/ada/my docs") == Exit.OK
    words = mount_words(capsys)
    assert words[5:] == ["172.22.0.12:/Users/ada/my docs", "/mnt/my docs"]
    assert "port=2049" in words[4].split(",")


def test_json_carries_the_schema(config: Path, capsys: Captured) -> None:
    assert mount(config, "--for", "linux", "/x", "--json") == Exit.OK
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["source"]) == (1, "172.22.0.12:/x")


def test_a_gateway_is_named_where_there_are_several(config: Path, capsys: Captured) -> None:
    config.write_text(ONE + '[gateway.other]\nclient_address = "gw2"\nservices.nfs = 3049\n')
    assert mount(config, "--for", "linux", "/x") == Exit.USAGE
    assert "(allowed: dev-gw, other)" in capsys.readouterr().err
    assert mount(config, "--for", "linux", "/x", "--gateway", "nope") == Exit.USAGE
    assert "(allowed: dev-gw, other)" in capsys.readouterr().err
    assert mount(config, "--for", "linux", "/x", "--gateway", "other") == Exit.OK
    words = mount_words(capsys)
    assert words[5] == "gw2:/x"
    assert "port=3049" in words[4].split(",")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--for", "linux"], "PATH is missing"),
        (["--for", "linux", "studio"], "absolute path"),
        (["--for", "pod", "/x"], "--for pod is not built yet (allowed: linux)"),
        (["--for", "toaster", "/x"], "(allowed: linux)"),
    ],
)
def test_a_wrong_command_line_says_what_is_allowed(
    config: Path, capsys: Captured, arguments: list[str], told: str
) -> None:
    assert mount(config, *arguments) == Exit.USAGE
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""


def test_without_address_and_daemon_the_key_to_set_is_named(config: Path, capsys: Captured) -> None:
    config.write_text(UNKNOWN_ADDRESS)
    assert mount(config, "--for", "linux", "/x") == Exit.DAEMON_NOT_RUNNING
    told = capsys.readouterr().err
    assert 'set client_address = "…" under [gateway.dev-gw]' in told


@pytest.mark.parametrize(
    ("known", "status"), [(("172.22.0.9",), Exit.OK), ((), Exit.DAEMON_NOT_RUNNING)]
)
async def test_the_daemon_is_asked_for_an_address_that_is_not_configured(
    unknown_address: Path, socket: Path, capsys: Captured, known: tuple[str, ...], status: Exit
) -> None:
    view = snapshots.gateway("dev-gw", client_address=known)
    control = Control(FakeFace(snapshots.snapshot(view)))
    await control.start(socket)
    try:
        assert await asyncio.to_thread(mount, unknown_address, "--for", "linux", "/x") == status
    finally:
        await control.stop()
    if status is Exit.OK:
        words = mount_words(capsys)
        assert words[5] == "172.22.0.9:/x"
        assert "port=12049" in words[4].split(",")
    else:
        assert "the daemon does not know" in capsys.readouterr().err
