"""The plan for systemd: a user unit by default, or a system unit that runs as its own user."""

from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from typing import Final

from hostnfsd.install.plan import (
    Action,
    Check,
    MakeDirectory,
    Person,
    Plan,
    Program,
    RemoveFile,
    Run,
    WriteFile,
)
from hostnfsd.install.template import fill, stop_timeout_s, systemd_command

UNIT: Final = "hostnfsd.service"
SYSTEM_CONFIG: Final = PurePosixPath("/etc/hostnfsd/hostnfsd.toml")
_SYSTEM_UNIT: Final = PurePosixPath("/etc/systemd/system") / UNIT
_EXPORTS_PATH: Final = _SYSTEM_UNIT.with_name("hostnfsd-exports.path")
_EXPORTS_UNIT: Final = _SYSTEM_UNIT.with_name("hostnfsd-exports.service")
_ACCOUNT: Final = PurePosixPath("/etc/sysusers.d/hostnfsd.conf")
# What ProtectHome=yes hides; systemd.exec(5).
_HOMES: Final = tuple(map(PurePosixPath, ("/home", "/root", "/run/user")))

# systemctl(1), "Exit status", and what disable gives for a unit that has no file.
_NOT_LOADED: Final = frozenset({5})
_NO_FILE: Final = frozenset({1})


@dataclass(frozen=True, slots=True)
class Templates:
    """The texts of the files in ``systemd/``."""

    user_unit: str
    system_unit: str
    account: str
    exports_path: str
    exports_unit: str


def install(person: Person, program: Program, templates: Templates, *, system: bool) -> Plan:
    """Write the unit, enable it, start it or start it anew."""
    template = templates.system_unit if system else templates.user_unit
    unit = WriteFile(
        _unit_path(person, system=system),
        fill(
            template,
            {
                "VERSION": program.version,
                "COMMAND": systemd_command(program.run()),
                "STOP_TIMEOUT_S": str(stop_timeout_s(program.drain_timeout_s)),
                "PROTECT_HOME": _protect_home(program),
            },
        ),
    )
    reload = _systemctl("daemon-reload", system=system)
    restart = _systemctl("restart", UNIT, system=system)
    actions: list[Action] = []
    if system:
        actions += [
            MakeDirectory(_ACCOUNT.parent),
            WriteFile(_ACCOUNT, templates.account),
            Run(("systemd-sysusers", str(_ACCOUNT))),
        ]
    actions += [MakeDirectory(unit.path.parent), unit]
    if system:
        version = {"VERSION": program.version}
        actions += [
            WriteFile(_EXPORTS_PATH, fill(templates.exports_path, version)),
            WriteFile(_EXPORTS_UNIT, fill(templates.exports_unit, version)),
        ]
    actions += [
        reload,
        _systemctl("enable", UNIT, system=system),
        restart,
    ]
    return Plan(
        actions=tuple(actions),
        settled=_checks(succeeds=True, system=system),
        undo=_removal(person, system=system),
        revive=(reload, restart),
        notes=_notes(person, system=system),
        hint=_hint(person, system=system),
    )


def uninstall(person: Person, *, system: bool) -> Plan:
    """Stop it, disable it, remove what :func:`install` wrote."""
    notes: tuple[str, ...] = (
        "Kept: the account hostnfsd, its home /var/lib/hostnfsd with keys and state,",
        "/var/log/hostnfsd and /etc/hostnfsd.",
    )
    if not system:
        state = person.home / ".local" / "state" / "hostnfsd"
        notes = (f"Kept: what it remembers of its sessions, usually in {state}.",)
    return Plan(
        actions=_removal(person, system=system),
        settled=_checks(succeeds=False, system=system),
        notes=notes,
        hint=_hint(person, system=system),
    )


def _unit_path(person: Person, *, system: bool) -> PurePath:
    return _SYSTEM_UNIT if system else person.config_home / "systemd" / "user" / UNIT


def _systemctl(*arguments: str, system: bool, tolerated: frozenset[int] = frozenset()) -> Run:
    return Run(("systemctl", *(() if system else ("--user",)), *arguments), tolerated)


def _checks(*, succeeds: bool, system: bool) -> tuple[Check, ...]:
    asks = [("is-enabled", "--quiet", UNIT), ("is-active", "--quiet", UNIT)]
    return tuple(Check(_systemctl(*ask, system=system).argv, succeeds) for ask in asks)


def _removal(person: Person, *, system: bool) -> tuple[Action, ...]:
    # Disabled while its file is there: systemctl finds the links to remove by its [Install].
    actions: list[Action] = [
        _systemctl("stop", UNIT, system=system, tolerated=_NOT_LOADED),
        _systemctl("disable", UNIT, system=system, tolerated=_NO_FILE),
        RemoveFile(_unit_path(person, system=system)),
    ]
    if system:
        name = _EXPORTS_UNIT.name
        actions += [
            # Its answer, which outlives it; while it has a file, or systemd knows of no folder.
            _systemctl("clean", "--what=runtime", name, system=True, tolerated=frozenset({1, 5})),
            _systemctl("reset-failed", name, system=True, tolerated=frozenset({1, 5})),
            *(RemoveFile(path) for path in (_EXPORTS_PATH, _EXPORTS_UNIT, _ACCOUNT)),
        ]
    return (
        *actions,
        _systemctl("daemon-reload", system=system),
        # Else a unit that had failed stays listed without a file.
        _systemctl("reset-failed", UNIT, system=system, tolerated=frozenset({1, 5})),
    )


def _protect_home(program: Program) -> str:
    """``yes`` unless the program or its configuration lies in a home: then reading must do."""
    needs = (PurePath(program.command[0]), program.config, *program.needs)
    inside = any(need.is_relative_to(home) for need in needs for home in _HOMES)
    return "read-only" if inside else "yes"


def _notes(person: Person, *, system: bool) -> tuple[str, ...]:
    if system:
        return (
            "It runs as its own user, hostnfsd: keys, known_hosts and ssh_config are looked for in",
            "/var/lib/hostnfsd/.ssh. Try them with: sudo -u hostnfsd -H ssh GATEWAY",
        )
    return (
        "It runs while you are logged in. To start it at boot and keep it after you log out:",
        f"loginctl enable-linger {person.name}",
    )


def _hint(person: Person, *, system: bool) -> str:
    if system:
        return f"see: journalctl -u {UNIT} -n 20"
    return (
        f"see: journalctl --user -u {UNIT} -n 20; systemctl --user needs a session of the user's"
        f" own: log in as {person.name} (not with su or sudo), or set"
        f" XDG_RUNTIME_DIR=/run/user/{person.uid}"
    )
