"""``hostnfsd run`` as a process: it starts without its gateway, is the only one, and stops."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import LOOPBACK, free_port

pytestmark = pytest.mark.patient

COMMAND = [sys.executable, "-m", "hostnfsd"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "hostnfsd.toml"
    path.write_text(
        f'[gateway.gw]\nhost = "{LOOPBACK}"\nport = {free_port()}\nssh_config = "none"\n'
        f'[control]\nsocket = "{tmp_path}/c.sock"\n'
        f'[metrics]\nlisten = "{LOOPBACK}:0"\n'
        '[log]\nformat = "json"\n'
    )
    return path


def environ(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "STATE_DIRECTORY": str(folder / "state"),
    }


class Daemon:
    """A daemon whose lines are read as they come."""

    def __init__(self, config: Path) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "--config", str(config), "run"],
            stderr=subprocess.PIPE,
            text=True,
            env=environ(config.parent),
        )

    def until(self, event: str) -> dict[str, object]:
        assert self.process.stderr is not None
        seen = []
        for line in self.process.stderr:
            seen.append(line)
            entry: dict[str, object] = json.loads(line)
            if entry["event"] == event:
                return entry
        raise AssertionError(f"no {event} in {''.join(seen)}")


@pytest.fixture
def daemon(config: Path) -> Iterator[Daemon]:
    started = Daemon(config)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.communicate()


def run(config: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--config", str(config), *argv],
        capture_output=True,
        text=True,
        env=environ(config.parent),
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_without_its_gateway_and_stops_when_told(
    daemon: Daemon, number: signal.Signals
) -> None:
    assert daemon.until("daemon_started")["gateways"] == ["gw"]
    daemon.until("tunnel_blocked")
    daemon.process.send_signal(number)
    daemon.until("daemon_stopped")

    assert daemon.process.wait(30) == 0


def test_a_second_one_exits_75_and_names_the_first(daemon: Daemon, config: Path) -> None:
    daemon.until("daemon_started")
    second = run(config, "run")

    assert second.returncode == 75
    assert str(daemon.process.pid) in second.stderr
    assert run(config, "run", "--launchd").returncode == 75


@pytest.mark.parametrize(("argv", "code"), [(["run"], 78), (["run", "--launchd"], 0)])
def test_an_invalid_configuration_is_told_and_ends_it(
    config: Path, argv: list[str], code: int
) -> None:
    config.write_text("[gateway.gw]\nprot = 22\n")
    done = run(config, *argv)

    assert done.returncode == code
    assert done.stdout == ""
    assert f"{config}:2:1: error: gateway.gw.prot: " in done.stderr
