"""One failure of the catalogue."""

from dataclasses import dataclass
from typing import Final

#: What a client prints that is turned away, whoever does it: the server, or the gate.
DENIED: Final = (
    "mount.nfs: access denied by server while mounting {host}:{path}",
    "access denied by server",
    "mount.nfs: mount(2): Permission denied",
    "mount_nfs: can't mount {path} from {host} onto {path}: Permission denied",
    # Docker's local driver, which mounts by itself.
    "failed to mount local volume: mount {path}:{path}, data: {path}: permission denied",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A failure.

    Attributes:
        code: its name, kebab-case; stable.
        title: it in a few words.
        symptoms: texts as clients, commands and logs print them, the likeliest first; ``{host}``,
            ``{path}``, ``{port}``, ``{n}`` and ``{any}`` stand for what differs.
        cause: what makes it so, in sentences.
        cure: step by step; commands begin with ``$ `` and stand alone.
        sources: which of :data:`hostnfsd.doctor.sources.SOURCES` it answers to.
    """

    code: str
    title: str
    symptoms: tuple[str, ...]
    cause: str
    cure: tuple[str, ...]
    sources: tuple[str, ...] = ()
