"""What this process finds around it and folders depend on. Imports little: all commands need it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath

from hostnfsd.config.paths import Surroundings


def surroundings(environ: Mapping[str, str] | None = None) -> Surroundings:
    """What decides about folders, as this process finds it."""
    environ = os.environ if environ is None else environ
    return Surroundings(sys.platform, home(environ), os.geteuid(), environ)


def home(environ: Mapping[str, str]) -> PurePath:
    """The user's home directory; the root directory for a user who has none."""
    given = environ.get("HOME", "")
    if given.startswith("/"):
        return Path(given)
    try:
        return Path.home()
    except RuntimeError:  # no HOME and no entry in the user database
        return Path("/")
