"""An NFS client without a kernel: libnfs' command-line tools, run in a pod."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tests.bed.nfs_server import EXPORT
from tests.bed.place import Place


@dataclass(frozen=True, slots=True)
class Libnfs:
    """Where it runs and what it dials.

    Attributes:
        box: the pod.
        gateway: address to dial.
        export: the path that is exported.
        nfs_port, mount_port: dialled directly; None asks the portmapper at port 111.
    """

    box: Place
    gateway: str
    nfs_port: int | None = 2049
    mount_port: int | None = 20048
    export: str = EXPORT

    def url(self, name: str = "") -> str:
        """The libnfs address of a file or folder of the export."""
        ports = {"nfsport": self.nfs_port, "mountport": self.mount_port}
        query = "&".join(f"{key}={port}" for key, port in ports.items() if port is not None)
        path = f"{self.export}/{name}" if name else self.export
        return f"nfs://{self.gateway}{path}" + (f"?{query}" if query else "")

    def names(self, *, timeout_s: float = 20) -> list[str]:
        """What the export holds."""
        output = self.box.run("nfs-ls", self.url(), timeout_s=timeout_s).output
        return sorted(line.split(maxsplit=5)[5] for line in output.splitlines())

    def read(self, name: str, *, timeout_s: float = 60) -> str:
        """The text of a file."""
        return self.box.run("nfs-cat", self.url(name), timeout_s=timeout_s).output

    def fetch(self, name: str, to: Path, *, timeout_s: float = 120) -> None:
        """Copy a file out of the export to ``to``, a path that the box sees."""
        self.box.run("nfs-cp", self.url(name), str(to), timeout_s=timeout_s)

    def store(self, source: Path, name: str, *, timeout_s: float = 120) -> None:
        """Copy ``source``, a path that the box sees, into the export."""
        self.box.run("nfs-cp", str(source), self.url(name), timeout_s=timeout_s)


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
