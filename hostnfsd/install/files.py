"""Files of the service: looked at, written in one step, removed; never those of somebody else."""

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hostnfsd.errors import CannotWriteError
from hostnfsd.install.plan import MARK, RemoveFile, WriteFile


@dataclass(frozen=True, slots=True)
class Seen:
    """What is at a path: content and permission bits; content None where nothing is."""

    path: Path
    content: bytes | None
    mode: int = 0


def as_planned(action: WriteFile | RemoveFile) -> bool:
    """Whether the file has the content and mode it is to have, or is gone if it is to go.

    Raises:
        CannotWriteError: see :func:`look`.
    """
    now = look(Path(action.path))
    if isinstance(action, RemoveFile):
        return now.content is None
    return now.content == action.content.encode() and now.mode == action.mode


def look(path: Path) -> Seen:
    """What is at a path now.

    Raises:
        CannotWriteError: it cannot be read, or we have not written it.
    """
    if path.is_symlink():
        raise CannotWriteError(
            f"{path} is a symbolic link to {path.readlink()}: not written by hostnfsd",
            hint=f"if it is not needed (or masks the service), remove it first: rm {path}",
        )
    try:
        content = path.read_bytes()
        mode = path.stat().st_mode & 0o7777
    except FileNotFoundError:
        return Seen(path, None)
    except OSError as error:
        raise CannotWriteError(f"cannot read {path}: {error.strerror}") from error
    if MARK.encode() not in content:
        raise CannotWriteError(
            f"{path} was not written by hostnfsd, and is left as it is",
            hint=f"move it away first: mv {path} {path}.mine",
        )
    return Seen(path, content, mode)


def make_directory(path: Path, mode: int) -> None:
    """Make a directory and those above it.

    Raises:
        CannotWriteError: where that fails.
    """
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWriteError(f"cannot make directory {path}: {error.strerror}") from error


def write(path: Path, content: bytes, mode: int) -> None:
    """Replace in one step: a reader meets the old file or the new one, never half of one.

    Raises:
        CannotWriteError: the old file, if any, is still there.
    """
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        raise CannotWriteError(f"cannot write {path}: {error.strerror}") from error


def remove(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        CannotWriteError: it is still there.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWriteError(f"cannot remove {path}: {error.strerror}") from error
