import plistlib

import pytest

from hostnfsd.exports.system import Volume
from hostnfsd.machine import mounts

#: proc(5).
MOUNTINFO = (
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "36 22 0:31 / /srv rw - xfs /dev/sdb1 rw\n"
    "37 36 0:32 / /srv/a\\040b rw master:1 - btrfs /dev/sdc1 rw\n"
    "38 22 0:33 / /srv rw - tmpfs tmpfs rw\n"
    "damaged\n"
)

#: mount(8) as macOS prints it.
DARWIN = """/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect, root data)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
/dev/disk5s1 on /Volumes/My Disk (old) (exfat, local, nodev, nosuid, noowners)
//dev@nas/share on /Volumes/on (smbfs, nodev, nosuid, mounted by dev)
"""

#: As uuidlist_save() of NFS:nfsd/mountd.c writes it.
TABLE = """\
01234567-89AB-CDEF-0123-456789ABCDEF 01234567-89ab-cdef-0123-456789abcdef 0x01000005 /Volumes/A b
XID 0x00000001 .
XID 0x00000002 data/deep
------------------------------------ FEDCBA98-7654-3210-FEDC-BA9876543210 0x01000006 /Volumes/C
damaged /Volumes/D
"""


def test_the_kernels_table_of_linux() -> None:
    volumes = mounts.mountinfo(MOUNTINFO)

    assert [v.mount_point for v in volumes] == ["/", "/srv", "/srv/a b", "/srv"]
    assert mounts.over("/srv/x", volumes) == Volume("/srv", None, "tmpfs"), "the last one hides"
    assert mounts.over("/srv/a b/x", volumes) == Volume("/srv/a b", None, "btrfs")
    assert mounts.over("/srvx", volumes) == Volume("/", None, "ext4")
    assert mounts.over("/", volumes) == Volume("/", None, "ext4")
    assert mounts.over("/", ()) is None


def test_the_list_of_macos() -> None:
    volumes = mounts.darwin_mounts(DARWIN)

    assert [(v.mount_point, v.kind) for v in volumes] == [
        ("/", "apfs"),
        ("/dev", "devfs"),
        ("/System/Volumes/Data", "apfs"),
        ("/System/Volumes/Data/home", "autofs"),
        ("/Volumes/My Disk (old)", "exfat"),
        ("/Volumes/on", "smbfs"),
    ]
    over = mounts.over("/System/Volumes/Data/Users/dev", volumes)
    assert over is not None
    assert over.mount_point == "/System/Volumes/Data"


def test_what_nfsd_remembers() -> None:
    assert mounts.remembered(TABLE) == (
        Volume("/Volumes/A b", "0123456789abcdef0123456789abcdef"),
        Volume("/Volumes/C", "fedcba9876543210fedcba9876543210"),
    )
    assert mounts.remembered("") == ()


def told(**facts: object) -> str:
    return plistlib.dumps(facts).decode()


@pytest.mark.parametrize(
    ("text", "uuid"),
    [
        (
            told(VolumeUUID="0FF4D1F1-3B5C-4C9E-9F53-2D3B8A1C0E5D", FilesystemType="apfs"),
            "0ff4d1f13b5c4c9e9f532d3b8a1c0e5d",
        ),
        (told(FilesystemType="msdos"), None),
        (told(VolumeUUID=7), None),
        (told(VolumeUUID="none"), None),
        (plistlib.dumps(["a list"]).decode(), None),
        ("Could not find disk: /x\n", None),
        ("<plist><dict>", None),
        ("", None),
    ],
)
def test_the_uuid_of_a_disk(text: str, uuid: str | None) -> None:
    assert mounts.diskutil_uuid(text) == uuid
