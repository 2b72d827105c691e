import configparser
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from hostnfsd.daemon.exports.apply import WITHIN_S
from hostnfsd.errors import Exit
from hostnfsd.exports import applying
from hostnfsd.exports.model import Dialect
from hostnfsd.install.bundled import for_systemd
from hostnfsd.install.plan import MARK, Plan, RemoveFile, Run, WriteFile
from hostnfsd.install.systemd import install, uninstall
from tests.support.deployments import ADA, PROGRAM

TEMPLATES = for_systemd()
CANNOT_BE_CURED_BY_A_RESTART = {
    Exit.USAGE,
    Exit.FILE_MISSING,
    Exit.NO_PERMISSION,
    Exit.CONFIG_INVALID,
}


def written(plan: Plan) -> dict[str, str]:
    return {str(a.path): a.content for a in plan.actions if isinstance(a, WriteFile)}


def commands(plan: Plan) -> list[str]:
    return [" ".join(action.argv) for action in plan.actions if isinstance(action, Run)]


def unit_of(plan: Plan) -> configparser.ConfigParser:
    (text,) = (text for path, text in written(plan).items() if path.endswith("/hostnfsd.service"))
    return parsed(text)


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # systemd's keys have capitals
    parser.read_string(text)
    return parser


def test_user_unit_is_written_loaded_enabled_and_started() -> None:
    plan = install(ADA, PROGRAM, TEMPLATES, system=False)
    assert list(written(plan)) == ["/home/ada/.config/systemd/user/hostnfsd.service"]
    assert commands(plan) == [
        "systemctl --user daemon-reload",
        "systemctl --user enable hostnfsd.service",
        "systemctl --user restart hostnfsd.service",
    ]
    assert any("loginctl enable-linger ada" in note for note in plan.notes)


def test_system_unit_gets_an_account_of_its_own_first() -> None:
    plan = install(ADA, PROGRAM, TEMPLATES, system=True)
    assert list(written(plan)) == [
        "/etc/sysusers.d/hostnfsd.conf",
        "/etc/systemd/system/hostnfsd.service",
        "/etc/systemd/system/hostnfsd-exports.path",
        "/etc/systemd/system/hostnfsd-exports.service",
    ]
    assert commands(plan) == [
        "systemd-sysusers /etc/sysusers.d/hostnfsd.conf",
        "systemctl daemon-reload",
        "systemctl enable hostnfsd.service",
        "systemctl restart hostnfsd.service",
    ]
    unit = unit_of(plan)
    assert unit["Service"]["User"] == "hostnfsd"
    # asyncssh asks $HOME, ssh asks the account: both must say the same.
    assert "HOME=/var/lib/hostnfsd" in unit["Service"]["Environment"].split()
    assert "/var/lib/hostnfsd" in TEMPLATES.account
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_a_unit_that_may_tells_the_server_when_the_daemon_asks() -> None:
    files = written(install(ADA, PROGRAM, TEMPLATES, system=True))
    path = parsed(files["/etc/systemd/system/hostnfsd-exports.path"])
    told = parsed(files["/etc/systemd/system/hostnfsd-exports.service"])["Service"]
    daemon = parsed(files["/etc/systemd/system/hostnfsd.service"])

    # It comes and goes with the daemon: nothing is to be enabled.
    assert daemon["Unit"]["Wants"] == "hostnfsd-exports.path"
    assert path["Unit"]["PartOf"] == "hostnfsd.service"
    assert "Install" not in path
    # Both sides mean the same files.
    assert path["Path"]["PathExists"] == str(applying.REQUEST)
    assert told["ExecStartPre"] == f"/bin/rm -f {applying.ANSWER} {applying.REQUEST}"
    assert told["WorkingDirectory"] == str(applying.ANSWER.parent)
    assert " ".join(applying.COMMANDS[Dialect.LINUX]) in told["ExecStart"]
    assert f"/run/{daemon['Service']['RuntimeDirectory']}" == str(applying.RUNTIME)
    # Where the daemon would believe in an answer, nobody but root writes.
    assert told["RuntimeDirectory"] == applying.ANSWER.parent.name
    assert "User" not in told
    # It is given up before the daemon gives it up.
    assert int(told["TimeoutStartSec"]) < WITHIN_S


