"""Which volume an entry is for, and what nfsd falls back to where that volume is missing."""

from dataclasses import dataclass, field, replace
from typing import Final

from hostnfsd.exports.darwin.options import Options
from hostnfsd.exports.darwin.paths import Directory, common_parent, culprit, is_below
from hostnfsd.exports.findings import Findings
from hostnfsd.exports.source import Span
from hostnfsd.exports.system import FileKind, StatFailure, System, Volume


class Dropped(Exception):  # noqa: N818  # not for users: ends the reading of one entry
    """The entry cannot be used; why has been told."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The volume of an entry.

    Attributes:
        volume: the volume.
        missing: it is not mounted: its exports are known but not served.
        checked: how many of the directories have been looked at to find it.
    """

    volume: Volume
    missing: bool
    checked: int


_PATH_HINTS: Final = {
    FileKind.SYMLINK: "{} is a symbolic link: write {}",
    FileKind.OTHER: "{} is not a directory",
    None: "{} does not exist",
}


@dataclass(slots=True)
class Volumes:
    """The volumes nfsd knows: remembered ones, and those it met while it read the file."""

    system: System
    findings: Findings
    known: list[Volume] = field(default_factory=list)

    def choose(self, directories: list[Directory], options: Options) -> Chosen:
        """The volume of the first usable directory.

        Raises:
            Dropped: there is none.
        """
        fallback = self._fallback(directories, options)
        first = self._first_usable(directories)
        if first is None:
            text = "no usable directories in export entry"
            at = directories[0].at
            return self._fall_back("no-directory", at, text, fallback, len(directories))
        checked = directories.index(first) + 1
        volume = self.system.volume(first.path)
        if isinstance(volume, StatFailure):
            text = f"statfs failed ({volume.text} ({volume.errno})) for path: {first.path}"
            self.findings.error("statfs-failed", first.at, text)
            raise Dropped
        if volume.guessed:
            point = options.fspath or volume.mount_point
            volume = replace(volume, mount_point=point, uuid=options.fsuuid or volume.uuid)
        if options.fspath is not None and volume.mount_point != options.fspath:
            text = (
                f"file system path ({volume.mount_point}) does not match fspath ({options.fspath})"
            )
            return self._fall_back("fspath-mismatch", first.at, text, fallback, checked)
        if fallback is not None and is_below(volume.mount_point, fallback.mount_point):
            self._not_the_best_guess(first, volume, fallback, options)
            return self._offline(first.at, fallback, checked)
        if volume.uuid is None:
            text = f"couldn't get UUID for volume: {volume.mount_point}"
            self.findings.error("no-uuid", first.at, text)
            raise Dropped
        self._remember(volume)
        if options.fsuuid is not None and volume.uuid != options.fsuuid:
            text = f"file system UUID ({volume.uuid}) does not match fsuuid ({options.fsuuid})"
            return self._fall_back("fsuuid-mismatch", first.at, text, fallback, checked)
        return Chosen(volume, missing=False, checked=checked)

    def report_path(self, directory: Directory) -> bool:
        """Whether a path consists of directories only; if not, says what is there instead."""
        found = culprit(directory.path, self.system)
        if found is None:
            return True
        where, kind = found
        text = f"path contains non-directory or non-existent components: {directory.path}"
        hint = _PATH_HINTS[None if kind is None else kind].format(
            where, self.system.physical(directory.path)
        )
        self.findings.error("not-a-directory", directory.at, text, hint)
        return False

    def _first_usable(self, directories: list[Directory]) -> Directory | None:
        bad: str | None = None
        for directory in directories:
            if bad is not None and is_below(bad, directory.path):
                continue
            if self.report_path(directory):
                return directory
            bad = directory.path
        return None

    def _fallback(self, directories: list[Directory], options: Options) -> Volume | None:
        if options.fspath is not None or options.fsuuid is not None:
            return next(
                (
                    v
                    for v in self.known
                    if options.fsuuid in {None, v.uuid} and options.fspath in {None, v.mount_point}
                ),
                None,
            )
        parent = common_parent([self.system.physical(d.path) for d in directories])
        over = [v for v in self.known if parent == v.mount_point or is_below(v.mount_point, parent)]
        return max(over, key=lambda v: len(v.mount_point), default=None)

    def _not_the_best_guess(
        self, first: Directory, volume: Volume, fallback: Volume, options: Options
    ) -> None:
        text = (
            f"Exported file system ({volume.mount_point}) doesn't match best guess "
            f"({fallback.mount_point})."
        )
        self.findings.error("volume-missing", first.at, text, "mount the volume")
        if options.fspath is None and options.fsuuid is None:
            text = "Suggest using fspath=/path and/or fsuuid=uuid to disambiguate."
            self.findings.error("volume-ambiguous", first.at, text)

    def _fall_back(
        self, code: str, at: Span, text: str, fallback: Volume | None, checked: int
    ) -> Chosen:
        if fallback is None:
            self.findings.error(code, at, f"{text} and no fallback")
            raise Dropped
        self.findings.error(code, at, text)
        return self._offline(at, fallback, checked)

    def _offline(self, at: Span, fallback: Volume, checked: int) -> Chosen:
        text = f"using fallback (marked offline): {fallback.mount_point}"
        self.findings.error("marked-offline", at, text)
        return Chosen(fallback, missing=True, checked=checked)

    def _remember(self, volume: Volume) -> None:
        if volume not in self.known:
            self.known.append(volume)
