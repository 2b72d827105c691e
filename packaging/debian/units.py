"""Writes what debhelper installs for systemd, from the plan of ``hostnfsd install --system``.

Usage: ``python units.py FOLDER``. The package differs in two things: it starts nothing before there
is a configuration, and it says of its unit whose it is.
"""  # noqa: INP001  # a script of the package build

import sys
from pathlib import Path, PurePosixPath

import hostnfsd
from hostnfsd.config.model import Tunnel
from hostnfsd.install import systemd
from hostnfsd.install.bundled import for_systemd
from hostnfsd.install.plan import Person, Program, WriteFile

_PROGRAM = PurePosixPath("/usr/bin/hostnfsd")
_NAMES = {
    "hostnfsd.service": "hostnfsd.service",
    "hostnfsd.conf": "hostnfsd.sysusers",
    "hostnfsd-exports.path": "hostnfsd-exports.path",
    "hostnfsd-exports.service": "hostnfsd-exports.service",
}


def texts() -> dict[str, str]:
    """What debhelper calls each file, and its text."""
    home = PurePosixPath("/root")
    plan = systemd.install(
        Person("root", 0, home, home / ".config"),
        Program(
            command=(str(_PROGRAM),),
            config=systemd.SYSTEM_CONFIG,
            version=hostnfsd.__version__,
            drain_timeout_s=Tunnel().drain_timeout_s,
            needs=(),
        ),
        for_systemd(),
        system=True,
    )
    return {
        _NAMES[action.path.name]: _packaged(action.content)
        for action in plan.actions
        if isinstance(action, WriteFile)
    }


def _packaged(text: str) -> str:
    first, _, rest = text.partition("\n")
    head = first.replace("Written by hostnfsd", "Of the package hostnfsd").partition(" (")[0]
    tail = first.partition(")")[2]
    condition = f"[Unit]\nConditionPathExists={systemd.SYSTEM_CONFIG}\n"
    return f"{head}{tail}\n{rest}".replace("[Unit]\n", condition)


if __name__ == "__main__":
    for name, text in texts().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
