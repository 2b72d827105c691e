"""Reads this machine's exports files: which they are, what they mean here, what is wrong.

Blocks, for names up to :data:`hostnfsd.machine.names.ALL_WITHIN_S` seconds, and as long as a dead
file server takes where an export lies on one: an event loop runs it in a thread.
"""

import os
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from hostnfsd.exports import reader
from hostnfsd.exports.addresses import Address
from hostnfsd.exports.explain import Surroundings, explain
from hostnfsd.exports.linux.files import included
from hostnfsd.exports.model import Dialect, Reading
from hostnfsd.exports.remarks import remark
from hostnfsd.exports.source import Source
from hostnfsd.exports.system import System
from hostnfsd.machine.names import Names
from hostnfsd.machine.posix import Posix
from hostnfsd.machine.route import dialled_from
from hostnfsd.problem import Place, Problem, errors

if TYPE_CHECKING:
    from hostnfsd.config.model import Host

#: Bytes that a file may have: ten thousand times what people write, read within seconds.
MOST_BYTES: Final = 1024 * 1024
_LOOPBACK: Final = IPv4Address("127.0.0.1")
_CALLED: Final = {Dialect.DARWIN: "macOS", Dialect.LINUX: "Linux"}

Platform = Literal["auto", "darwin", "linux"]


