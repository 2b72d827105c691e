"""Finding and reading the configuration file: shared by the commands and the daemon."""

import errno
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from hostnfsd.cli.surroundings import home
from hostnfsd.config.model import Config
from hostnfsd.config.reader import MAX_BYTES, Reading, parse
from hostnfsd.config.search import candidates
from hostnfsd.config.semantics import SMALLEST_FILE
from hostnfsd.errors import ConfigError, FileMissingError, NotPermittedError
from hostnfsd.problem import errors

_ONE_LINE = "one line is a whole configuration, where dev-gw is a Host of your ssh_config"


class Loaded(NamedTuple):
    """A configuration that can be used, its file, and what else was found in it."""

    config: Config
    path: Path
    reading: Reading


def find(explicit: str | None, environ: Mapping[str, str] | None = None) -> Path:
    """The configuration file: the named one, else the first there is.

    Raises:
        FileMissingError: the named file is not there, or none of those searched.
        NotPermittedError: one is there as far as can be seen, but may not be looked at.
    """
    environ = os.environ if environ is None else environ
    tried = candidates(explicit, environ, sys.platform, home(environ))
    for candidate in tried:
        path = Path(candidate.path)
        try:
            path.stat()
        except OSError as exc:
            if candidate.named or exc.errno not in {errno.ENOENT, errno.ENOTDIR}:
                raise _translated(exc, path, candidate.why) from exc
        except ValueError as exc:  # a NUL in the name
            raise FileMissingError(f"{str(path)!r} ({candidate.why}) is no file name") from exc
        else:
            return path.absolute()
    raise FileMissingError(
        "no configuration found; searched: " + ", ".join(str(c.path) for c in tried),
        _advice(Path(tried[0].path)),
    )


def _advice(path: Path) -> str:
    folder, file = shlex.quote(str(path.parent)), shlex.quote(str(path))
    written = f"mkdir -p {folder} && echo '{SMALLEST_FILE}' > {file}"
    return f"`hostnfsd init` writes one from what it finds. By hand {_ONE_LINE}; {written}"


def read(path: Path) -> bytes:
    """The content of a configuration file, as far as the reader takes it.

    Raises:
        FileMissingError: it is not there, or no file.
        NotPermittedError: it may not be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise _translated(exc, path, None) from exc


def _translated(exc: OSError, path: Path, why: str | None) -> FileMissingError | NotPermittedError:
    named = f"{path} ({why})" if why and why.startswith(("-", "$")) else str(path)
    if isinstance(exc, PermissionError):
        return NotPermittedError(
            f"{named} may not be read: {exc.strerror}", f"see who may: ls -l {path}"
        )
    if isinstance(exc, FileNotFoundError):
        return FileMissingError(f"{named} is not there", f"{_ONE_LINE}: {SMALLEST_FILE}")
    return FileMissingError(f"{named} cannot be read: {exc.strerror}")


def load(explicit: str | None, environ: Mapping[str, str] | None = None) -> Loaded:
    """Find, read and check the configuration.

    Args:
        explicit: the path given with ``--config``, or None.
        environ: the environment; the process's own if None.

    Raises:
        FileMissingError: there is no such file.
        NotPermittedError: it may not be read.
        ConfigError: it cannot be used; carries every problem, warnings included.
    """
    path = find(explicit, environ)
    reading = parse(read(path), str(path))
    if reading.config is None:
        count = len(errors(reading.problems))
        text = f"{path}: {count} error{'' if count == 1 else 's'}"
        raise ConfigError(text, reading.problems)
    return Loaded(reading.config, path, reading)
