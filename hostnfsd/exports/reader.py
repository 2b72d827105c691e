"""Reads exports files in the dialect that is asked for."""

from collections.abc import Sequence

from hostnfsd.exports.darwin import reader as darwin
from hostnfsd.exports.linux import reader as linux
from hostnfsd.exports.model import Dialect, Reading
from hostnfsd.exports.source import Source
from hostnfsd.exports.system import System


def read(dialect: Dialect, sources: Sequence[Source], system: System) -> Reading:
    """What the server would make of its exports files.

    Args:
        dialect: whose.
        sources: /etc/exports; on Linux the files of /etc/exports.d after it, in the order of
            ``linux.files.included``. macOS has one file.
        system: the machine the files are for.
    """
    match dialect:
        case Dialect.DARWIN:
            (source,) = sources
            return darwin.read(source, system)
        case Dialect.LINUX:
            return linux.read(sources, system)
