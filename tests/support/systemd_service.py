"""hostnfsd as a service of a machine that systemd has booted: what the tests ask and do there."""

import json
import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

from hostnfsd.errors import Exit
from tests.bed.box import Completed
from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until

UNIT: Final = "hostnfsd.service"
UNIT_FILE: Final = f"/etc/systemd/system/{UNIT}"
CONFIG: Final = "/etc/hostnfsd/hostnfsd.toml"
PREFIX: Final = Path("/opt/hostnfsd")
COMMAND: Final = PREFIX / "bin" / "hostnfsd"
PYTHON: Final = PREFIX / "bin" / "python"
# Nobody answers there: a daemon that supervises is ready, whatever the far end does.
VALID: Final = """\
[gateway.dev-gw]
host = "127.0.0.1"
port = 9
user = "admin"
ssh_config = "none"
"""


#: What only developers need, or what leads back to the checkout.
_LEFT_OUT: Final = (
    *("mypy", "mypyc", "pip*", "setuptools*", "hypothesis*", "grimp*", "ruff*"),
    "*.pth",
)
_LAUNCHER: Final = f"#!{PYTHON}\nfrom hostnfsd.cli.main import entry\n\nentry()\n"


def deploy(box: SystemdBox, package: Path) -> None:
    """Put the program below /opt, as an installation that does not know this checkout.

    The checkout may lie where the service must not look: in a home.

    Args:
        box: the machine, not booted yet.
        package: the folder ``hostnfsd`` of the checkout.
    """
    prefix = box.root / PREFIX.relative_to("/")
    libraries = Path(sysconfig.get_path("purelib"))
    inside = prefix / libraries.relative_to(sys.prefix)
    shutil.copytree(libraries, inside, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    shutil.copytree(package, inside / "hostnfsd", dirs_exist_ok=True)
    for name in ("launchd", "systemd"):
        templates = inside / "hostnfsd/install/templates" / name
        shutil.copytree(package.parent / name, templates, dirs_exist_ok=True)
    (prefix / "bin").mkdir()
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", prefix)
    (prefix / "bin/python").symlink_to(os.path.realpath(sys.executable))
    launcher = prefix / "bin/hostnfsd"
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)


def bring_python(box: SystemdBox) -> None:
    """Copy the Python that runs the tests to where it lies here, on a machine that lacks it.

    Args:
        box: the machine, not booted yet.
    """
    library = Path(os.__file__).parent
    leave = shutil.ignore_patterns("site-packages", "dist-packages", "test", "__pycache__")
    shutil.copytree(library, box.root / library.relative_to("/"), ignore=leave, dirs_exist_ok=True)
    shared = Path(str(sysconfig.get_config_var("LIBDIR"))) / str(
        sysconfig.get_config_var("INSTSONAME")
    )
    for file in (Path(os.path.realpath(sys.executable)), shared):
        if file.exists():
            inside = box.root / file.relative_to("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, inside)


def write(box: SystemdBox, path: str, text: str, mode: int = 0o644) -> None:
    inside = box.root / path.lstrip("/")
    inside.parent.mkdir(parents=True, exist_ok=True)
    inside.write_text(text)
    inside.chmod(mode)


def hostnfsd_in(box: SystemdBox, *arguments: str, check: bool = True) -> Completed:
    return box.run(str(COMMAND), *arguments, check=check)


def state(box: SystemdBox) -> dict[str, str]:
    return box.show(
        UNIT,
        "ActiveState",
        "SubState",
        "MainPID",
        "NRestarts",
        "Result",
        "ExecMainStatus",
        "StatusText",
        "User",
    )


def await_restart(box: SystemdBox, count: int) -> dict[str, str]:
    """Wait until it was restarted that often and is ready again."""

    def restarted() -> dict[str, str] | None:
        now = state(box)
        back = now["NRestarts"] == str(count) and now["SubState"] == "running"
        return now if back else None

    seen = wait_until(
        restarted, f"restart {count}", timeout_s=30, poll_s=0.1, seen=lambda: box.journal(UNIT)
    )
    assert seen is not None
    return seen


def status_json(box: SystemdBox) -> dict[str, Any]:
    # 1 is the verdict "unhealthy": there is no gateway.
    answer = hostnfsd_in(box, "status", "--json", check=False)
    assert answer.status in {Exit.OK, Exit.UNHEALTHY}, answer.text
    document: dict[str, Any] = json.loads(answer.output)
    return document


def assert_nothing_left(box: SystemdBox) -> None:
    assert state(box)["ActiveState"] == "inactive"
    assert box.show(UNIT, "LoadState") == {"LoadState": "not-found"}
    left = box.run("sh", "-c", "ls -d /etc/sysusers.d/hostnfsd* /run/hostnfsd*", check=False)
    assert left.output == ""
    found = box.run("find", "/etc/systemd", "-name", "*hostnfsd*").output
    assert found == ""
    processes = box.run("ps", "-eo", "user:32,args").output.splitlines()
    assert [line for line in processes if line.startswith("hostnfsd ")] == []
