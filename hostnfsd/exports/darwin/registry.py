"""Enters what entries ask for into the table of exports, as nfsd does, and tells what it means."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hostnfsd.exports import printer
from hostnfsd.exports.darwin.groups import Group
from hostnfsd.exports.darwin.options import Options
from hostnfsd.exports.darwin.paths import Directory, culprit, is_below
from hostnfsd.exports.darwin.table import Conflict, Holders, Registered, VolumeTable
from hostnfsd.exports.darwin.volumes import Chosen, Dropped, Volumes
from hostnfsd.exports.findings import Findings
from hostnfsd.exports.model import Client, ClientKind, Dialect, Entry, Export, Grant, Terms
from hostnfsd.exports.source import Source
from hostnfsd.exports.system import Exportable, ServerState, StatFailure, System, Volume
from hostnfsd.problem import Place


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one entry asks for.

    Attributes:
        directories: sorted, each before those below it.
        options: for the volume that was named.
        terms: for everybody it is for.
        groups: whom nfsd would register; none: everybody.
        clients: what they mean.
    """

    directories: list[Directory]
    options: Options
    terms: Terms
    groups: Sequence[Group]
    clients: Sequence[Client]


@dataclass(slots=True)
class _Meaning:
    place: Place
    grants: dict[tuple[ClientKind, str], Grant] = field(default_factory=dict)
    also: dict[str, None] = field(default_factory=dict)


class Registry:
    """All entries so far."""

    def __init__(self, source: Source, system: System, findings: Findings) -> None:
        self.source = source
        self.system = system
        self.findings = findings
        self._tables: dict[str, VolumeTable] = {}
        self._meanings: dict[str, _Meaning] = {}
        self._volumes = Volumes(system, findings, list(system.remembered_volumes()))

    def exports(self) -> tuple[Export, ...]:
        """What is exported, in the order written."""
        return tuple(
            Export(path, meant.place, tuple(meant.grants.values()), tuple(meant.also))
            for path, meant in self._meanings.items()
        )

    def add(self, wanted: Wanted) -> None:
        """One entry.

        Raises:
            Dropped: it, or the rest of it, cannot be exported; why has been told.
        """
        chosen = self._volumes.choose(wanted.directories, wanted.options)
        if chosen.missing:
            wanted = replace(wanted, terms=replace(wanted.terms, offline=True))
        key = chosen.volume.uuid or chosen.volume.mount_point
        table = self._tables.get(key) or VolumeTable(chosen.volume.mount_point)
        self._check_others(wanted, chosen, table)
        if self.system.server_state() is ServerState.RUNNING and not chosen.missing:
            self._check_reading(wanted)
        waiting = deque(wanted.directories)
        while waiting:
            directory = waiting.popleft()
            below: list[Directory] = []
            while waiting and is_below(directory.path, waiting[0].path):
                below.append(waiting.popleft())
            self._export(directory, below, wanted, chosen, table)
            self._tables[key] = table

    def _check_others(self, wanted: Wanted, chosen: Chosen, table: VolumeTable) -> None:
        for directory in wanted.directories[chosen.checked :]:
            if not self._volumes.report_path(directory):
                continue
            volume = self.system.volume(directory.path)
            if isinstance(volume, StatFailure):
                text = f"statfs failed ({volume.text} ({volume.errno})) for path: {directory.path}"
                self.findings.error("statfs-failed", directory.at, text)
            elif volume.mount_point != table.mount_point and not volume.guessed:
                text = f"Volume mismatch for: {directory.path}; directories must be on same volume"
                self.findings.error("volume-mismatch", directory.at, text, "write a line for each")

    def _check_reading(self, wanted: Wanted) -> None:
        for directory in wanted.directories:
            if culprit(directory.path, self.system) is None and not self.system.server_reads(
                directory.path
            ):
                text = f'sandbox_check failed. nfsd has no read access to "{directory.path}"'
                hint = (
                    "give /sbin/nfsd Full Disk Access: System Settings, Privacy & Security, "
                    "Full Disk Access, +, Command-Shift-G, /sbin/nfsd"
                )
                self.findings.error("no-disk-access", directory.at, text, hint)

    def _export(
        self,
        directory: Directory,
        below: list[Directory],
        wanted: Wanted,
        chosen: Chosen,
        table: VolumeTable,
    ) -> None:
        path = directory.path
        if (other := table.nested_with(path)) is not None:
            text = f"{path} conflicts with existing export {other}"
            outer, inner = sorted((path, other), key=len)
            place = self.source.place(directory.at.start)
            lines = (Entry(place, (outer,), ("-alldirs",)), Entry(place, (outer, inner), ()))
            hint = " or ".join(printer.line(Dialect.DARWIN, line) for line in lines)
            hint = f"one line is enough, with the clients of both: {hint}"
            self.findings.error("nested", directory.at, text, hint)
            raise Dropped
        registered = table.directories.get(path) or Registered(path)
        if path not in table.directories:
            self._check_mount_point(directory, chosen.volume)
        try:
            done = registered.holders.register(path, wanted.groups, wanted.terms)
        except Conflict as conflict:
            text = f"export option conflict for {path} ({conflict})"
            hint = "give the same options to the same clients, or name other clients"
            self.findings.error("options-conflict", directory.at, text, hint)
            raise Dropped from conflict
        for remark in done.remarks:
            self.findings.warning("duplicate", directory.at, remark)
        if done.new and not chosen.missing:
            self._check_kernel(directory, chosen.volume)
        also = [sub.path for sub in below if self._mountable(registered, sub, wanted)]
        table.add(registered)
        # A directory that is missing can be exported, and not be mounted.
        if chosen.missing or culprit(path, self.system) is None:
            self._mean(directory, also, wanted)

    def _check_mount_point(self, directory: Directory, volume: Volume) -> None:
        physical = self.system.physical(directory.path)
        if volume.guessed or physical.startswith(volume.mount_point):
            return
        text = f"exported dir/fs mismatch: {directory.path} ({physical}) {volume.mount_point}"
        self.findings.error("path-mismatch", directory.at, text)
        raise Dropped

    def _check_kernel(self, directory: Directory, volume: Volume) -> None:
        if volume.exportable is Exportable.YES:
            return
        text = "kernel export registration failed"
        if volume.exportable is not Exportable.NO:
            text += (
                f': NFS exporting not supported by fstype "{volume.kind}" '
                f"({volume.exportable.value})"
            )
        self.findings.error("not-exportable", directory.at, text)
        raise Dropped

    def _mountable(self, registered: Registered, sub: Directory, wanted: Wanted) -> bool:
        """Register a directory below the export that may be mounted by itself."""
        # Only what differs per directory counts here: not whom root is mapped to.
        terms = replace(wanted.terms, uid=0, gids=())
        # Nobody here can have other terms already: he would have them for the export, too.
        holders = registered.below.setdefault(sub.path, Holders())
        done = holders.register(sub.path, wanted.groups, terms)
        for remark in done.remarks:
            self.findings.warning("duplicate", sub.at, remark)
        return culprit(sub.path, self.system) is None

    def _mean(self, directory: Directory, also: list[str], wanted: Wanted) -> None:
        place = self.source.place(directory.at.start)
        meant = self._meanings.setdefault(directory.path, _Meaning(place))
        for client in wanted.clients or (Client(ClientKind.WORLD, "", place),):
            meant.grants.setdefault((client.kind, client.text), Grant(client, wanted.terms))
        meant.also.update(dict.fromkeys(also))
