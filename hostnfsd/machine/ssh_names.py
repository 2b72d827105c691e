"""The ssh_config files of this machine, with what they include, and the aliases that they name."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from hostnfsd.init import ssh_hosts


def names(file: Path, home: Path, folder: Path) -> tuple[str, ...]:
    """Those of one file, those it includes among them; none where it cannot be read.

    Args:
        file: an ssh_config(5).
        home: what ``~/`` stands for in its Include lines.
        folder: what others are relative to: ``~/.ssh``, of the system's file ``/etc/ssh``.
    """

    def included(pattern: str) -> Iterator[str]:
        return (text for _, text in included_files(pattern, home, folder))

    return ssh_hosts.aliases(read(file), included)


def included_files(pattern: str, home: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    """The files that an Include names, with their texts; ``home`` and ``folder`` as above."""
    path = home / pattern[2:] if pattern.startswith("~/") else folder / pattern
    for each in sorted(glob.glob(str(path))):  # noqa: PTH207  # absolute
        yield Path(each), read(Path(each))


def of_user(file: Path) -> tuple[str, ...]:
    """Those of a file that ssh(1) takes for the user's own, wherever it is."""
    home = home_folder()
    return names(file, home, home / ".ssh")


def home_folder() -> Path:
    """What ``~`` stands for; ``~`` itself for whom has none."""
    return Path(os.path.expanduser("~"))  # noqa: PTH111  # raises nothing


def read(path: Path) -> str:
    """A file's text; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
