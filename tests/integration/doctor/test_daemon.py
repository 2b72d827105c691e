"""What is wrong with the daemon, the program and the file they run by: named, and cured."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

import hostnfsd
from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.daemon import Daemon
from tests.integration.doctor.faults import PLAIN, ask, nothing_left, well

#: What root may do is left out of the rights of one who asks: files of others are not his.
NO_OVERRIDE = "-dac_override,-dac_read_search"


SSH_CONFIG = "/etc/ssh/ssh_config"


@pytest.fixture(scope="module")
def shared() -> Iterator[Bed]:
    with Bed(BedOptions(host_files=(SSH_CONFIG,))) as bed:
        yield bed


@pytest.fixture
def daemon(shared: Bed) -> Iterator[Daemon]:
    made = shared.daemon(PLAIN)
    try:
        made.await_ready()
        yield made
    finally:
        made.close()


@contextmanager
def with_library(daemon: Daemon, folder: Path) -> Iterator[None]:
    """What runs meanwhile finds its modules in this folder first."""
    with pytest.MonkeyPatch.context() as patch:
        plain = daemon._environment()
        patch.setattr(daemon, "_environment", lambda: {**plain, "PYTHONPATH": str(folder)})
        yield


def changed_copy(package: str, folder: Path, *changes: tuple[str, str, str]) -> Path:
    """A folder with a copy of a package in which texts are others: file, old, new."""
    copy = folder / Path(package).parent.name
    shutil.copytree(Path(package).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file, old, new in changes:
        text = (copy / file).read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old}"
        (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    return folder


@pytest.mark.produces("daemon-not-running")
def test_where_none_runs_nobody_keeps_the_tunnel(shared: Bed) -> None:
    daemon = shared.daemon(PLAIN, start=False)
    report = ask(daemon)

    row = report.row("daemon-not-running")
    assert row["outcome"] == "WARN"
    assert report.commands("daemon-not-running") == ["hostnfsd install"]
    assert report.status == 0, "what was tried without one is well"
    # What the installed service does; test_doctor_of_a_service.py installs one.
    daemon.start()
    try:
        daemon.await_ready()
        report = ask(daemon)
        well(report)
        assert "daemon-not-running" not in {c["code"] for c in report.checks}
    finally:
        daemon.close()
    nothing_left(shared)


@pytest.mark.produces("daemon-mute")
def test_one_that_was_stopped_goes_on_when_it_is_told_to(shared: Bed, daemon: Daemon) -> None:
    """As by Ctrl-Z. It is no daemon that does not run: its session has the ports."""
    daemon.process.freeze()
    report = ask(daemon)

    row = report.row("daemon-mute")
    assert row["outcome"] == "FAIL"
    assert "was stopped" in row["text"]
    assert report.codes() == {"daemon-mute"}, "nobody else is blamed for the ports"
    (command,) = report.commands("daemon-mute")
    shared.network.host.run("sh", "-c", command)
    daemon.process.wake_launcher()
    daemon.await_ready()
    well(ask(daemon))


@pytest.mark.produces("daemon-mute")
def test_one_of_another_user_is_told_and_asked_with_more_rights(
    shared: Bed, daemon: Daemon
) -> None:
    socket = daemon.config["control"]["socket"]
    shared.network.host.run("chown", "65534:65534", socket)
    with pytest.MonkeyPatch.context() as patch:
        words = daemon._command("doctor", "--json")
        confined = ("setpriv", "--bounding-set", NO_OVERRIDE, "--inh-caps", NO_OVERRIDE, *words)
        patch.setattr(daemon, "_command", lambda *_: confined)
        report = ask(daemon)

    assert report.codes() == {"daemon-mute"}
    assert report.row("daemon-mute")["outcome"] == "WARN"
    (command,) = report.commands("daemon-mute")
    assert command == "sudo hostnfsd doctor"
    well(ask(daemon))  # as root, which sudo would make of it


@pytest.mark.produces("version-skew")
@pytest.mark.parametrize(
    ("change", "check"),
    [
        (("__init__.py", '__version__ = "', '__version__ = "9.'), "versions"),
        # A document of a later schema is not understood at all.
        (("status_document.py", "SCHEMA: Final = 1", "SCHEMA: Final = 2"), "daemon"),
    ],
)
def test_one_of_another_version_is_restarted(
    shared: Bed, tmp_path: Path, change: tuple[str, str, str], check: str
) -> None:
    daemon = shared.daemon(PLAIN, start=False)
    with with_library(daemon, changed_copy(hostnfsd.__file__, tmp_path, change)):
        daemon.start()
    try:
        daemon.await_log("tunnel_up")
        report = ask(daemon)

        assert report.codes() == {"version-skew"}
        row = report.row("version-skew")
        assert (row["check"], row["outcome"]) == (check, "WARN")
        told, command = row["cure"]
        assert "start it as it was started" in told
        assert command == "$ hostnfsd run"
        daemon.restart()
        daemon.await_ready()
        well(ask(daemon))
    finally:
        daemon.close()


@pytest.mark.produces("service-not-serving")
def test_what_a_later_daemon_says_in_other_words_is_shown_as_it_says_it(
    shared: Bed, tmp_path: Path
) -> None:
    daemon = shared.daemon(PLAIN, start=False)
    changes = (
        ("__init__.py", '__version__ = "', '__version__ = "9.'),
        ("tunnel/forward.py", "is already taken on the gateway", "is somebody's"),
    )
    with with_library(daemon, changed_copy(hostnfsd.__file__, tmp_path, *changes)):
        daemon.start()
    try:
        with shared.squatter(2049, "0.0.0.0", "::"):
            daemon.await_service("nfs", "refused")
            report = ask(daemon)

            assert report.codes() == {"version-skew", "service-not-serving"}, report.describe()
            row = report.row("service-not-serving")
            assert row["outcome"] == "FAIL"
            assert "is somebody's" in row["text"]
            # The daemon's own cure is shown with it; here it is done by the end of the squatter.
            assert any("ss -ltnp 'sport = :2049'" in step for step in row["cure"])
        daemon.restart()
        daemon.await_ready()
        well(ask(daemon))
    finally:
        daemon.close()


@pytest.mark.produces("asyncssh-differs")
def test_a_library_whose_seams_have_moved_is_told(shared: Bed, tmp_path: Path) -> None:
    """As a later version of asyncssh may: the cure is hostnfsd with its own."""
    moved = ("connection.py", "_make_keepalive_request", "_ask_for_a_sign_of_life")
    doctor = shared.daemon(PLAIN, start=False)
    with with_library(doctor, changed_copy(asyncssh.__file__, tmp_path, moved)):
        report = ask(doctor)

    row = report.row("asyncssh-differs")
    assert report.codes() == {"asyncssh-differs"}
    assert row["outcome"] == "WARN"
    assert "_make_keepalive_request" in row["text"]
    assert "an environment of its own" in row["cure"][0]
    well(ask(doctor))


@pytest.mark.produces("config-missing")
def test_without_a_configuration_init_writes_one(shared: Bed) -> None:
    shared.host_file(SSH_CONFIG).write_text(
        f"Host {network.GATEWAY_NAME}\n  HostName {network.GATEWAY_SSH}\n  User admin\n"
        f"  IdentityFile {shared.key}\n  UserKnownHostsFile {shared.known_hosts}\n"
    )
    nobody = shared.daemon(PLAIN, start=False)
    home = nobody.folder / "home"
    home.mkdir()
    program = nobody._command()[:3]
    environment = {**nobody._environment(), "HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nobody, "_command", lambda *words: (*program, *words))
        patch.setattr(nobody, "_environment", lambda: environment)
        report = ask(nobody)

        row = report.row("config-missing")
        assert row["outcome"] == "FAIL"
        assert str(home) in row["text"], "it says where it looked"
        # Ganesha has no exports file, and nobody has told that yet.
        assert report.codes() <= {"config-missing", "exports-missing"}
        assert any(c["check"] == "service" and c["outcome"] == "PASS" for c in report.checks)
        (command,) = report.commands("config-missing")
        assert command == "hostnfsd init"
        nobody.command(*command.split()[1:], "--yes", check=True)
        well(ask(nobody))
