"""The survey command, run by real shells as a gateway's login would."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostnfsd.snapshot import Family
from hostnfsd.tunnel.gateway import SURVEY_COMMAND, read_survey
from tests.support.ports import LOOPBACK

SESSION = "10.0.0.9 40000 10.0.0.7 22"
SHELLS = ["sh", "bash"]


def run(shell: str, command: str, **environ: str) -> str:
    done = subprocess.run(
        [f"/bin/{shell}", "-c", command],
        env={"SSH_CONNECTION": SESSION, "PATH": os.environ["PATH"]} | environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("shell", SHELLS)
def test_this_machine_is_surveyed(shell: str, taken_port: int) -> None:
    survey = read_survey(run(shell, SURVEY_COMMAND))

    assert survey.uid == os.getuid()
    assert survey.session_address == "10.0.0.7"
    assert survey.owns(LOOPBACK)
    assert survey.listeners is not None
    assert (Family.IPV4, taken_port) in survey.listeners


@pytest.mark.parametrize("shell", SHELLS)
def test_a_gateway_without_programs_still_tells_what_the_shell_knows(
    shell: str, tmp_path: Path
) -> None:
    survey = read_survey(run(shell, SURVEY_COMMAND, PATH=str(tmp_path)))

    assert survey.uid is None
    assert survey.addresses == ()
    assert survey.session_address == "10.0.0.7"


NEEDED = ("cat", "grep", "id")


def only(folder: Path, *names: str, of: str | None = None) -> str:
    """A search path with these programs alone, all of them busybox's if ``of`` says so."""
    for name in (*NEEDED, *names):
        found = shutil.which(of or name, path="/usr/sbin:/usr/bin:/sbin:/bin")
        assert found is not None, f"{of or name} is missing: packaging/install-test-packages.sh"
        (folder / name).symlink_to(found)
    return str(folder)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("programs", [("ifconfig",), ()], ids=["ifconfig", "proc"])
def test_the_networks_are_found_without_ip(
    shell: str, programs: tuple[str, ...], tmp_path: Path
) -> None:
    survey = read_survey(run(shell, SURVEY_COMMAND, PATH=only(tmp_path, *programs)))

    whole = read_survey(run(shell, SURVEY_COMMAND))
    assert whole.networks
    assert set(survey.networks) == set(whole.networks)
    assert set(survey.addresses) == set(whole.addresses)


@pytest.mark.parametrize("programs", [("ip",), ("ifconfig",), ()], ids=["ip", "ifconfig", "proc"])
def test_a_busybox_tells_its_networks(programs: tuple[str, ...], tmp_path: Path) -> None:
    path = only(tmp_path, *programs, of="busybox")
    done = subprocess.run(
        [str(tmp_path / "sh"), "-c", SURVEY_COMMAND],
        executable=shutil.which("busybox"),
        env={"SSH_CONNECTION": SESSION, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    survey, whole = read_survey(done.stdout), read_survey(run("sh", SURVEY_COMMAND))

    assert survey.uid == os.getuid()
    assert set(survey.networks) == set(whole.networks)
    assert set(survey.addresses) == set(whole.addresses)


@pytest.mark.parametrize("shell", SHELLS)
def test_without_proc_only_the_reasons_are_missing(shell: str) -> None:
    survey = read_survey(run(shell, SURVEY_COMMAND.replace("/proc/", "/there/is/none/")))

    assert survey.uid == os.getuid()
    assert survey.listeners is None
    assert survey.lowest_port == (1 if os.getuid() == 0 else 1024)
