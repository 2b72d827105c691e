"""What is mounted where, from the words of Linux and macOS. Pure."""

import plistlib
import re
from collections.abc import Iterable
from typing import Final
from xml.parsers.expat import ExpatError

from hostnfsd.exports.darwin.paths import is_below
from hostnfsd.exports.system import Volume

_OCTAL: Final = re.compile(r"\\([0-7]{3})")
#: A line of mount(8): ``/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled)``.
_DARWIN: Final = re.compile(r"^.*? on (/.*) \(([^,)]+)[^()]*\)$", re.MULTILINE)
#: ``<key>VolumeUUID</key>`` of ``diskutil info -plist``.
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
#: A line of /var/db/mountdexptab: the disk's UUID or dashes, the one in file handles, the file
#: system's number, where it was mounted. Lines of exports between them begin with XID.
_REMEMBERED: Final = re.compile(rf"^\S{{36}} ({_UUID.pattern}) 0x[0-9A-Fa-f]+ (/.*)$", re.MULTILINE)


def mountinfo(text: str) -> tuple[Volume, ...]:
    """The file systems of /proc/self/mountinfo (proc(5)), in its order."""
    found: list[Volume] = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        words, kind = before.split(" "), after.partition(" ")[0]
        if len(words) > 4:  # noqa: PLR2004  # the mount point is the fifth
            point = _OCTAL.sub(lambda match: chr(int(match.group(1), 8)), words[4])
            found.append(Volume(point, None, kind or "unknown"))
    return tuple(found)


def darwin_mounts(text: str) -> tuple[Volume, ...]:
    """The file systems that mount(8) of macOS lists; their UUIDs are not among its words."""
    return tuple(Volume(point, None, kind) for point, kind in _DARWIN.findall(text))


def over(path: str, volumes: Iterable[Volume]) -> Volume | None:
    """The file system that a path is on: the deepest, and of those on one place the last."""
    fitting = [v for v in volumes if path == v.mount_point or is_below(v.mount_point, path)]
    return max(reversed(fitting), key=lambda v: len(v.mount_point), default=None)


def diskutil_uuid(text: str) -> str | None:
    """The UUID that ``diskutil info -plist`` tells, as 32 lower-case digits; None for none."""
    try:
        facts = plistlib.loads(text.encode("utf-8", "surrogateescape"))
    except (plistlib.InvalidFileException, ExpatError, ValueError, OverflowError):
        return None
    known = facts.get("VolumeUUID") if isinstance(facts, dict) else None
    return _digits(known) if isinstance(known, str) and _UUID.fullmatch(known) else None


def _digits(uuid: str) -> str:
    return uuid.replace("-", "").lower()


def remembered(text: str) -> tuple[Volume, ...]:
    """The volumes of /var/db/mountdexptab, which uuidlist_save() of nfsd writes."""
    return tuple(Volume(point, _digits(uuid)) for uuid, _, point in _REMEMBERED.findall(text))