@dataclass(frozen=True)
class Findings:
    """Exports files, read and judged.

    Attributes:
        reading: what they say, and what the server would.
        remarks: what is to be told beyond that.
        sources: the names of the files that were read, in their order.
        files: the paths that were looked at, those that are not there included: while none of them
            changes, and none of the names in them, all this stays true.
        dialled_from: the address that the server sees for all that comes through the tunnel.
    """

    reading: Reading
    remarks: tuple[Problem, ...]
    sources: tuple[str, ...]
    files: tuple[Path, ...]
    dialled_from: Address

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, file by file and line by line."""
        return in_order((*self.reading.problems, *self.remarks), self.sources)

    @property
    def valid(self) -> bool:
        """Whether the server would take the files without an error."""
        return not errors(self.problems)


def in_order(problems: Iterable[Problem], sources: Iterable[str]) -> tuple[Problem, ...]:
    """Problems file by file, line by line."""
    order = {name: index for index, name in enumerate(sources)}

    def key(problem: Problem) -> tuple[int, int, int]:
        place = problem.place
        return order.get(place.path, -1), place.line or 0, place.column or 0

    return tuple(sorted(problems, key=key))


def read_exports(host: "Host", names: Names | None, *, low_ports: bool) -> Findings:
    """The exports of ``[host]``: ``exports``, and on Linux the files of the folder beside it.

    Args:
        host: the table; its ``exports`` must not be "none".
        names: where names are looked up, and remembered from one reading to the next; None: they
            are not looked up, for a command that touches no network.
        low_ports: hostnfsd dials from source ports below 1024.
    """
    return read(
        path_of(host),
        names,
        dialect=dialect_of(host.platform),
        address=host.address,
        low_ports=low_ports,
    )


def path_of(host: "Host") -> Path:
    """Where ``host.exports`` is; it must not be "none"."""
    return Path(os.path.expanduser(host.exports))  # noqa: PTH111  # ~nobody stays instead of raising


def dialect_of(platform: Platform, here: str = sys.platform) -> Dialect:
    """The dialect that ``host.platform`` means on a machine of this ``sys.platform``."""
    if platform == "auto":
        return Dialect.DARWIN if here == "darwin" else Dialect.LINUX
    return Dialect(platform)


def read(
    path: Path, names: Names | None, *, dialect: Dialect, address: str, low_ports: bool
) -> Findings:
    """The exports file at a path, and on Linux the files of the folder beside it.

    Args:
        path: ``/etc/exports``; the folder beside it is ``/etc/exports.d``.
        names: see :func:`read_exports`.
        dialect: whose rules apply. Those of another system are applied without what only such a
            machine could tell.
        address: where the host's server is dialled.
        low_ports: see :func:`read_exports`.
    """
    files = (path, *_beside(path)) if dialect is Dialect.LINUX else (path,)
    sources = [source_of(each) for each in files]
    folder = (_folder(path),) if dialect is Dialect.LINUX else ()
    watched = (path, *folder, *files[1:])
    return judge(
        sources, names, dialect=dialect, address=address, low_ports=low_ports, files=watched
    )


def judge(
    sources: list[Source],
    names: Names | None,
    *,
    dialect: Dialect,
    address: str,
    low_ports: bool,
    files: tuple[Path, ...] = (),
) -> Findings:
    """Texts as this machine would take them; see :func:`read`."""
    system = _system(dialect, names)
    reading = reader.read(dialect, sources, system)
    if isinstance(system, Posix) and system.awaits_names():
        reading = reader.read(dialect, sources, system)
    own = dialled_from(address, system.addresses)
    place = Place(sources[0].path)
    around = Surroundings(system, own or _LOOPBACK, low_ports, names_asked=_asked(system, names))
    remarks = [*explain(reading, around)]
    if own is None:
        why = "is not known, or no route leads there" if names else "is not looked up here"
        text = f"[host] address = {address} {why}: all is judged as for {_LOOPBACK}"
        remarks.insert(0, remark("host-unresolved", place, "host.address", text, "name an address"))
    if isinstance(system, Posix):
        remarks += _not_seen(reading, system)
    else:
        text = (
            f"read as {_CALLED[dialect]} reads it, on another system: paths, users, groups, "
            "volumes and names are not judged"
        )
        remarks.insert(0, remark("judged-elsewhere", place, "exports", text))
    names_read = tuple(source.path for source in sources)
    return Findings(reading, tuple(remarks), names_read, files, around.dialled_from)


def _system(dialect: Dialect, names: Names | None) -> System:
    # One of them is needed; see reader.read().
    if dialect is not dialect_of("auto"):
        from hostnfsd.machine.elsewhere import Elsewhere  # noqa: PLC0415

        return Elsewhere()
    if dialect is Dialect.DARWIN:
        from hostnfsd.machine.darwin import Darwin  # noqa: PLC0415

        return Darwin(names)
    from hostnfsd.machine.linux import Linux  # noqa: PLC0415

    return Linux(names)


def _asked(system: System, names: Names | None) -> bool:
    return names is not None and isinstance(system, Posix)


def _not_seen(reading: Reading, system: Posix) -> list[Problem]:
    text = "this user may not look there: whether it is a directory is not judged"
    return [
        remark("not-seen", export.place, export.path, text, "run it as root")
        for export in reading.exports
        if any(export.path == path or export.path.startswith(path + "/") for path in system.unseen)
    ]


def _folder(path: Path) -> Path:
    return path.with_name(f"{path.name}.d")


def _beside(path: Path) -> tuple[Path, ...]:
    folder = _folder(path)
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:  # mostly there is none
        return ()
    return tuple(folder / name for name in included(names))


def source_of(path: Path) -> Source:
    """A file's text; what is no file, or may not be read, is a source with the reason."""
    try:
        # A pipe is not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Source(str(path), "", missing=True, why="it is no file")
            return text_of(str(path), file.read(MOST_BYTES + 1))
    except FileNotFoundError:
        return Source(str(path), "", missing=True)
    except OSError as exc:
        return Source(str(path), "", missing=True, why=exc.strerror or str(exc))
    except ValueError:  # a NUL in the name
        return Source(str(path), "", missing=True, why="that is no file name")


def text_of(name: str, content: bytes) -> Source:
    """Bytes as the readers want them; too many of them are refused."""
    if len(content) > MOST_BYTES:
        why = f"it has more than {MOST_BYTES // 1024} KiB"
        return Source(name, "", missing=True, why=why)
    return Source(name, content.decode("utf-8", "surrogateescape"))
