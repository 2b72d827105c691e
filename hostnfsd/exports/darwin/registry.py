"""Enters what entries ask for into the table of exports, as nfsd does, and tells what it means."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hostnfsd.exports.darwin.groups import Group
from hostnfsd.exports.darwin.options import Options
from hostnfsd.exports.darwin.paths import Directory, culprit, is_below
from hostnfsd.exports.darwin.table import Conflict, Holders, Registered, VolumeTable, register
from hostnfsd.exports.darwin.volumes import Chosen, Dropped, Volumes
from hostnfsd.exports.findings import Findings
from hostnfsd.exports.model import Client, ClientKind, Export, Grant, Terms
from hostnfsd.exports.source import Source
from hostnfsd.exports.system import Exportable, ServerState, StatFailure, System, Volume


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


class Registry:
    """All entries so far."""

    def __init__(self, source: Source, system: System, findings: Findings) -> None:
        self.source = source
        self.system = system
        self.findings = findings
        self._tables: dict[str, VolumeTable] = {}
        self._exports: dict[str, Export] = {}
        self._volumes = Volumes(system, findings, list(system.remembered_volumes()))

    def exports(self) -> tuple[Export, ...]:
        """What is exported, in the order written."""
        return tuple(self._exports.values())

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
        top: Directory | None = None
        for directory in wanted.directories:
            if top is None or not is_below(top.path, directory.path):
                top = directory
                below = [d for d in wanted.directories if is_below(directory.path, d.path)]
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
            elif volume.mount_point != table.mount_point:
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
            hint = (
                f"export one of the two; with -alldirs on it, {min(path, other, key=len)} is enough"
            )
            self.findings.error("nested", directory.at, text, hint)
            raise Dropped
        registered = table.directories.get(path) or Registered(path)
        if path not in table.directories:
            self._check_mount_point(directory, chosen.volume)
        try:
            holders, remarks = register(path, registered.holders, wanted.groups, wanted.terms)
        except Conflict as conflict:
            text = f"export option conflict for {path} ({conflict})"
            hint = "give the same options to the same clients, or name other clients"
            self.findings.error("options-conflict", directory.at, text, hint)
            raise Dropped from conflict
        for remark in remarks:
            self.findings.warning("duplicate", directory.at, remark)
        if holders != registered.holders and not chosen.missing:
            self._check_kernel(directory, chosen.volume)
        registered.holders = holders
        usable = [self._mountable(registered, sub, wanted) for sub in below]
        table.directories[path] = registered
        self._mean(
            directory, [d.path for d, fits in zip(below, usable, strict=True) if fits], wanted
        )

    def _check_mount_point(self, directory: Directory, volume: Volume) -> None:
        physical = self.system.physical(directory.path)
        if physical.startswith(volume.mount_point):
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
        before = registered.below.get(sub.path, Holders())
        try:
            holders, remarks = register(sub.path, before, wanted.groups, terms)
        except Conflict as conflict:
            text = f"mount subdirectory export option conflict for {sub.path} ({conflict})"
            self.findings.error("options-conflict", sub.at, text)
            return False
        for remark in remarks:
            self.findings.warning("duplicate", sub.at, remark)
        registered.below[sub.path] = holders
        return culprit(sub.path, self.system) is None

    def _mean(self, directory: Directory, also: list[str], wanted: Wanted) -> None:
        place = self.source.place(directory.at.start)
        everybody = Client(ClientKind.WORLD, "", place)
        old = self._exports.get(directory.path) or Export(directory.path, place, ())
        known = {(grant.client.kind, grant.client.text) for grant in old.grants}
        grants = tuple(
            Grant(client, wanted.terms)
            for client in wanted.clients or (everybody,)
            if (client.kind, client.text) not in known
        )
        merged = tuple(dict.fromkeys((*old.also, *also)))
        self._exports[directory.path] = replace(old, grants=old.grants + grants, also=merged)
