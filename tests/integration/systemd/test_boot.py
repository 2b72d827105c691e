"""The system service on a machine that boots with it: nobody is there to start it."""

import os
import sys
from pathlib import Path, PurePosixPath

import pytest

import hostnfsd
from hostnfsd.config.model import Tunnel
from hostnfsd.install import systemd
from hostnfsd.install.bundled import for_systemd
from hostnfsd.install.plan import Person, Program, WriteFile
from tests.bed.systemd_box import SystemdBox, packed_root
from tests.support.systemd_service import (
    COMMAND,
    CONFIG,
    UNIT,
    UNIT_FILE,
    VALID,
    bring_python,
    deploy,
    state,
    write,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ACCOUNT = 995


@pytest.mark.parametrize("suite", [None, "trixie"])
def test_it_is_started_at_boot(tmp_path: Path, suite: str | None) -> None:
    home = PurePosixPath("/root")
    plan = systemd.install(
        Person("root", 0, home, home / ".config"),
        Program(
            command=(str(COMMAND),),
            config=PurePosixPath(CONFIG),
            version=hostnfsd.__version__,
            drain_timeout_s=Tunnel().drain_timeout_s,
            # Which may lie in a home, and is then to be seen.
            needs=(PurePosixPath(os.path.realpath(sys.executable)),),
        ),
        for_systemd(),
        system=True,
    )
    with SystemdBox(tmp_path / "machine", packed_root(suite) if suite else None) as box:
        if suite:
            bring_python(box)
        deploy(box, Path(hostnfsd.__file__).parent)
        box.open_to_everybody(Path(os.path.realpath(sys.executable)), Path(os.__file__))
        # What the plan leaves behind, and what its commands do to files.
        for action in plan.actions:
            if isinstance(action, WriteFile):
                write(box, str(action.path), action.content)
        write(box, CONFIG, VALID)
        with (box.root / "etc/passwd").open("a") as accounts:
            accounts.write(f"hostnfsd:x:{ACCOUNT}:{ACCOUNT}::/var/lib/hostnfsd:/usr/sbin/nologin\n")
        with (box.root / "etc/group").open("a") as groups:
            groups.write(f"hostnfsd:x:{ACCOUNT}:\n")
        wants = box.root / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir()
        (wants / UNIT).symlink_to(UNIT_FILE)
        box.boot()
        now = state(box)
        told = (now["SubState"], now["NRestarts"], now["User"])
        assert told == ("running", "0", "hostnfsd"), box.journal(UNIT)
        assert "dev-gw" in now["StatusText"]
