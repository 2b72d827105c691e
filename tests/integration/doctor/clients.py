"""What the tests of real clients share: a kernel that mounts through a daemon."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.box import Completed
from tests.bed.daemon import Daemon
from tests.bed.nfs_server import EXPORT
from tests.integration.doctor.faults import PLAIN, Tables

SOURCE = f"{network.GATEWAY_NAME}:{EXPORT}"
#: What a client mounts with who was told how; a refusal is told at once.
OPTIONS = "vers=3,proto=tcp,mountproto=tcp,port=2049,mountport=20048,nolock,hard,retry=0"


@contextmanager
def tunnel(bed: Bed, tables: Tables = PLAIN) -> Iterator[Daemon]:
    """A daemon that is ready, for the length of a block."""
    daemon = bed.daemon(tables)
    try:
        daemon.await_ready()
        yield daemon
    finally:
        daemon.close()


@contextmanager
def mounted(bed: Bed, options: str = OPTIONS, *, at: str = "/mnt/nfs") -> Iterator[None]:
    """The export in the kernel client, for the length of a block."""
    bed.kernel.mount(SOURCE, options, at=at)
    try:
        yield
    finally:
        bed.kernel.unmount(at)


def attempt(bed: Bed, options: str, *, by: str = "") -> Completed:
    """One attempt to mount, ``by`` some command before it; given back at once if it succeeds."""
    words = f"{by} mount -v -t nfs -o {options},retry=0 {SOURCE} /mnt/nfs"
    return bed.kernel.run(f"{words} && umount /mnt/nfs", check=False)


def as_printed(daemon: Daemon, entry: dict[str, Any]) -> str:
    """The options of the mount that the command in an entry's cure prints."""
    (step,) = (step for step in entry["cure"] if step.startswith("$ hostnfsd mount"))
    words = step.removeprefix("$ hostnfsd ").replace("PATH", EXPORT).split()
    printed = daemon.command(*words, check=True).output
    (line,) = (line for line in printed.splitlines() if line.startswith("mount -t nfs"))
    return line.split(" -o ")[1].split()[0]


def seconds(bed: Bed, command: str) -> float:
    """How long a command takes in the kernel client, by its own clock."""
    script = f"a=$(date +%s%N); {{ {command}; }} >/dev/null; b=$(date +%s%N); echo $((b - a))"
    return int(bed.kernel.run(script).output) / 1e9
