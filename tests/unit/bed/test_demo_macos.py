"""The demo's changes to a Mac's files, on a stand-in for sudo that works on a folder."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.bed.demo_macos import Kept, restore, with_export, with_fixed_ports, write
from tests.bed.rights import MissingRightsError


class Sudo:
    """Carries out the commands as this user; ``deny`` names one that fails."""

    def __init__(self, deny: str = "") -> None:
        self.deny = deny
        self.commands: list[str] = []

    def __call__(self, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        sudo, program, *_ = command
        assert sudo == "sudo"
        self.commands.append(program)
        if program == self.deny:
            return subprocess.CompletedProcess(command, 1, "", "Operation not permitted")
        return subprocess.run(command[1:], capture_output=True, text=True, check=True)


def kept(path: Path) -> Kept:
    """The file, owned by whoever runs the test where it is yet to be made."""
    was = Kept.of(path)
    if was.content is not None:
        return was
    return Kept(path, None, 0o644, f"{os.getuid()}:{os.getgid()}")


@pytest.mark.parametrize("before", ["", "/a localhost\n", "# no newline at the end"])
def test_an_export_is_a_line_of_its_own_after_what_was_there(before: str) -> None:
    after = with_export(before, Path("/Users/Shared/x"), 501, 20)

    assert after.startswith(before)
    assert after.splitlines()[-1] == "/Users/Shared/x -mapall=501:20 localhost"
    assert after.splitlines()[:-1] == before.splitlines()


def test_ports_are_fixed_by_the_last_lines() -> None:
    after = with_fixed_ports("nfs.server.mount.port = 1")

    assert after.splitlines() == [
        "nfs.server.mount.port = 1",
        "nfs.server.mount.port = 20048",
        "nfs.server.mount.require_resv_port = 0",
    ]


@pytest.mark.parametrize("content", [b"/a localhost\n", b"", b"\xff\xfe no text \0 no newline"])
def test_a_file_comes_back_byte_for_byte_with_its_mode(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "exports"
    path.write_bytes(content)
    path.chmod(0o640)
    was, sudo = kept(path), Sudo()

    write(sudo, was, with_export(was.text, tmp_path, 501, 20).encode("utf-8", "surrogateescape"))
    assert path.read_bytes().startswith(content)
    assert not was.intact
    restore(sudo, was)

    assert path.read_bytes() == content
    assert was.intact
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_not_there_goes_again(tmp_path: Path) -> None:
    path = tmp_path / "nfs.conf"
    was, sudo = kept(path), Sudo()

    write(sudo, was, b"x")
    assert path.read_bytes() == b"x"
    restore(sudo, was)

    assert not path.exists()


def test_a_file_in_place_is_renamed_over_and_never_missing(tmp_path: Path) -> None:
    path = tmp_path / "exports"
    path.write_bytes(b"x")
    sudo = Sudo()

    write(sudo, kept(path), b"y")

    assert sudo.commands == ["cp", "chmod", "chown", "mv"]


def test_an_untouched_file_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "exports"
    path.write_bytes(b"x")
    sudo = Sudo()

    restore(sudo, kept(path))

    assert sudo.commands == []


def test_a_refused_write_names_the_cure_and_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "exports"
    path.write_bytes(b"x")

    with pytest.raises(MissingRightsError, match="Full Disk Access"):
        write(Sudo(deny="cp"), kept(path), b"y")

    assert path.read_bytes() == b"x"
