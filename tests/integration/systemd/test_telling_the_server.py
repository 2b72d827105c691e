"""The service has the server told of its exports: by a unit that runs the real exportfs."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.bed.systemd_box import SystemdBox
from tests.bed.waiting import wait_until
from tests.support.systemd_service import CONFIG, VALID, hostnfsd_in, status_json, write

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

EXPORTS: Final = "/etc/exports"
ETAB: Final = "var/lib/nfs/etab"
UNIT: Final = "hostnfsd-exports.service"
_CACHE: Final = Path(__file__).parents[3] / ".cache"
#: What systemd-analyze gives a unit of root's that may write; the service itself has 1.4 or so.
_EXPOSURE: Final = 2.5


@pytest.fixture
def telling(machine: SystemdBox) -> Iterator[SystemdBox]:
    """The machine with the service installed, and asked to tell the server."""
    cache = Path(os.environ.get("HOSTNFSD_CACHE", _CACHE))
    program = cache / "nfs-kernel-server/usr/sbin/exportfs"
    assert program.is_file(), "packaging/install-test-packages.sh unpacks it"
    shutil.copy(program, machine.root / "usr/sbin/exportfs")
    machine.run("mkdir", "-p", "/srv/a", "/srv/b", "/home/ada/src", "/tmp/src")
    write(machine, EXPORTS, line("/srv/a"))
    write(machine, CONFIG, VALID + '[host]\napply_exports = "when-valid"\n')
    hostnfsd_in(machine, "install", "--system")
    until(machine, "valid", "/srv/a")
    yield machine
    machine.run("rm", "-f", "/usr/sbin/exportfs", EXPORTS, f"/{ETAB}")


def line(path: str, client: str = "127.0.0.1", options: str = "rw,sync") -> str:
    return f"{path} {client}({options})\n"


def exports(box: SystemdBox) -> dict[str, Any]:
    found: dict[str, Any] = status_json(box)["exports"]
    return found


def until(box: SystemdBox, state: str, *paths: str) -> None:
    def there() -> bool:
        found = exports(box)
        return found["state"] == state and [e["path"] for e in found["exports"]] == list(paths)

    wait_until(there, f"{paths}, {state}", timeout_s=20, poll_s=0.2, seen=lambda: str(exports(box)))


def applied(box: SystemdBox, after: float = 0.0) -> dict[str, Any]:
    def newer() -> dict[str, Any] | None:
        found: dict[str, Any] | None = exports(box)["applied"]
        return found if found is not None and found["at"] > after else None

    found = wait_until(
        newer, "the server to be told", timeout_s=20, poll_s=0.2, seen=lambda: box.journal(UNIT)
    )
    assert found is not None
    return found


def etab(box: SystemdBox) -> set[str]:
    file = box.root / ETAB
    return {row.split("\t")[0] for row in file.read_text().splitlines()} if file.exists() else set()


def test_a_valid_change_reaches_the_server_s_table(telling: SystemdBox) -> None:
    assert exports(telling)["applied"] is None  # nothing has changed yet
    assert "/srv/b" not in etab(telling)
    # A home is hidden from the daemon, not from the server; /tmp is everybody's.
    paths = ("/srv/a", "/srv/b", "/home/ada/src", "/tmp/src")
    write(telling, EXPORTS, "".join(map(line, paths)))

    first = applied(telling)
    assert (first["ok"], first["text"]) == (True, "exportfs -ra"), first
    assert etab(telling) == set(paths)
    until(telling, "valid", *paths)
    # What is broken is kept from it, and what it says is told.
    write(telling, EXPORTS, line("/srv/a", options="rwx"))
    until(telling, "invalid", *paths)
    assert exports(telling)["applied"]["at"] == first["at"]
    write(telling, EXPORTS, line("/srv/a"))
    applied(telling, after=first["at"])
    assert etab(telling) == {"/srv/a"}
    # It ran as a unit of root's, the daemon as a user who may not.
    owner = (telling.root / "run/hostnfsd-exports/answer").stat()
    assert (owner.st_uid, owner.st_mode & 0o777) == (0, 0o644)
    may = telling.run("touch", "/run/hostnfsd-exports/answer", user="hostnfsd", check=False)
    assert may.status != 0
    assert not (telling.root / "run/hostnfsd/exports.request").exists()


def test_what_exportfs_says_against_it_is_told(telling: SystemdBox) -> None:
    telling.run("rm", "/usr/sbin/exportfs")
    write(telling, EXPORTS, line("/srv/b"))

    found = applied(telling)
    assert not found["ok"]
    assert found["text"].startswith("exportfs -ra: exit status 127: ")
    assert "exportfs" in telling.journal(UNIT)
    until(telling, "valid", "/srv/b")  # it is in effect here all the same


def test_a_request_that_nobody_takes_up_is_told_with_its_cure(telling: SystemdBox) -> None:
    telling.run("systemctl", "stop", "hostnfsd-exports.path")
    write(telling, EXPORTS, line("/srv/b"))

    found = applied(telling)
    assert not found["ok"]
    assert "hostnfsd-exports.path did not take the request up" in found["text"]
    assert "sudo exportfs -ra" in found["hint"]
    assert not (telling.root / "run/hostnfsd/exports.request").exists()


def test_the_units_are_valid_and_confined(telling: SystemdBox) -> None:
    names = [f"/etc/systemd/system/hostnfsd-exports.{kind}" for kind in ("path", "service")]
    telling.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *names)
    said = telling.run("systemd-analyze", "security", "--no-pager", UNIT).output
    score = re.search(r"exposure level for \S+: ([0-9.]+)", said)
    assert score is not None, said
    assert float(score[1]) <= _EXPOSURE, said
