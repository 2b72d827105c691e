"""The watchdog of our own: a loop that hangs is ended with its stack in the log, no other one."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostnfsd.daemon.watchdog import Watchdog, watching
from tests.bed.waiting import wait_until
from tests.support.ports import LOOPBACK, free_port

pytestmark = pytest.mark.patient

#: The daemon itself, in a hurry; SIGUSR1 makes its loop hang.
HANGING = """
import signal, sys, time
from hostnfsd.daemon import watchdog

watchdog.ROUND_S = 0.2
made = watchdog.Watchdog
watchdog.Watchdog = lambda: made(round_s=0.2)

def a_file_system_that_hangs(*_):
    time.sleep(60)

signal.signal(signal.SIGUSR1, a_file_system_that_hangs)
from hostnfsd.cli.main import entry
entry()
"""


class Hurried:
    """A daemon whose watchdog gives a loop 1.2 s."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        config = folder / "hostnfsd.toml"
        self.log = folder / "hostnfsd.log"
        config.write_text(
            f'[gateway.gw]\nhost = "{LOOPBACK}"\nport = {free_port()}\nssh_config = "none"\n'
            f'[control]\nsocket = "{folder}/c.sock"\n[metrics]\nlisten = "{LOOPBACK}:0"\n'
            f'[log]\nfile = "{self.log}"\n'
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", HANGING, "--config", str(config), "run"],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "STATE_DIRECTORY": str(folder / "state"),
                **environ,
            },
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: self.told("endpoints_listening"), "the daemon to be up", timeout_s=20)

    def told(self, event: str) -> bool:
        return self.log.exists() and event in self.log.read_text()


@pytest.fixture
def hurried(tmp_path: Path) -> Iterator[Hurried]:
    daemon = Hurried(tmp_path, {})
    yield daemon
    daemon.process.kill()
    daemon.process.wait()


def test_a_daemon_that_hangs_ends_and_tells_where_it_hung(hurried: Hurried) -> None:
    hurried.process.send_signal(signal.SIGUSR1)
    assert hurried.process.wait(20) == -signal.SIGABRT
    text = hurried.log.read_text()
    assert '"event": "loop_hung"' in text
    assert "Fatal Python error: Aborted" in text
    assert "a_file_system_that_hangs" in text


def test_a_process_that_was_stopped_goes_on(hurried: Hurried) -> None:
    """As after a sleep: the clock has moved on, and nobody has hung."""
    hurried.process.send_signal(signal.SIGSTOP)
    # More than its patience passes, by any clock.
    done = threading.Event()
    done.wait(2.5)
    hurried.process.send_signal(signal.SIGCONT)
    hurried.process.send_signal(signal.SIGHUP)
    wait_until(lambda: hurried.told("config_reloaded"), "the loop to go on")
    hurried.process.terminate()
    assert hurried.process.wait(20) == 0
    assert not hurried.told("loop_hung")


def test_where_systemd_watches_ours_does_not(tmp_path: Path) -> None:
    daemon = Hurried(tmp_path, {"WATCHDOG_USEC": "600000000"})
    try:
        daemon.process.send_signal(signal.SIGUSR1)
        with pytest.raises(subprocess.TimeoutExpired):
            daemon.process.wait(2.5)
        # What systemd's would send leaves the stacks in the log all the same.
        daemon.process.send_signal(signal.SIGABRT)
        assert daemon.process.wait(20) == -signal.SIGABRT
        assert "a_file_system_that_hangs" in daemon.log.read_text()
    finally:
        daemon.process.kill()
        daemon.process.wait()


def test_patience_ends_after_so_many_rounds_without_a_sign_of_life() -> None:
    told: list[float] = []
    watchdog = Watchdog(round_s=5, patience=3, end=told.append)
    for fed in (True, False, False, True, False, True, False, False):
        if fed:
            watchdog.feed()
        watchdog.look()
    assert told == []
    watchdog.look()
    assert told == [15]
    # Told once: the end is under way.
    watchdog.look()
    assert told == [15]


async def test_a_silent_loop_is_found_by_the_thread() -> None:
    ended = threading.Event()
    watchdog = Watchdog(round_s=0.01, patience=5, end=lambda _s: ended.set())
    watchdog.start()
    assert ended.wait(10)
    watchdog.stop()


async def test_it_ends_with_its_block() -> None:
    before = threading.active_count()
    with watching(asyncio.get_running_loop(), Watchdog(round_s=0.01, end=lambda _s: None)):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
