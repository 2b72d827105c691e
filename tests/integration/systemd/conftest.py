"""One machine, booted by a real systemd, for all tests of the service; each installs anew.

What hangs on systemd alone is tried on a newer one as well (``newer``).
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hostnfsd
from tests.bed.systemd_box import SystemdBox, packed_root
from tests.support.boxed_gateway import TUNNEL, lay_out, running
from tests.support.systemd_service import (
    CONFIG,
    UNIT,
    UNIT_FILE,
    VALID,
    bring_python,
    deploy,
    hostnfsd_in,
    write,
)


@pytest.fixture(scope="session")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdBox]:
    with SystemdBox(tmp_path_factory.mktemp("systemd") / "machine") as box:
        deploy(box, Path(hostnfsd.__file__).parent)
        # A Python below /root is nobody else's to run; here it is.
        box.open_to_everybody(Path(os.path.realpath(sys.executable)), Path(os.__file__))
        box.boot()
        # A password that fits nothing: without PAM, sshd turns a locked account away.
        box.run("useradd", "--create-home", "--shell", "/bin/sh", "--password", "*", "ada")
        yield box


@pytest.fixture(scope="session")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdBox]:
    """Another Debian, with the same program and the same Python."""
    folder = tmp_path_factory.mktemp("systemd") / "newer"
    with SystemdBox(folder, packed_root("trixie")) as box:
        bring_python(box)
        deploy(box, Path(hostnfsd.__file__).parent)
        box.open_to_everybody(Path(os.path.realpath(sys.executable)), Path(os.__file__))
        box.boot()
        yield box


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Iterator[SystemdBox]:
    """The machine with a valid configuration and nothing installed."""
    booted: SystemdBox = request.getfixturevalue(getattr(request, "param", "booted"))
    write(booted, CONFIG, VALID)
    yield booted
    booted.run("rm", "-rf", f"{UNIT_FILE}.d")
    hostnfsd_in(booted, "uninstall", "--system")


@pytest.fixture
def installed(machine: SystemdBox) -> SystemdBox:
    """The machine with the system service installed and running."""
    hostnfsd_in(machine, "install", "--system")
    return machine


@pytest.fixture
def gateway(machine: SystemdBox) -> Iterator[SystemdBox]:
    """The machine with an sshd that admits the service's key as ada, and a strict NFS server."""
    write(machine, CONFIG, TUNNEL)
    # The account exists from the first installation on: its keys can be laid out before it runs.
    hostnfsd_in(machine, "install", "--system")
    machine.run("systemctl", "stop", UNIT)
    lay_out(machine)
    with running(machine):
        yield machine
