"""The plan for launchd: a user agent by default, or a system daemon that runs as the same person.

Written from launchd.plist(5) and launchctl(1); the commands are checked against a stand-in.
"""

import re
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from typing import Final

from hostnfsd.install.plan import (
    Action,
    AwaitFailure,
    Check,
    MakeDirectory,
    Person,
    Plan,
    Program,
    RemoveFile,
    Run,
    WriteFile,
)
from hostnfsd.install.template import fill, plist_strings, plist_text, stop_timeout_s

LABEL: Final = "io.github.hostnfsd"
_ROTATION: Final = PurePosixPath("/etc/newsyslog.d/hostnfsd.conf")
_AGENT_ROTATION: Final = _ROTATION.with_name("hostnfsd-agent.conf")
# bootout of a job that is not loaded gives 3, 113 or, on newer systems, 5; of one that still stops,
# 36. Whether it is gone is asked afterwards.
_BOOTED_OUT: Final = frozenset({3, 5, 36, 113})
# The label of a job just booted out stays taken for some seconds: bootstrap gives 5 or 37.
_LABEL_TAKEN: Final = frozenset({5, 37})
_PATIENCE_S: Final = 15.0
# A job that drains for longer than this was configured so.
_GONE_S: Final = 120.0
# kickstart of a job that RunAtLoad is just starting.
_STARTING: Final = frozenset({37})


#: What macOS wants of a person before a background program may do its work.
_ASKED: Final = (
    "If the gateway is not on this machine, macOS asks once whether hostnfsd may find",
    "devices on your local network: allow it.",
    "System Settings, General, Login Items lists it; switched off there, it is not started.",
    "Exports below Documents, Desktop, Downloads or on external drives: /sbin/nfsd needs",
    "Full Disk Access (System Settings, Privacy & Security).",
)


@dataclass(frozen=True, slots=True)
class Templates:
    """The texts of the files in ``launchd/``."""

    agent: str
    daemon: str
    newsyslog: str


def install(person: Person, program: Program, templates: Templates, *, system: bool) -> Plan:
    """Write the property list, unload what runs, load and start it."""
    domain, target = _domain(person, system=system)
    path = _path(person, system=system)
    log = _log(person)
    plist = WriteFile(
        path,
        fill(
            templates.daemon if system else templates.agent,
            {
                "VERSION": program.version,
                "LABEL": LABEL,
                "ARGUMENTS": plist_strings(program.run("--launchd")),
                "STOP_TIMEOUT_S": str(stop_timeout_s(program.drain_timeout_s)),
                "LOG": plist_text(str(log)),
                "USER": plist_text(person.name),
                "HOME": plist_text(str(person.home)),
            },
        ),
    )
    start = (
        # A label that is disabled cannot be bootstrapped: enable comes first.
        Run(("launchctl", "enable", target)),
        Run(
            ("launchctl", "bootstrap", domain, str(path)),
            passing=_LABEL_TAKEN,
            patience_s=_PATIENCE_S,
        ),
        Run(("launchctl", "kickstart", target), tolerated=_STARTING),
    )
    # Root would own a log directory made here, and the daemon, which is not root, could not write.
    logs: tuple[Action, ...] = () if system else (MakeDirectory(log.parent, 0o700),)
    patience_s = max(_GONE_S, stop_timeout_s(program.drain_timeout_s) + 5.0)
    unload = _unload(person, patience_s, system=system)
    rotation = _rotation(person, program, templates) if system else ()
    return Plan(
        actions=(*logs, MakeDirectory(path.parent), plist, *rotation, *unload, *start),
        settled=(Check(("launchctl", "print", target), succeeds=True),),
        undo=_removal(person, system=system),
        revive=(*unload, *start),
        notes=(
            f"Its log is {log}.",
            *(() if system else _rotation_advice(person)),
            f"It reads its configuration again at: launchctl kill SIGHUP {target}",
            *_ASKED,
        ),
        hint=f"see {log} and: launchctl print {target}",
    )


def uninstall(person: Person, *, system: bool) -> Plan:
    """Unload it and remove the property list; the log stays."""
    _, target = _domain(person, system=system)
    state = person.home / "Library" / "Application Support" / "hostnfsd"
    return Plan(
        actions=_removal(person, system=system),
        settled=(Check(("launchctl", "print", target), succeeds=False),),
        notes=(
            f"Kept: the log {_log(person)},",
            f"and what it remembers of its sessions, in {state}.",
        ),
        hint=f"see: launchctl print {target}",
    )


def _domain(person: Person, *, system: bool) -> tuple[str, str]:
    domain = "system" if system else f"gui/{person.uid}"
    return domain, f"{domain}/{LABEL}"


def _path(person: Person, *, system: bool) -> PurePath:
    library = PurePosixPath("/Library/LaunchDaemons")
    folder = library if system else person.home / "Library" / "LaunchAgents"
    return folder / f"{LABEL}.plist"


def _log(person: Person) -> PurePath:
    return person.home / "Library" / "Logs" / "hostnfsd.log"


def _unload(person: Person, patience_s: float, *, system: bool) -> tuple[Action, ...]:
    _, target = _domain(person, system=system)
    return (
        Run(("launchctl", "bootout", target), _BOOTED_OUT),
        # bootout may return while the daemon still drains, and a bootstrap then fails.
        AwaitFailure(("launchctl", "print", target), patience_s),
    )


def _rotation(person: Person, program: Program, templates: Templates) -> tuple[Action, ...]:
    """newsyslog(8)'s file; it knows no quotes, so a path with blanks cannot be told to it."""
    if _untellable(person):
        return ()
    values = {"VERSION": program.version, "LOG": str(_log(person)), "USER": person.name}
    return (
        MakeDirectory(_ROTATION.parent),
        WriteFile(_ROTATION, fill(templates.newsyslog, values)),
    )


def _rotation_advice(person: Person) -> tuple[str, ...]:
    if _untellable(person):
        return ()
    return (
        "Only root can have newsyslog keep it short:",
        f"echo '{_log(person)} {person.name}: 640 5 1000 * NJ' | sudo tee {_AGENT_ROTATION}",
    )


def _untellable(person: Person) -> bool:
    return re.search(r"[\s#]", f"{_log(person)}{person.name}") is not None


def _removal(person: Person, *, system: bool) -> tuple[Action, ...]:
    return (
        *_unload(person, _GONE_S, system=system),
        RemoveFile(_path(person, system=system)),
        *((RemoveFile(_ROTATION),) if system else ()),
    )
