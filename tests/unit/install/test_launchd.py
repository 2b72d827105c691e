import plistlib
import re
import shlex
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest

from hostnfsd.install.bundled import for_launchd
from hostnfsd.install.launchd import LABEL, install, uninstall
from hostnfsd.install.plan import MARK, AwaitFailure, Plan, RemoveFile, Run, WriteFile
from tests.support.deployments import MAC_ADA, PROGRAM
from tests.support.launchd_plist import faults

TEMPLATES = for_launchd()
DOMAINS = [(False, "gui"), (True, "system")]


def plist_of(plan: Plan) -> dict[str, Any]:
    (file, *_) = (action for action in plan.actions if isinstance(action, WriteFile))
    loaded: dict[str, Any] = plistlib.loads(file.content.encode())
    return loaded


def steps(plan: Plan) -> list[str]:
    return [
        " ".join(action.argv) for action in plan.actions if isinstance(action, Run | AwaitFailure)
    ]


@pytest.mark.parametrize(("system", "domain"), DOMAINS)
def test_the_property_list_holds_only_what_launchd_understands(system: bool, domain: str) -> None:
    assert (
        faults(plist_of(install(MAC_ADA, PROGRAM, TEMPLATES, system=system)), domain=domain) == []
    )


def test_the_checker_finds_what_launchd_would_ignore() -> None:
    plist = plist_of(install(MAC_ADA, PROGRAM, TEMPLATES, system=True))
    broken = plist | {
        "Umask": 77777,
        "KeepAlive": {"NetworkState": True},
        "Keepalive": True,
        "RunAtLoad": 1,
        "ProgramArguments": ["hostnfsd", "run"],
    }
    assert faults(broken, domain="gui") == [
        "KeepAlive.NetworkState",
        "Keepalive: bool",
        "ProgramArguments: no absolute program",
        "RunAtLoad: int",
        "Umask: 77777 is written in octal",
        "UserName: in the system domain only",
    ]


def test_the_agent_restarts_after_a_crash_and_not_after_a_clean_exit() -> None:
    plist = plist_of(install(MAC_ADA, PROGRAM, TEMPLATES, system=False))
    assert plist["Label"] == LABEL
    assert plist["KeepAlive"] == {"SuccessfulExit": False}
    assert plist["RunAtLoad"] is True
    assert plist["ExitTimeOut"] == 20
    assert plist["Umask"] == 0o077
    assert "UserName" not in plist


@pytest.mark.parametrize("system", [False, True])
def test_launchd_is_told_to_keep_it_and_not_to_hold_it_back(system: bool) -> None:
    program = replace(PROGRAM, drain_timeout_s=30.0)
    plist = plist_of(install(MAC_ADA, program, TEMPLATES, system=system))
    assert (plist["RunAtLoad"], plist["KeepAlive"]) == (True, {"SuccessfulExit": False})
    # launchd's own are 10 s between starts, and 20 s from SIGTERM to SIGKILL.
    assert 0 < plist["ThrottleInterval"] < 10
    assert plist["ExitTimeOut"] > program.drain_timeout_s
    # Without it launchd throttles CPU and disk of what it takes for a background job.
    assert plist["ProcessType"] == "Interactive"
    # launchd's own is 256: two descriptors for each connection that is relayed.
    assert plist["SoftResourceLimits"]["NumberOfFiles"] >= 4096
    assert plist["StandardOutPath"] == plist["StandardErrorPath"]


def test_the_daemon_is_told_its_configuration_and_that_launchd_runs_it() -> None:
    plist = plist_of(install(MAC_ADA, PROGRAM, TEMPLATES, system=False))
    assert plist["ProgramArguments"] == [
        "/opt/hostnfsd/bin/hostnfsd",
        "--config",
        "/etc/hostnfsd/hostnfsd.toml",
        "run",
        "--launchd",
    ]


def test_the_system_daemon_runs_as_the_person_who_installs() -> None:
    plan = install(MAC_ADA, PROGRAM, TEMPLATES, system=True)
    plist = plist_of(plan)
    assert plist["UserName"] == "ada"
    assert plist["EnvironmentVariables"]["HOME"] == "/Users/ada"
    assert str(plan.files[0].path) == f"/Library/LaunchDaemons/{LABEL}.plist"


