"""Where a configuration is looked for, in which order. Whether it is there is asked elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from typing import Final

from hostnfsd.config.paths import expand

FILE: Final = "hostnfsd/hostnfsd.toml"
SYSTEM_FOLDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "linux": ("/etc",),
    # Homebrew's folders on Apple silicon and on Intel.
    "darwin": ("/etc", "/opt/homebrew/etc", "/usr/local/etc"),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be the configuration.

    Attributes:
        path: the file.
        why: what names it, for messages.
        named: whether a person named this very file, so that its absence is an error.
    """

    path: PurePath
    why: str
    named: bool = False


def candidates(
    explicit: str | None, environ: Mapping[str, str], platform: str, home: PurePath
) -> tuple[Candidate, ...]:
    """The files to try; the first that exists is the configuration.

    Args:
        explicit: the path given with ``--config``.
        environ: the environment; empty variables count as unset.
        platform: ``sys.platform``.
        home: the user's home directory.

    Returns:
        One candidate if a person named the file, else the user's and the system's files.
    """
    if explicit is not None:
        return (Candidate(PurePosixPath(explicit), "--config", named=True),)
    if named := environ.get("HOSTNFSD_CONFIG"):
        path = expand(named, home)
        return (Candidate(path, "$HOSTNFSD_CONFIG", named=True),)
    # XDG Base Directory Specification: a relative path is to be ignored.
    base = environ.get("XDG_CONFIG_HOME", "")
    user = PurePosixPath(base) if base.startswith("/") else home / ".config"
    why = "$XDG_CONFIG_HOME" if base.startswith("/") else "the user's"
    system = SYSTEM_FOLDERS["darwin" if platform == "darwin" else "linux"]
    return (
        Candidate(user / FILE, why),
        *(Candidate(PurePosixPath(folder) / FILE, "the system's") for folder in system),
    )
