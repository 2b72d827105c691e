"""Reads exports files in the dialect that is asked for."""

from collections.abc import Sequence

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
        # Commands read one dialect, and start sooner without the other.
        case Dialect.DARWIN:
            from hostnfsd.exports.darwin import reader as darwin  # noqa: PLC0415

            (source,) = sources
            return darwin.read(source, system)
        case Dialect.LINUX:
            from hostnfsd.exports.linux import reader as linux  # noqa: PLC0415

            return linux.read(sources, system)
