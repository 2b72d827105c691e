"""How the server is told that its exports file changed, and by whom. Pure.

Never by unlinking a file or restarting a server: macOS's nfsd ends when the file goes, and clients
hang while a server is away. ``nfsd update`` sends SIGHUP, ``exportfs -ra`` renews the kernel's
table; mounts that stand go on.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final

from hostnfsd.exports.model import Dialect

#: What tells the server.
COMMANDS: Final = MappingProxyType(
    {Dialect.DARWIN: ("nfsd", "update"), Dialect.LINUX: ("exportfs", "-ra")}
)
#: The runtime directory of hostnfsd.service; hostnfsd-exports.path watches it.
RUNTIME: Final = PurePosixPath("/run/hostnfsd")
#: There while the server is to be told, and nobody has begun to.
REQUEST: Final = RUNTIME / "exports.request"
#: What came of it: the exit status on a line of its own, then what was said. In a folder that only
#: root writes to: root must not be led by a link that another user made.
ANSWER: Final = PurePosixPath("/run/hostnfsd-exports/answer")
UNIT: Final = "hostnfsd-exports.path"
#: Characters of what a command said that are kept.
MOST_SAID: Final = 2000


@dataclass(frozen=True, slots=True)
class Command:
    """We may tell it ourselves."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """We ask a unit of systemd that may: :data:`REQUEST`, then :data:`ANSWER`."""

    cure: str


@dataclass(frozen=True, slots=True)
class ByHand:
    """We may not, nor may anybody for us."""

    why: str
    cure: str


def way(dialect: Dialect, here: str, *, root: bool, runtime: str) -> Command | Request | ByHand:
    """How the server of this machine is told.

    Args:
        dialect: of its exports file.
        here: ``sys.platform``.
        root: whether the daemon runs as root.
        runtime: ``$RUNTIME_DIRECTORY`` (systemd.exec(5)); empty outside of systemd.
    """
    command = " ".join(COMMANDS[dialect])
    if here != dialect.value:
        why = f"the file is one of {dialect}, and this machine is not: nobody here to tell"
        return ByHand(why, f"on the machine that has the server, run: sudo {command}")
    if root:
        return Command(COMMANDS[dialect])
    if dialect is Dialect.LINUX and PurePosixPath(runtime or "/") == RUNTIME:
        return Request(
            f"sudo hostnfsd install --system sets {UNIT} up (see systemctl status {UNIT});"
            f" by hand: sudo {command}"
        )
    return ByHand(
        f"{command} must be run as root, and hostnfsd does not run as root",
        f"run: sudo {command}",
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command that tells the server came to.

    Attributes:
        status: its exit status.
        said: its output, errors included.
    """

    status: int
    said: str

    @property
    def text(self) -> str:
        """In a sentence's end: ``exit status 1: exportfs: Failed to stat /srv``."""
        said = "; ".join(line.strip() for line in self.said.splitlines() if line.strip())
        if self.status == 0:
            return said
        return f"exit status {self.status}" + (f": {said}" if said else "")


def outcome(status: int, said: bytes) -> Outcome:
    """Of a command that ended."""
    return Outcome(status, said.decode("utf-8", "replace").strip()[:MOST_SAID])


def answered(content: bytes) -> Outcome | None:
    """What stands in :data:`ANSWER`; None if that is nothing of the kind."""
    status, _, said = content.partition(b"\n")
    return outcome(int(status), said) if status.strip().isdigit() else None