def test_names_with_xml_characters_survive() -> None:
    person = replace(MAC_ADA, home=PurePosixPath("/Users/R&D <x>"))
    program = replace(PROGRAM, command=("/opt/R&D/python", "-m", "hostnfsd"))
    plist = plist_of(install(person, program, TEMPLATES, system=False))
    assert plist["ProgramArguments"][0] == "/opt/R&D/python"
    assert plist["StandardErrorPath"] == "/Users/R&D <x>/Library/Logs/hostnfsd.log"


@pytest.mark.parametrize(("system", "domain"), [(False, "gui/501"), (True, "system")])
def test_what_runs_is_booted_out_before_the_new_one_is_loaded(system: bool, domain: str) -> None:
    plan = install(MAC_ADA, PROGRAM, TEMPLATES, system=system)
    path = plan.files[0].path
    assert steps(plan) == [
        f"launchctl bootout {domain}/{LABEL}",
        f"launchctl print {domain}/{LABEL}",
        f"launchctl enable {domain}/{LABEL}",
        f"launchctl bootstrap {domain} {path}",
        f"launchctl kickstart {domain}/{LABEL}",
    ]


def test_waiting_for_the_old_one_outlasts_its_drain() -> None:
    plan = install(MAC_ADA, replace(PROGRAM, drain_timeout_s=600.0), TEMPLATES, system=False)
    (wait,) = (action for action in plan.actions if isinstance(action, AwaitFailure))
    assert wait.timeout_s > 610


@pytest.mark.parametrize("system", [False, True])
def test_uninstall_unloads_first_and_then_removes(system: bool) -> None:
    plan = uninstall(MAC_ADA, system=system)
    assert [type(action) for action in plan.actions][:3] == [Run, AwaitFailure, RemoveFile]
    assert [f.path for f in plan.files] == [
        f.path for f in install(MAC_ADA, PROGRAM, TEMPLATES, system=system).files
    ]


def test_the_file_carries_our_mark() -> None:
    assert MARK in TEMPLATES.agent
    assert MARK in TEMPLATES.daemon
    assert MARK in TEMPLATES.newsyslog


@pytest.mark.parametrize(("system", "domain"), [(False, "gui/501"), (True, "system")])
def test_it_says_what_macos_asks_of_a_person_and_how_to_signal_it(
    system: bool, domain: str
) -> None:
    notes = " ".join(install(MAC_ADA, PROGRAM, TEMPLATES, system=system).notes)
    for asked in ("local network", "Login Items", "/sbin/nfsd needs Full Disk Access"):
        assert asked in notes
    # launchctl(1): kill signal-name|signal-number service-target
    assert f"launchctl kill SIGHUP {domain}/{LABEL}" in notes


def rotation_of(plan: Plan) -> list[str]:
    """The lines of newsyslog's file; newsyslog.conf(5)."""
    return [
        line
        for action in plan.actions
        if isinstance(action, WriteFile) and action.path.match("/etc/newsyslog.d/*.conf")
        for line in action.content.splitlines()
        if not line.startswith("#")
    ]


def test_newsyslog_is_told_of_the_daemons_log() -> None:
    plan = install(MAC_ADA, PROGRAM, TEMPLATES, system=True)
    (line,) = rotation_of(plan)
    name, owner, mode, count, size, when, flags = line.split()
    assert name == plist_of(plan)["StandardErrorPath"]
    assert owner == "ada:"
    assert re.fullmatch("[0-7]{3}", mode)
    assert (count.isdigit(), size.isdigit(), when) == (True, True, "*")
    # Nobody is signalled: there is no file with our process number, and none is needed.
    assert set(flags) == {"N", "J"}


def test_an_agent_may_not_write_there_and_tells_what_does() -> None:
    plan = install(MAC_ADA, PROGRAM, TEMPLATES, system=False)
    assert rotation_of(plan) == []
    (command,) = (note for note in plan.notes if "tee" in note)
    words = shlex.split(command)
    assert len(words[1].split()) == 7
    assert words[1].split()[0] == plist_of(plan)["StandardErrorPath"]


def test_a_path_that_newsyslog_cannot_be_told_is_not() -> None:
    spaced = replace(MAC_ADA, home=PurePosixPath("/Users/ada l"))
    for system in (False, True):
        plan = install(spaced, PROGRAM, TEMPLATES, system=system)
        assert rotation_of(plan) == []
        assert [note for note in plan.notes if "newsyslog" in note] == []
