"""A server that closes connections before it answers, as a Mac's kernel does: named, and cured.

nfs-ganesha has another port, and the stand-in of ``tests/bed/mac_kernel.py`` stands before it.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.bed import Bed, BedOptions
from tests.bed.daemon import merge
from tests.bed.nfs_server import EXPORT, NfsOptions, NfsPorts
from tests.bed.process import Process
from tests.bed.waiting import wait_until
from tests.integration.doctor.faults import PLAIN, ask, nothing_left, well

PROGRAM = Path(__file__).parents[2] / "bed/mac_kernel.py"
PODS_ONLY = f"{EXPORT} -mapall=501:20 -network 172.22.0.0 -mask 255.255.0.0\n"


@pytest.fixture
def shared() -> Iterator[Bed]:
    with Bed(BedOptions(nfs=NfsOptions(ports=NfsPorts(nfs=2050)))) as bed:
        yield bed


@pytest.fixture
def exports(shared: Bed) -> Path:
    path = shared.folder / "mac_exports"
    path.write_text(PODS_ONLY, encoding="utf-8")
    return path


@pytest.fixture
def kernel(shared: Bed, exports: Path) -> Process:
    host = shared.network.host
    process = host.start("kernel", sys.executable, str(PROGRAM), "2049", "2050", str(exports))
    wait_until(lambda: ("127.0.0.1", 2049) in host.listening(), "it to listen", seen=process.tail)
    return process


@pytest.mark.produces("connection-closed")
def test_exports_that_admit_the_pods_alone_close_the_tunnels_connections(
    shared: Bed, exports: Path, kernel: Process
) -> None:
    tables = {"services": {"nfs": {"port": 2049, "host_port": 2049}}}
    doctor = shared.daemon(merge(dict(PLAIN), tables), start=False)
    report = ask(doctor)

    row = report.row("connection-closed")
    assert (row["check"], row["subject"], row["outcome"]) == ("service", "nfs", "FAIL")
    assert "closes connections before it answers" in row["text"]
    failures = [c for c in report.checks if c["outcome"] == "FAIL"]
    assert failures[0]["code"] == "connection-closed", report.describe()

    # The line that it shows, for this folder, and then its command.
    shown = re.search(r"`/folder (.*)`", row["cure"][0])
    assert shown is not None
    exports.write_text(f"{PODS_ONLY}{EXPORT} {shown[1]}\n", encoding="utf-8")
    tools = shared.folder / "tools"
    tools.mkdir()
    for name, script in (
        ("sudo", 'exec "$@"'),
        ("nfsd", f'[ "$1" = update ] && kill -HUP {kernel.pid.inner}'),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    (command,) = report.commands("connection-closed")
    assert command == "sudo nfsd update"
    shared.network.host.run("sh", "-c", command, env={"PATH": f"{tools}:/usr/bin:/bin"})

    well(ask(doctor))
    nothing_left(shared)
