"""The Linux reader beside the real exportfs: the same files, the same table, the same verdict.

exportfs is of nfs-kernel-server, unpacked and not installed. It runs in a mount namespace of its
own, where /etc, /srv and its state directory are scratch folders; it needs no kernel NFS server.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostnfsd.exports.linux import reader as linux
from hostnfsd.exports.linux.files import included
from hostnfsd.exports.model import Dialect, Grant, Reading, Squash
from hostnfsd.exports.source import Source
from hostnfsd.problem import Severity
from tests.support.exports_system import HOSTS, LINUX
from tests.vectors import exports_vectors as vectors

pytestmark = pytest.mark.integration

_CACHE: Final = Path(__file__).parents[2] / ".cache"
_FSID: Final = re.compile(r"^fsid=(-?\d+)$")
_OCTAL: Final = re.compile(rb"\\([0-7]{3})")
#: What the table of exportfs tells in another way, or not at all, than the reader's options do.
_DEFAULTS: Final = {
    "sync", "wdelay", "hide", "nocrossmnt", "no_subtree_check", "secure_locks", "acl", "no_pnfs",
    "no_all_squash", "ro", "rw", "root_squash", "no_root_squash", "all_squash", "secure",
    "insecure",
}  # fmt: skip
#: Vectors that the two take differently, and why that is meant.
DIFFERENT: Final = {
    "path-too-long": "exportfs ends in the middle of the file without a word, and with success",
    "newer-options": "Debian 12 has nfs-utils 2.6.2, which does not know xprtsec and reexport yet",
}

VECTORS = vectors.files(Dialect.LINUX)

Row = tuple[bytes, str, frozenset[str]]


@dataclass(frozen=True)
class Told:
    """What the real one made of a file."""

    status: int
    rows: frozenset[Row]
    messages: str


class Box:
    """A scratch machine as ``LINUX`` describes it."""

    def __init__(self, folder: Path) -> None:
        cache = Path(os.environ.get("HOSTNFSD_CACHE", _CACHE))
        self.program = cache / "nfs-kernel-server/usr/sbin/exportfs"
        assert self.program.is_file(), "packaging/install-test-packages.sh unpacks it"
        self.folder = folder
        for name in ("etc/exports.d", "srv", "state"):
            (folder / name).mkdir(parents=True)
        for name in ("a", "b c", "d", "ä"):
            (folder / "srv" / name).mkdir()
        (folder / "srv/file").touch()
        (folder / "srv/link").symlink_to("/srv/a")
        hosts = [f"{address} {name}" for name, addresses in HOSTS.items() for address in addresses]
        (folder / "etc/hosts").write_text("\n".join(hosts) + "\n")
        (folder / "etc/nsswitch.conf").write_text("hosts: files\nnetgroup: files\n")
        (folder / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
        (folder / "etc/netgroup").write_text("team (hostone,,) (two,,)\n")

    def export(self, content: bytes | None, **more: bytes) -> Told:
        if content is not None:
            (self.folder / "etc/exports").write_bytes(content)
        for name, text in more.items():
            (self.folder / "etc/exports.d" / name).write_bytes(text)
        etab = self.folder / "state/etab"
        etab.write_bytes(b"")
        script = (
            "mount --make-rprivate / && mount --bind $0/etc /etc && mount --bind $0/srv /srv && "
            "mount --bind $0/state /var/lib/nfs && cd / && exec $1 -ra"
        )
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, str(self.folder), str(self.program)],
            capture_output=True,
            check=False,
            timeout=30,
        )
        rows = frozenset(row(line) for line in etab.read_bytes().splitlines())
        return Told(done.returncode, rows, done.stderr.decode(errors="replace"))


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def row(line: bytes) -> Row:
    """A line of the table: path, client, options."""
    path, _, rest = (
        _OCTAL.sub(lambda match: bytes([int(match.group(1), 8)]), part)
        for part in line.partition(b"\t")
    )
    client, _, listed = rest.decode("utf-8", "surrogateescape").rstrip(")").partition("(")
    options = {o for o in listed.split(",") if o not in _DEFAULTS - {"no_root_squash"}}
    first = set(listed.split(",sec=", maxsplit=1)[0].split(","))
    options -= {"no_root_squash"}
    options |= first & {"ro", "rw", "secure", "insecure", "all_squash", "no_root_squash"}
    # One flavor by two names: the reader tells the usual one.
    options = {_flavors(o) if o.startswith("sec=") else o for o in options}
    # The table tells numbers of file systems with a sign.
    options = {_FSID.sub(lambda m: f"fsid={int(m.group(1)) % (1 << 32)}", o) for o in options}
    return path, client or "*", frozenset(options)


def _flavors(option: str) -> str:
    return option.replace("unix", "sys").replace("none", "null")


def meant(path: str, grant: Grant) -> Row:
    """What the reader says, in the words of the table."""
    terms = grant.terms
    options = {
        "ro" if terms.read_only else "rw",
        "secure" if terms.low_ports else "insecure",
        f"anonuid={terms.uid}",
        f"anongid={terms.gids[0]}",
        f"sec={':'.join(terms.security)}",
        *terms.options,
    }
    options |= {"all_squash"} if terms.squash is Squash.ALL else set()
    options |= {"no_root_squash"} if terms.squash is Squash.NONE else set()
    client = grant.client.text or "*"
    return path.encode("utf-8", "surrogateescape"), client, frozenset(options)


def rows(reading: Reading) -> frozenset[Row]:
    return frozenset(meant(e.path, grant) for e in reading.exports for grant in e.grants)


def fails(reading: Reading) -> bool:
    """Whether exportfs would fail: it does not see what stands behind a silent end."""
    seen = takewhile(lambda p: p.code != "file-ends-early", reading.problems)
    return any(p.severity is Severity.ERROR for p in seen)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.stem)
def test_a_vector_means_the_same_to_exportfs(vector: Path, box: Box) -> None:
    told = box.export(vector.read_bytes())
    reading = vectors.read(Dialect.LINUX, vectors.content(vector))

    same = told.rows == rows(reading) and (told.status != 0) == fails(reading)
    if vector.stem in DIFFERENT:
        assert not same, f"no longer different: {DIFFERENT[vector.stem]}"
    else:
        assert told.rows == rows(reading), told.messages
        assert (told.status != 0) == fails(reading), told.messages


def test_further_files_are_read_in_the_order_of_their_versions(box: Box) -> None:
    more = {
        "9-nine.exports": b"/srv/a hostone(rw)\n",
        "10-ten.exports": b"/srv/a hostone(ro)\n/srv/d *(ro)\n",
        "2-broken.exports": b"/srv/d *(bogus)\n/srv/d two(rw)\n",
        "notes.txt": b"/srv/d sixer(rw)\n",
        ".hidden.exports": b"/srv/d sixer(rw)\n",
    }
    told = box.export(b"/srv/a two(rw,bad)\n", **more)

    sources = [Source("exports", "/srv/a two(rw,bad)\n")]
    sources += [Source(name, more[name].decode()) for name in included(more)]
    reading = linux.read(sources, LINUX)
    assert ["exports", *included(more)] == [
        "exports",
        "2-broken.exports",
        "9-nine.exports",
        "10-ten.exports",
    ]
    assert told.rows == rows(reading), told.messages
    assert told.status == 1


def test_without_the_first_file_the_further_ones_are_read(box: Box) -> None:
    text = "/srv/d *(ro)\n"
    told = box.export(None, **{"a.exports": text.encode()})
    sources = [Source("exports", "", missing=True), Source("a.exports", text)]
    reading = linux.read(sources, LINUX)

    assert told.rows == rows(reading)
    assert (told.status, reading.error_count) == (1, 1)


PIECES = (
    " ", " ", "\n", "\n", "\t", "\\\n", "\r", "\f", '"', "#", "\\", "(", ")", ",", "-", "=",
    "/srv/a ", "/srv/d ", "/srv/b\\040c ", "/srv/link ", "*", "*(rw)", "hostone(ro)", "hostone",
    "two(rw,insecure)", "10.0.0.0/8(rw)", "10.0.0.1", "fd00::/64(ro)", "@team", "nohost(rw)",
    "-ro", "-rw,sync", "rw", "ro", "sec=sys:krb5", "anonuid=7", "all_squash", "no_root_squash",
    "async", "bogus", "\\101", "\\", "fsid=0", "squash_uids=1-2", "refer=/x@y", "x",
)  # fmt: skip


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.lists(st.sampled_from(PIECES), max_size=24).map("".join))
def test_whatever_is_written_means_the_same_to_exportfs(text: str, box: Box) -> None:
    told = box.export(text.encode())
    reading = vectors.read(Dialect.LINUX, text)

    assert told.rows == rows(reading), told.messages
    assert (told.status != 0) == fails(reading), told.messages
