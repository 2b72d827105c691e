"""What installing or uninstalling the service would do, as values.

Decided first, then shown or carried out by :mod:`hostnfsd.install.execute`. Nothing here touches
the machine.
"""

import shlex
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

MARK: Final = "Written by hostnfsd"
"""Stands in every file we write: one without it is somebody else's and is left alone."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who installs; behind sudo, the one who called it.

    Attributes:
        name: login name.
        uid: user id.
        home: home directory.
        config_home: where unit files of one's own go: ``$XDG_CONFIG_HOME``, or ``~/.config``.
    """

    name: str
    uid: int
    home: PurePath
    config_home: PurePath


@dataclass(frozen=True, slots=True)
class Program:
    """What the service runs.

    Attributes:
        command: the program and its arguments up to hostnfsd's own; the first is an absolute path.
        config: the configuration file it is told to use; absolute.
        version: of this package. It stands in the files, so an upgrade changes and restarts them.
        drain_timeout_s: what the configuration grants open calls at a stop.
        needs: directories and files that the program is loaded from.
    """

    command: tuple[str, ...]
    config: PurePath
    version: str
    drain_timeout_s: float
    needs: tuple[PurePath, ...] = ()

    def run(self, *options: str) -> tuple[str, ...]:
        """The command line of the daemon."""
        return (*self.command, "--config", str(self.config), "run", *options)


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """Make a directory and those above it, unless it is there. Uninstalling leaves it."""

    path: PurePath
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write a text file in one step, readable by all unless ``mode`` says otherwise."""

    path: PurePath
    content: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Remove a file we wrote, if it is there."""

    path: PurePath


@dataclass(frozen=True, slots=True)
class Run:
    """Run a command to its end.

    Attributes:
        argv: program and arguments; no shell.
        tolerated: exit statuses besides 0 that mean: it was not needed.
        passing: exit statuses that mean: not yet, try again.
        patience_s: for how long to try again.
    """

    argv: tuple[str, ...]
    tolerated: frozenset[int] = frozenset()
    passing: frozenset[int] = frozenset()
    patience_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AwaitFailure:
    """Repeat a command that asks for something until it fails, i.e. until that thing is gone."""

    argv: tuple[str, ...]
    timeout_s: float


Action = MakeDirectory | WriteFile | RemoveFile | Run | AwaitFailure


@dataclass(frozen=True, slots=True)
class Check:
    """A command that asks how things are, and whether it succeeds where nothing is left to do."""

    argv: tuple[str, ...]
    succeeds: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Actions in order, and what surrounds them.

    Attributes:
        actions: what to do.
        settled: with every file as planned and every check as expected, nothing is left to do.
        undo: after a failed first installation: leave nothing. Empty: do not undo.
        revive: after a failed upgrade: the commands that bring the restored files into force.
        notes: lines for the user, about the state after success.
        hint: what to look at when a command fails.
    """

    actions: tuple[Action, ...]
    settled: tuple[Check, ...]
    undo: tuple[Action, ...] = ()
    revive: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str | None = None

    @property
    def files(self) -> tuple[WriteFile | RemoveFile, ...]:
        """The actions on files."""
        return tuple(a for a in self.actions if isinstance(a, WriteFile | RemoveFile))

    @property
    def programs(self) -> frozenset[str]:
        """The programs that must be there before the first action."""
        runs = (a for a in self.actions if isinstance(a, Run | AwaitFailure))
        return frozenset(run.argv[0] for run in runs)


def describe(action: Action) -> str:
    """One line in the imperative, for a person; commands can be pasted into a shell."""
    match action:
        case MakeDirectory(path, mode):
            return f"make directory {path} (mode {mode:04o})"
        case WriteFile(path, _, mode):
            return f"write {path} (mode {mode:04o})"
        case RemoveFile(path):
            return f"remove {path}"
        case Run(argv):
            return f"run {shlex.join(argv)}"
        case AwaitFailure(argv, timeout_s):
            return f"wait up to {timeout_s:g} s until this fails: {shlex.join(argv)}"


def render(plan: Plan, unchanged: frozenset[PurePath] = frozenset()) -> str:
    """The whole plan with the files' contents, indented; ends with a newline.

    Args:
        plan: what to show.
        unchanged: files that already are as planned.
    """
    lines: list[str] = []
    for action in plan.actions:
        if isinstance(action, WriteFile | RemoveFile) and action.path in unchanged:
            gone = isinstance(action, RemoveFile)
            lines.append(f"leave {action.path}: it is {'not there' if gone else 'as planned'}")
            continue
        lines.append(describe(action))
        if isinstance(action, WriteFile):
            lines.extend(f"    {line}".rstrip() for line in action.content.splitlines())
    return "".join(f"{line}\n" for line in lines)
