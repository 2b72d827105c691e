"""What is said of the daemon, asked of real processes and files."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from hostnfsd import __version__
from hostnfsd.config.reader import parse
from hostnfsd.doctor import daemon_checks, engine
from hostnfsd.doctor.daemon_verdict import Mute, Why
from hostnfsd.doctor.finding import Finding, Outcome
from hostnfsd.doctor.scene import Scene
from tests.support.snapshots import snapshot


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scene:
    """A Linux machine with nothing installed."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    config = parse(b"[gateway.gw]", "/x").config
    assert config is not None
    return Scene(config, "/x", platform="linux")


async def found(scene: Scene, *, usable: bool = True) -> dict[str, Finding]:
    checks = daemon_checks.checks(scene, "This machine", usable=usable)
    async with aclosing(engine.run(checks)) as rows:
        return {row.check.id.name: row.findings[0] async for row in rows}


async def test_one_that_answers(scene: Scene) -> None:
    scene.snapshot = snapshot(version=__version__)
    told = await found(scene)

    assert {finding.outcome for finding in told.values()} == {Outcome.PASS}
    assert "process 4242" in told["daemon"].text
    assert told["versions"].text.endswith("the daemon too")


async def test_one_of_another_version_is_restarted_as_it_was_started(scene: Scene) -> None:
    scene.snapshot = replace(snapshot(version="0.0.9"), pid=os.getpid())
    told = await found(scene)

    assert (told["versions"].outcome, told["versions"].code) == (Outcome.WARN, "version-skew")
    assert told["versions"].commands == ("hostnfsd run",), "this process is no service"
    assert "0.0.9" in told["versions"].text


async def test_one_whose_words_are_not_known_is_of_another_version(scene: Scene) -> None:
    scene.mute = Mute("it speaks of things", Why.DIFFERS)
    told = await found(scene)

    assert (told["daemon"].outcome, told["daemon"].code) == (Outcome.WARN, "version-skew")
    assert told["versions"].outcome is Outcome.PASS


async def test_without_one_it_says_so(scene: Scene) -> None:
    told = await found(scene)

    assert told["daemon"].code == "daemon-not-running"
    assert told["daemon"].commands == ("hostnfsd install",)
    assert (await found(scene, usable=False))["daemon"].outcome is Outcome.SKIP


@pytest.mark.parametrize("given", [True, False])
async def test_an_installed_one_is_started(
    scene: Scene, given: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("elsewhere" if given else ".config")
    if given:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    unit = folder / "systemd/user/hostnfsd.service"
    unit.parent.mkdir(parents=True)
    unit.touch()

    assert (await found(scene))["daemon"].commands == ("systemctl --user start hostnfsd",)


async def test_a_mac_tells_by_its_files_which_service_it_is(scene: Scene, tmp_path: Path) -> None:
    plist = tmp_path / "Library/LaunchAgents/io.github.hostnfsd.plist"
    plist.parent.mkdir(parents=True)
    plist.touch()
    scene.platform = "darwin"
    scene.snapshot = snapshot(version="0.0.9")

    (command,) = (await found(scene))["versions"].commands
    assert command == "launchctl kickstart -k gui/$(id -u)/io.github.hostnfsd"


@pytest.fixture
def stopped() -> Iterator[int]:
    """The number of a process that has stopped itself."""
    script = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"
    with subprocess.Popen([sys.executable, "-c", script]) as process:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        yield process.pid
        process.kill()


async def test_one_that_was_stopped_goes_on_one_that_hangs_is_ended(
    scene: Scene, stopped: int
) -> None:
    scene.mute = Mute("it does not answer", Why.SILENT, os.getpid())
    assert (await found(scene))["daemon"].commands == (f"kill -ABRT {os.getpid()}",)

    scene.mute = Mute("it does not answer", Why.SILENT, stopped)
    told = await found(scene)
    assert (told["daemon"].outcome, told["daemon"].code) == (Outcome.FAIL, "daemon-mute")
    assert told["daemon"].commands == (f"kill -CONT {stopped}",)
