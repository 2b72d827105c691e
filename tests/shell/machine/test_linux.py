from pathlib import Path

import pytest

from hostnfsd.exports.system import ServerState, System, Volume
from hostnfsd.machine.linux import Linux


def test_it_is_such_a_system() -> None:
    here: System = Linux(None)

    assert here.remembered_volumes() == ()
    assert here.server_reads("/root")


def test_a_path_is_on_a_file_system() -> None:
    volume = Linux(None).volume("/proc/self")

    assert volume == Volume("/proc", None, "proc")


@pytest.mark.parametrize(
    ("threads", "state"),
    [
        ("8\n", ServerState.RUNNING),
        ("0\n", ServerState.STOPPED),
        ("?", ServerState.UNKNOWN),
        (None, ServerState.UNKNOWN),
    ],
)
def test_the_kernels_server(threads: str | None, state: ServerState, tmp_path: Path) -> None:
    file = tmp_path / "threads"
    if threads is not None:
        file.write_text(threads)

    assert Linux(None, threads=file).server_state() is state
