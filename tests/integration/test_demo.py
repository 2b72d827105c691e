"""``make demo`` as a stranger runs it: judged by what it prints, its status and its remains."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bed.waiting import wait_until

_ROOT = Path(__file__).parents[2]
_DEMO = (sys.executable, "-m", "tests.bed.demo")
_NO_NAMESPACES = ("setpriv", "--bounding-set", "-sys_admin,-net_admin", "--inh-caps", "-all")


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A temporary folder with a short path: control sockets may have a hundred bytes."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        yield Path(folder)


@contextmanager
def demo(
    scratch: Path, *launcher: str, **env: str
) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    """The demo with a temporary folder of its own, so that what it leaves can be seen."""
    output = scratch / "output"
    (scratch / "t").mkdir()
    with (
        output.open("wb") as sink,
        subprocess.Popen(
            [*launcher, *_DEMO],
            cwd=_ROOT,
            env={**os.environ, "ONCE": "", "TMPDIR": str(scratch / "t"), **env},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process, output
        finally:
            process.kill()


def processes_of(folder: Path) -> list[str]:
    """Command lines that name something below ``folder``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder) in line:
            found.append(line)
    return found


@pytest.mark.parametrize(
    ("launcher", "env", "says"),
    [
        ((), {}, "User Mode Linux"),
        ((), {"HOSTNFSD_CACHE": "/nonexistent"}, "libnfs in the pod takes its place"),
        (_NO_NAMESPACES, {}, "So everything shares this machine's loopback"),
    ],
    ids=["kernel", "without a kernel", "without namespaces"],
)
def test_once_it_ends_well_and_leaves_nothing(
    scratch: Path, launcher: tuple[str, ...], env: dict[str, str], says: str
) -> None:
    with demo(scratch, *launcher, ONCE="1", **env) as (process, output):
        status = process.wait(90)

    text = output.read_text()
    assert status == 0, text
    assert says in text
    assert "All of it works" in text
    assert list((scratch / "t").iterdir()) == []
    assert processes_of(scratch) == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_leaves_nothing(
    scratch: Path, number: signal.Signals, status: int
) -> None:
    with demo(scratch, HOSTNFSD_CACHE="/nonexistent") as (process, output):
        wait_until(
            lambda: "tunnel up" in output.read_text() or process.poll() is not None,
            "the demo to stand",
            timeout_s=90,
            seen=output.read_text,
        )
        process.send_signal(number)
        assert process.wait(30) == status, output.read_text()

    assert "Everything is taken down again" in output.read_text()
    assert list((scratch / "t").iterdir()) == []
    assert processes_of(scratch) == []


def test_even_a_kill_leaves_no_process(scratch: Path) -> None:
    with demo(scratch, HOSTNFSD_CACHE="/nonexistent") as (process, output):
        wait_until(lambda: "  hostnfsd  " in output.read_text(), "the bed to stand", timeout_s=90)
        assert processes_of(scratch)
        process.kill()

        wait_until(lambda: not processes_of(scratch), "the kernel to end every process")


def test_without_root_it_says_what_is_missing(scratch: Path) -> None:
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    with demo(scratch, *nobody, ONCE="1", TMPDIR="/tmp", HOME="/tmp") as (process, output):
        assert process.wait(60) == 1

    assert "network namespaces need root" in output.read_text()
    assert "The demo cannot run here" in output.read_text()
