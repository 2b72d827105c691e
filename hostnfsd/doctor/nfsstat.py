r"""What a Mac's kernel has counted for each directory that it exports. Pure.

``nfsstat -f JSON -e`` (nfsstat(1); do_exports_normal() of Apple's NFS:nfsstat/nfsstat.c and
json_exports() of printer.c; JSON since macOS 11)::

    {
      "Exported Directory Info" : {
        "\/Users\/me\/src" : {
          "Read Bytes" : 4096,
          "Requests" : 12,
          "Write Bytes" : 0
        }
      }
    }

Where the kernel exports nothing that is an empty object, with the sentence ``No export stat data
found`` before it on a terminal and after it in a pipe: the two are not buffered alike.

The counts are of the whole server since it exports a directory. hostnfsd's trial mounts are among
the requests, and move no data. So bytes tell whether clients ever read or wrote, also before
hostnfsd ran, or past it: nothing else on a Mac does.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hostnfsd.doctor.finding import Finding, passed, skipped
from hostnfsd.readable import size

COMMAND: Final = ("/usr/bin/nfsstat", "-f", "JSON", "-e")

_TABLE: Final = "Exported Directory Info"
_NONE: Final = "No export stat data found"
#: Directories that get a row of their own.
_MOST: Final = 12


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted for one directory.

    Attributes:
        path: of the directory.
        requests: NFS calls, ours included.
        read: bytes that clients have read.
        written: bytes that they have written.
    """

    path: str
    requests: int
    read: int
    written: int


def read(output: str) -> tuple[Counts, ...] | None:
    """The directories, by path; None if that is no such output."""
    begin = output.find("{")
    if begin < 0:
        return () if _NONE in output else None
    try:
        document, _ = json.JSONDecoder().raw_decode(output, begin)
    except ValueError:
        return None
    table = document.get(_TABLE)
    if not isinstance(table, dict):
        return () if _NONE in output else None
    rows = (_counts(path, row) for path, row in sorted(table.items()))
    return tuple(row for row in rows if row is not None)


def _counts(path: str, row: Any) -> Counts | None:
    if not isinstance(row, dict):
        return None
    found = [row.get(key) for key in ("Requests", "Read Bytes", "Write Bytes")]
    requests, read_, written = (each if isinstance(each, int) else 0 for each in found)
    return Counts(path, requests, read_, written)


def judge(output: str) -> Sequence[Finding]:
    """A row for each directory; it informs, and never complains.

    Args:
        output: what :data:`COMMAND` printed, with its complaints; empty if it could not be run.
    """
    found = read(output)
    if found is None:
        said = " ".join(output.split())[:120]
        return (skipped(f"nfsstat does not tell{f': {said}' if said else ''}"),)
    if not found:
        return (skipped("the kernel exports no directory, and has counted nothing"),)
    rows = [passed(_words(each)) for each in found[:_MOST]]
    if len(found) > _MOST:
        rows.append(passed(f"and {len(found) - _MOST} more"))
    return rows


def _words(counts: Counts) -> str:
    if not counts.read and not counts.written:
        return f"{counts.path}: no client has read or written any data yet"
    moved = f"{size(counts.read)} read, {size(counts.written)} written"
    return f"{counts.path}: {moved} by clients, in {counts.requests} requests"
