"""The plan of ``install`` and ``uninstall`` for this machine, person and program."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import hostnfsd
from hostnfsd.cli.load import Loaded, load
from hostnfsd.errors import FileMissingError, NotPermittedError, UsageError
from hostnfsd.install import launchd, systemd
from hostnfsd.install.bundled import for_launchd, for_systemd
from hostnfsd.install.plan import Person, Plan, Program

_NOBODY = 65534
_TRIAL_TIMEOUT_S = 30.0


def install_plan(config: str | None, *, system: bool) -> tuple[Plan, Loaded]:
    """Read the configuration and decide what to install.

    Args:
        config: the path given with ``--config``, or None.
        system: for the whole machine instead of for the caller.

    Raises:
        UsageError: this platform has no service manager we know.
        FileMissingError: there is no configuration.
        NotPermittedError: the configuration may not be read, or the service's own user could not
            run this program.
        ConfigError: the configuration is invalid.
    """
    platform = _platform()
    person = _person()
    own_user = system and platform == "linux"
    loaded = load(_system_config(config) if own_user else config, _environ(person))
    program = Program(
        command=_command(),
        config=loaded.path,
        version=hostnfsd.__version__,
        drain_timeout_s=loaded.config.tunnel.drain_timeout_s,
        needs=tuple({Path(sys.prefix), Path(sys.base_prefix), Path(hostnfsd.__file__).parent}),
    )
    if own_user and os.geteuid() == 0:
        _try_as_nobody(program.command)
    if platform == "darwin":
        return launchd.install(person, program, for_launchd(), system=system), loaded
    return systemd.install(person, program, for_systemd(), system=system), loaded


def uninstall_plan(*, system: bool) -> Plan:
    """Decide what to remove.

    Raises:
        UsageError: this platform has no service manager we know.
    """
    if _platform() == "darwin":
        return launchd.uninstall(_person(), system=system)
    return systemd.uninstall(_person(), system=system)


def _platform() -> str:
    if sys.platform not in {"darwin", "linux"}:
        raise UsageError(
            f"services are installed on macOS (launchd) and Linux (systemd), not on {sys.platform}",
            hint="run `hostnfsd run` under the supervisor this system has",
        )
    return sys.platform


def _person() -> Person:
    """The caller; behind sudo, the one before it: sudo's own HOME is not to be trusted."""
    caller = os.environ.get("SUDO_USER", "")
    if os.geteuid() == 0 and caller:
        entry = pwd.getpwnam(caller)
        home = Path(entry.pw_dir)
        return Person(entry.pw_name, entry.pw_uid, home, home / ".config")
    entry = pwd.getpwuid(os.getuid())
    home = Path.home()
    given = os.environ.get("XDG_CONFIG_HOME", "")
    config_home = Path(given) if given.startswith("/") else home / ".config"
    return Person(entry.pw_name, entry.pw_uid, home, config_home)


def _environ(person: Person) -> dict[str, str]:
    """The environment for the search: behind sudo, the home of the one who called it."""
    return dict(os.environ) | {"HOME": str(person.home)}


def _system_config(config: str | None) -> str:
    """The file a Linux system service reads: never one of the caller's that the search finds."""
    if config is not None:
        return config
    if not Path(systemd.SYSTEM_CONFIG).exists():
        raise FileMissingError(
            f"{systemd.SYSTEM_CONFIG} is not there: the system service does not read"
            " a configuration in a home",
            hint="install a copy: install -D -m 644 ~/.config/hostnfsd/hostnfsd.toml"
            f" {systemd.SYSTEM_CONFIG}, or name another with --config",
        )
    return str(systemd.SYSTEM_CONFIG)


def _command() -> tuple[str, ...]:
    """How this program is started, by a path that an upgrade leaves in place.

    Links are kept: Homebrew and pipx point them at the new version. Without the console script,
    the interpreter; -P, or files of the working directory would shadow the standard library's.
    """
    script = Path(sys.argv[0])
    if script.name == "hostnfsd" and script.is_file() and os.access(script, os.X_OK):
        return (os.path.abspath(script),)  # noqa: PTH100  # resolve() would follow the link
    return (sys.executable, "-P", "-m", "hostnfsd")


def _try_as_nobody(command: tuple[str, ...]) -> None:
    """Start the program as a user without rights: the service's own user has no more."""
    try:
        result = subprocess.run(  # noqa: S603  # this very program
            [*command, "--version"],
            user=_NOBODY,
            group=_NOBODY,
            extra_groups=[],
            cwd="/",
            env={"PATH": os.defpath, "HOME": "/nonexistent"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TRIAL_TIMEOUT_S,
            check=False,
        )
        said = result.stderr.strip().splitlines()[-1:] if result.returncode else None
    except OSError as error:
        said = [error.strerror or str(error)]
    if said is not None:
        raise NotPermittedError(
            f"{command[0]} cannot be run by the service's own user: {' '.join(said)}",
            # Not --global, which the pipx of Debian 12 does not know.
            hint="install hostnfsd where every user can read it, for example with"
            " `sudo env PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx install hostnfsd`,"
            " or leave out --system",
        )
