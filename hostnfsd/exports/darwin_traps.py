"""Traps of macOS exports(5) that nfsd does not tell of."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from hostnfsd.exports import printer, spelling
from hostnfsd.exports.darwin.options import NAMES, VALUED
from hostnfsd.exports.model import Client, Dialect, Entry, Export, Reading
from hostnfsd.exports.remarks import remark
from hostnfsd.exports.system import ServerState, System
from hostnfsd.problem import Place, Problem

#: What macOS guards from programs without Full Disk Access (TCC), nfsd among them.
_GUARDED: Final = re.compile(
    r"(/System/Volumes/Data)?(/Users/[^/]+/(Documents|Desktop|Downloads)(/|$)|/Volumes/[^/]+)"
)
_DATA: Final = "/System/Volumes/Data"
_READ_ONLY: Final = {"ro", "o"}


def explain(reading: Reading, system: System) -> Iterator[Problem]:
    """What is worth saying of a file of macOS.

    Args:
        reading: the file.
        system: the machine it is on.
    """
    for entry in reading.entries:
        yield from _dropped(entry)
    for export in reading.exports:
        yield from _host_bits(export, reading.entries)
        yield from _guarded(export, system)
        yield from _firmlink(export)


def _dropped(entry: Entry) -> Iterator[Problem]:
    for index, field in enumerate(entry.fields):
        kept, rest = _cut(field, last=index + 1 == len(entry.fields))
        if rest is None or not _READ_ONLY & {name.partition("=")[0] for name in rest}:
            continue
        fields = list(entry.fields)
        fields[index] = "-" + ",".join((*kept, *rest))
        line = printer.line(Dialect.DARWIN, replace(entry, fields=tuple(fields)))
        text = "exported read-write: -ro stands behind an option that nfsd does not know"
        yield remark("ro-dropped", entry.field_places[index], field, text, f"write: {line}")


def _cut(field: str, *, last: bool) -> tuple[list[str], list[str] | None]:
    """The items of an option list that nfsd reads, and those behind one it does not know."""
    if not field.startswith("-"):
        return [], None
    items = field[1:].split(",")
    for at, item in enumerate(items):
        name, equals, _ = item.partition("=")
        borrows = at + 1 == len(items) and not last
        if name not in NAMES or (name in VALUED and not equals and not borrows):
            return items[:at], items[at + 1 :]
    return items, None


def _host_bits(export: Export, entries: tuple[Entry, ...]) -> Iterator[Problem]:
    for grant in export.grants:
        block = grant.client.block
        if block is None or not block.host_bits:
            continue
        entry = _entry_of(grant.client, entries)
        text = (
            f"matches nobody: {block.address} has bits outside of its mask {block.mask}; "
            "mountd answers permission denied"
        )
        if block.address.is_loopback:
            line = spelling.darwin_line(export, grant.terms, ["localhost"])
        elif not int(block.mask):
            text = "matches nobody: without -mask an IPv6 network has one of zeros"
            fields = (*entry.fields, "-mask", "ffff:ffff:ffff:ffff::")
            line = printer.line(Dialect.DARWIN, replace(entry, fields=fields))
        else:
            fields = _respelled(entry, grant.client.text, str(block.masked().address))
            line = printer.line(Dialect.DARWIN, replace(entry, fields=fields))
        place = grant.client.place
        yield remark("network-host-bits", place, grant.client.text, text, f"write: {line}")


def _entry_of(client: Client, entries: tuple[Entry, ...]) -> Entry:
    def key(place: Place) -> tuple[int, int]:
        return place.line or 0, place.column or 0

    # They stand in the order of the file.
    at = bisect_right(entries, key(client.place), key=lambda entry: key(entry.place))
    return entries[at - 1]


def _respelled(entry: Entry, old: str, new: str) -> tuple[str, ...]:
    inside = re.compile(rf"(?P<before>[-,](?:network|n)=){re.escape(old)}(?=,|$)")
    return tuple(
        new if field == old else inside.sub(rf"\g<before>{new}", field) for field in entry.fields
    )


def _guarded(export: Export, system: System) -> Iterator[Problem]:
    # A running nfsd was asked; what it may not read is an error that it counts.
    if system.server_state() is ServerState.RUNNING or not _GUARDED.match(export.path):
        return
    text = "macOS guards this place: nfsd needs Full Disk Access, else clients see nothing in it"
    hint = (
        "System Settings, Privacy & Security, Full Disk Access: add /sbin/nfsd; "
        "or export a folder elsewhere"
    )
    yield remark("needs-disk-access", export.place, export.path, text, hint)


def _firmlink(export: Export) -> Iterator[Problem]:
    if not export.path.startswith(_DATA + "/"):
        return
    plain = export.path.removeprefix(_DATA)
    text = f"clients may mount it as {plain}, too; other tools export it by that name"
    yield remark("client-path", export.place, export.path, text, f"write: {plain}")
