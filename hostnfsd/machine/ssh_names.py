"""The aliases that the ssh_config files of this machine name."""

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
        path = home / pattern[2:] if pattern.startswith("~/") else folder / pattern
        return (_read(Path(each)) for each in sorted(glob.glob(str(path))))  # noqa: PTH207  # absolute

    return ssh_hosts.aliases(_read(file), included)


def of_user(file: Path) -> tuple[str, ...]:
    """Those of a file that ssh(1) takes for the user's own, wherever it is."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # raises nothing
    return names(file, home, home / ".ssh")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