@pytest.mark.parametrize("system", [False, True])
def test_the_unit_runs_the_daemon_and_knows_its_exit_codes(system: bool) -> None:
    service = unit_of(install(ADA, PROGRAM, TEMPLATES, system=system))["Service"]
    assert (
        service["ExecStart"]
        == "/opt/hostnfsd/bin/hostnfsd --config /etc/hostnfsd/hostnfsd.toml run"
    )
    assert service["Type"] == "notify"
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["Restart"] == "on-failure"
    assert (
        set(map(int, service["RestartPreventExitStatus"].split())) == CANNOT_BE_CURED_BY_A_RESTART
    )
    assert int(service["WatchdogSec"]) > 0
    # Else a ProxyCommand is ended together with the daemon that drains through it.
    assert service["KillMode"] == "mixed"


@pytest.mark.parametrize("system", [False, True])
def test_the_unit_waits_for_the_drain(system: bool) -> None:
    program = replace(PROGRAM, drain_timeout_s=45.5)
    service = unit_of(install(ADA, program, TEMPLATES, system=system))["Service"]
    assert int(service["TimeoutStopSec"]) == 56


@pytest.mark.parametrize("system", [False, True])
def test_every_file_carries_our_mark_and_the_version(system: bool) -> None:
    plan = install(ADA, PROGRAM, TEMPLATES, system=system)
    assert all(MARK in text for text in written(plan).values())
    upgraded = install(ADA, replace(PROGRAM, version="1.2.4"), TEMPLATES, system=system)
    assert written(plan) != written(upgraded)


@pytest.mark.parametrize(
    ("command", "config", "needs", "expected"),
    [
        ("/opt/h/bin/hostnfsd", "/etc/h.toml", (), "yes"),
        ("/home/ada/.local/bin/hostnfsd", "/etc/h.toml", (), "read-only"),
        ("/opt/h/bin/hostnfsd", "/root/h.toml", (), "read-only"),
        ("/opt/h/bin/hostnfsd", "/etc/h.toml", ("/root/.pyenv/lib",), "read-only"),
        ("/homestead/hostnfsd", "/etc/h.toml", (), "yes"),
    ],
)
def test_homes_are_hidden_unless_the_program_lives_in_one(
    command: str, config: str, needs: tuple[str, ...], expected: str
) -> None:
    program = replace(
        PROGRAM,
        command=(command,),
        config=PurePosixPath(config),
        needs=tuple(map(PurePosixPath, needs)),
    )
    service = unit_of(install(ADA, program, TEMPLATES, system=True))["Service"]
    assert service["ProtectHome"] == expected


@pytest.mark.parametrize("system", [False, True])
def test_uninstall_removes_what_install_wrote(system: bool) -> None:
    removed = uninstall(ADA, system=system)
    assert {a.path for a in removed.files} == {
        a.path for a in install(ADA, PROGRAM, TEMPLATES, system=system).files
    }
    steps = [a.argv[-2] if isinstance(a, Run) else "remove" for a in removed.actions]
    # disable finds its links by the unit file, so the file goes after it.
    assert steps.index("disable") < steps.index("remove")


@pytest.mark.parametrize("system", [False, True])
def test_a_failed_first_installation_is_undone_as_an_uninstallation(system: bool) -> None:
    plan = install(ADA, PROGRAM, TEMPLATES, system=system)
    assert plan.undo == uninstall(ADA, system=system).actions
    assert any(isinstance(action, RemoveFile) for action in plan.undo)


def test_only_what_was_kept_is_told_on_uninstall() -> None:
    assert "/var/lib/hostnfsd" in " ".join(uninstall(ADA, system=True).notes)
    (note,) = uninstall(ADA, system=False).notes
    assert f"{ADA.home}/.local/state/hostnfsd" in note
