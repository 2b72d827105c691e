"""The commands as they are typed, as far as no service manager is needed."""

import os
import plistlib
import pwd
import sys
from pathlib import Path

import pytest

from hostnfsd.cli.main import main
from hostnfsd.errors import Exit
from hostnfsd.install import systemd

# Named by the module that asks: it is imported before the platform is another one, and so are the
# libraries it brings along, which ask as well.
PLATFORM = "hostnfsd.cli.service_plan.sys.platform"
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a configuration, and an environment without opinions."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HOSTNFSD_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / ".config" / "hostnfsd" / "hostnfsd.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[gateway.dev-gw]\n[tunnel]\ndrain_timeout_s = 25\n")
    monkeypatch.setattr(PLATFORM, "linux")
    monkeypatch.setattr(sys, "argv", ["/somewhere/hostnfsd/__main__.py"])
    return tmp_path


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def exec_start(capsys: Captured) -> str:
    (line,) = (x for x in capsys.readouterr().out.splitlines() if "ExecStart=" in x)
    return line.strip()


def test_dry_run_prints_the_plan_and_touches_nothing(home: Path, capsys: Captured) -> None:
    before = files_below(home)
    assert main(["install", "--dry-run"]) == Exit.OK
    shown = capsys.readouterr().out
    assert f"write {home}/.config/systemd/user/hostnfsd.service (mode 0644)\n" in shown
    # The drain of the configuration, and ten seconds.
    assert "    TimeoutStopSec=35\n" in shown
    assert files_below(home) == before


def test_the_service_is_told_the_file_that_was_checked(home: Path, capsys: Captured) -> None:
    assert main(["install", "--dry-run"]) == Exit.OK
    assert exec_start(capsys) == (
        f"ExecStart={sys.executable} -P -m hostnfsd"
        f" --config {home}/.config/hostnfsd/hostnfsd.toml run"
    )


def test_a_relative_configuration_becomes_absolute(
    home: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    (home / "here.toml").write_text("[gateway.dev-gw]\n")
    assert main(["--config", "here.toml", "install", "--dry-run"]) == Exit.OK
    assert exec_start(capsys).endswith(f" --config {home}/here.toml run")


def test_the_services_environment_need_not_name_the_configuration(
    home: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "elsewhere.toml").write_text("[gateway.dev-gw]\n")
    monkeypatch.setenv("HOSTNFSD_CONFIG", str(home / "elsewhere.toml"))
    assert main(["install", "--dry-run"]) == Exit.OK
    assert exec_start(capsys).endswith(f" --config {home}/elsewhere.toml run")


def test_a_console_script_is_used_by_the_link_it_was_called_by(
    home: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Homebrew and pipx let this link point to the new version after an upgrade.
    target = home / "versions" / "1.0" / "hostnfsd"
    target.parent.mkdir(parents=True)
    target.write_text("#!/bin/sh\n")
    target.chmod(0o755)
    link = home / "bin" / "hostnfsd"
    link.parent.mkdir()
    link.symlink_to(target)
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "argv", ["bin/hostnfsd"])
    assert main(["install", "--dry-run"]) == Exit.OK
    assert exec_start(capsys).startswith(f"ExecStart={link} --config ")


def test_an_invalid_configuration_is_refused_with_its_problems(
    home: Path, capsys: Captured
) -> None:
    config = home / ".config" / "hostnfsd" / "hostnfsd.toml"
    config.write_text("[gateway.dev-gw]\nprot = 22\n")
    before = files_below(home)
    assert main(["install"]) == Exit.CONFIG_INVALID
    assert f"{config}:2:" in capsys.readouterr().err
    assert files_below(home) == before


def test_without_a_configuration_there_is_nothing_to_install(home: Path) -> None:
    (home / ".config" / "hostnfsd" / "hostnfsd.toml").unlink()
    assert main(["install"]) == Exit.FILE_MISSING


def test_the_system_service_does_not_take_a_configuration_from_a_home(
    home: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "SYSTEM_CONFIG", home / "etc" / "hostnfsd.toml")
    assert main(["install", "--system", "--dry-run"]) == Exit.FILE_MISSING
    assert "install -D -m 644" in capsys.readouterr().err


def test_behind_sudo_it_must_be_said_for_whom(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "ada")
    assert main(["install"]) == Exit.USAGE
    assert "leave out sudo, or add --system" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_the_system_service_is_roots_to_change(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main([command, "--system"]) == Exit.NO_PERMISSION
    assert f"sudo hostnfsd {command} --system" in capsys.readouterr().err


def test_on_a_mac_the_plan_is_launchds(
    home: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PLATFORM, "darwin")
    assert main(["install", "--dry-run"]) == Exit.OK
    shown = capsys.readouterr().out
    assert f"write {home}/Library/LaunchAgents/io.github.hostnfsd.plist (mode 0644)\n" in shown
    plist = "\n".join(line[4:] for line in shown.splitlines() if line.startswith("    "))
    assert plistlib.loads(plist.encode())["ProgramArguments"][-2:] == ["run", "--launchd"]
    assert f"run launchctl bootstrap gui/{os.getuid()} " in shown


def test_behind_sudo_a_macs_daemon_runs_as_the_one_who_called(
    home: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PLATFORM, "darwin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "nobody")
    config = home / ".config" / "hostnfsd" / "hostnfsd.toml"
    arguments = ["--config", str(config), "install", "--system", "--dry-run"]
    assert main(arguments) == Exit.OK
    shown = capsys.readouterr().out
    files = "\n".join(line[4:] for line in shown.splitlines() if line.startswith("    "))
    plist, end, _log_rotation = files.partition("</plist>")
    loaded = plistlib.loads((plist + end).encode())
    assert loaded["UserName"] == "nobody"
    assert loaded["EnvironmentVariables"]["HOME"] == pwd.getpwnam("nobody").pw_dir


def test_another_platform_is_told_what_there_is(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PLATFORM, "freebsd14")
    assert main(["install"]) == Exit.USAGE
    assert "not on freebsd14" in capsys.readouterr().err


def test_where_no_service_manager_answers_nothing_is_left(
    home: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemctl = home / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text("#!/bin/sh\necho Failed to connect to bus >&2\nexit 1\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{systemctl.parent}:{os.environ['PATH']}")
    before = files_below(home)
    assert main(["install"]) == Exit.CANNOT_WRITE
    told = capsys.readouterr().err
    assert "`systemctl --user daemon-reload` failed with status 1: Failed to connect" in told
    assert "XDG_RUNTIME_DIR" in told
    assert files_below(home) == before
