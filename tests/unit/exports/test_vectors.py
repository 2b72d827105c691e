"""Both readers against exports files with known meaning."""

import re
from pathlib import Path

import pytest

from hostnfsd.exports.darwin import options as darwin
from hostnfsd.exports.linux import options as linux
from hostnfsd.exports.model import Dialect
from tests.vectors import exports_vectors as vectors

EXPORTS_PAGE = (Path(__file__).parents[3] / "docs/exports.md").read_text(encoding="utf-8")
DARWIN = vectors.files(Dialect.DARWIN)
LINUX = vectors.files(Dialect.LINUX)


def test_the_vectors_are_seen() -> None:
    assert len(DARWIN) > 30
    assert len(LINUX) > 20


@pytest.mark.parametrize("vector", DARWIN, ids=lambda path: path.stem)
def test_macos(vector: Path) -> None:
    reading = vectors.read(Dialect.DARWIN, vectors.content(vector))

    assert vectors.expected(vector) == vectors.described(reading)


@pytest.mark.parametrize("vector", LINUX, ids=lambda path: path.stem)
def test_linux(vector: Path) -> None:
    reading = vectors.read(Dialect.LINUX, vectors.content(vector))

    assert vectors.expected(vector) == vectors.described(reading)


WRITTEN = {
    dialect: "".join(vectors.content(vector) for vector in vectors.files(dialect))
    for dialect in Dialect
}
TOLD = "".join(vectors.expected(vector) for vector in (*DARWIN, *LINUX))

#: Codes that depend on more than the text and the machine of the vectors.
SITUATIONS = {
    "cannot-open", "name-late", "names-not-asked", "needs-disk-access", "nfsd-differs",
    "nfsd-stopped", "not-seen", "host-unresolved", "judged-elsewhere", "unknown-network",
    "not-judged", "not-served", "still-served", "served-otherwise",
}  # fmt: skip


@pytest.mark.parametrize("name", [*darwin.NAMES, *darwin.FLAVORS])
def test_every_option_of_macos_has_a_vector(name: str) -> None:
    assert re.search(rf"[-,=:]{re.escape(name)}(?![a-z0-9])", WRITTEN[Dialect.DARWIN])


@pytest.mark.parametrize("name", [*linux.NAMES, *linux.FLAVORS])
def test_every_option_of_linux_has_a_vector(name: str) -> None:
    assert re.search(rf"[-(,=:]{re.escape(name)}", WRITTEN[Dialect.LINUX])


def test_every_code_has_a_vector() -> None:
    row = r"^\| `([a-z-]+)` \| (?:[ML] )?(?:error|warning|note)"
    documented = set(re.findall(row, EXPORTS_PAGE, re.MULTILINE))

    assert documented - set(re.findall(r"\[([a-z-]+)\]$", TOLD, re.MULTILINE)) == SITUATIONS


#: What nfsd says (NFS:nfsd/mountd.c). Not among them: that it cannot make an export's number, which
#: takes a full table of 2^32, and what only memory or the kernel decide.
MESSAGES = (
    "Directories must be first: ",
    "path contains non-directory or non-existent components: ",
    "directories must be on same volume",
    "conflicts with existing export ",
    "can't specify both network and hosts on same line",
    "Bad net: ",
    "-mask requires -network",
    "unrecognized export option: ",
    "Unknown user: ",
    "map credential error",
    "error processing options: ",
    "couldn't get address for host: ",
    "no valid hosts found for export",
    "got host/group with no directory?: ",
    "got options with no exported directory: ",
    "pathname too long (",
    "duplicate directory: ",
    "bad export options",
    "no usable directories in export entry",
    " and no fallback",
    "statfs failed (",
    "sandbox_check failed. nfsd has no read access to ",
    "does not match fspath (",
    "doesn't match best guess (",
    "Suggest using fspath=/path and/or fsuuid=uuid to disambiguate.",
    "couldn't get UUID for volume: ",
    "does not match fsuuid (",
    "using fallback (marked offline): ",
    "exported dir/fs mismatch: ",
    "export option conflict for ",
    "kernel export registration failed",
    "NFS exporting not supported by fstype ",
    "duplicate default export for ",
    "multiple/conflicting default exports for ",
    "conflicting exports for ",
    "Network option conflict",
)


@pytest.mark.parametrize("message", MESSAGES)
def test_every_message_of_nfsd_has_a_vector(message: str) -> None:
    assert any(message in vectors.expected(vector) for vector in DARWIN)
