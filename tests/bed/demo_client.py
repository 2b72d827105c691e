"""The demo's clients: a real kernel where there is one, libnfs where there is none."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tests.bed.libnfs import Libnfs, sha256
from tests.bed.network import GATEWAY_NAME

_MOUNT_OPTIONS = "vers=3,tcp,nolock"


class Client(Protocol):
    """What the demo does with any client."""

    mounting: str
    """The command that mounts, or what stands for it."""

    def mount(self) -> None:
        """Make the export reachable."""
        ...

    def names(self) -> list[str]:
        """What is in it."""
        ...

    def checksum(self, name: str) -> str:
        """SHA-256 of a file, read through the tunnel."""
        ...

    def copy(self, name: str, to: str) -> None:
        """Read a file of the export and write it back under another name."""
        ...


class ShellClient:
    """mount(8) and coreutils: in User Mode Linux, or in a container."""

    def __init__(self, run: Callable[[str], str], export: str) -> None:
        """``run`` runs a shell command as root at the client and returns its output."""
        self._run = run
        self.mounting = f"mount -t nfs -o {_MOUNT_OPTIONS} {GATEWAY_NAME}:{export} /mnt/nfs"

    def mount(self) -> None:
        """Mount it."""
        self._run(self.mounting)

    def names(self) -> list[str]:
        """``ls``."""
        return self._run("ls /mnt/nfs").split()

    def checksum(self, name: str) -> str:
        """``sha256sum``, past the client's own cache."""
        self._run("echo 3 > /proc/sys/vm/drop_caches")
        return self._run(f"sha256sum /mnt/nfs/{name}").split()[0]

    def copy(self, name: str, to: str) -> None:
        """``cp``, then ``sync``."""
        self._run(f"cp /mnt/nfs/{name} /mnt/nfs/{to} && sync")


class LibnfsClient:
    """nfs-ls and nfs-cp, which need no mount."""

    def __init__(self, libnfs: Libnfs, scratch: Path) -> None:
        self._libnfs = libnfs
        self._scratch = scratch
        self.mounting = f"nfs-ls {libnfs.url()}"

    def mount(self) -> None:
        """libnfs mounts anew in each command."""
        self._libnfs.names()

    def names(self) -> list[str]:
        """``nfs-ls``."""
        return self._libnfs.names()

    def checksum(self, name: str) -> str:
        """``nfs-cp`` to a scratch file."""
        to = self._scratch / name
        to.unlink(missing_ok=True)
        self._libnfs.fetch(name, to)
        return sha256(to)

    def copy(self, name: str, to: str) -> None:
        """``nfs-cp`` there and back."""
        self.checksum(name)
        self._libnfs.store(self._scratch / name, to)
