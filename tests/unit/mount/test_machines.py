import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given

from hostnfsd.mount import machines
from hostnfsd.mount.plan import decide
from tests.support import mounts

OPTIONS = "vers=3,proto=tcp,port=2049,mountproto=tcp,mountport=20048,nolock,hard"


def script(text: str) -> list[list[str]]:
    """The commands of a shell script, in words."""
    return [shlex.split(line) for line in text.splitlines() if not line.startswith("#")]


def octal(field: str) -> str:
    """What getmntent(3) makes of a field."""
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), field)


def test_a_machine_runs_two_commands_and_the_rest_is_comments() -> None:
    assert script(machines.linux(mounts.mount("/Users/ada/studio")).text) == [
        ["mkdir", "-p", "/mnt/studio"],
        ["mount", "-t", "nfs", "-o", OPTIONS, "dev-gw:/Users/ada/studio", "/mnt/studio"],
    ]


@given(mounts.paths)
def test_any_path_survives_the_shell(path: str) -> None:
    mount = mounts.mount(path)
    source, point = f"dev-gw:{path}", f"/mnt/{mount.path.name}"
    assert [words[-2:] for words in script(machines.linux(mount).text)] == [
        ["-p", point],
        [source, point],
    ]
    assert [words[:3] for words in script(machines.kind_node(mount, "n").text)] == [
        ["docker", "exec", "n"]
    ] * 2
    assert script(machines.kind_node(mount, "n").text)[1][-2:] == [source, point]


@pytest.mark.parametrize("path", mounts.NASTY)
def test_a_real_shell_reads_it_the_same(path: str) -> None:
    text = machines.linux(mounts.mount(path)).text
    fake = "mkdir() { :; }; mount() { printf '%s\\0' \"$@\"; };\n"
    out = subprocess.run(["sh", "-c", fake + text], capture_output=True, check=True).stdout
    assert out.decode().split("\0")[4:6] == [f"dev-gw:{path}", f"/mnt/{path.rpartition('/')[2]}"]


@given(mounts.paths)
def test_any_path_is_two_fields_of_fstab(path: str) -> None:
    mount = mounts.mount(path)
    printed = machines.fstab(mount)
    (line,) = (line for line in printed.text.split("\n") if line and line[0] != "#")
    fields = re.split(r"[ \t]+", line)
    assert [octal(field) for field in fields[:2]] == [f"dev-gw:{path}", str(mount.mount_point)]
    assert fields[2:] == ["nfs", f"{OPTIONS},_netdev,nofail", "0", "0"]
    assert printed.to_json()["line"] == line


def test_libmount_reads_every_nasty_path_from_fstab(tmp_path: Path) -> None:
    tab = tmp_path / "fstab"
    tab.write_text("".join(machines.fstab(mounts.mount(path)).text for path in mounts.NASTY))
    found = subprocess.run(
        ["findmnt", "--tab-file", tab, "--json", "--output", "SOURCE,TARGET,FSTYPE,OPTIONS"],
        capture_output=True,
        check=True,
        text=True,
    )
    rows = json.loads(found.stdout)["filesystems"]
    assert [(row["source"], row["target"]) for row in rows] == [
        (f"dev-gw:{path}", f"/mnt/{path.rpartition('/')[2]}") for path in mounts.NASTY
    ]
    assert {row["fstype"] for row in rows} == {"nfs"}
    assert {row["options"] for row in rows} == {f"{OPTIONS},_netdev,nofail"}


def test_findmnt_finds_no_fault_with_the_line(tmp_path: Path) -> None:
    tab = tmp_path / "fstab"
    text = machines.fstab(mounts.mount("/srv/a b")).text
    # The mount point is the client's to make, as the comment says.
    point = tmp_path / "a b"
    point.mkdir()
    tab.write_text(text.replace(r" /mnt/a\040b ", f" {machines.fstab_field(str(point))} "))
    verified = subprocess.run(
        ["findmnt", "--verify", "--verbose", "--tab-file", tab],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Success, no errors or warnings detected" in verified.stdout
    assert verified.returncode == 0


def test_mount_itself_would_mount_the_line(tmp_path: Path) -> None:
    tab = tmp_path / "fstab"
    tab.write_text(machines.fstab(mounts.mount("/srv/a b")).text)
    told = subprocess.run(
        ["mount", "--all", "--fake", "--verbose", "--no-mtab", "--fstab", tab, "--internal-only"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"^/mnt/a b +: successfully mounted$", told.stdout, re.MULTILINE)


def test_a_node_can_be_another() -> None:
    printed = machines.kind_node(mounts.mount(), "kind-worker2")
    assert {words[2] for words in script(printed.text)} == {"kind-worker2"}


def test_json_has_the_same_in_pieces() -> None:
    document = machines.linux(mounts.mount("/a b", "fd00::12")).to_json()
    options = "vers=3,proto=tcp6,port=2049,mountproto=tcp6,mountport=20048,nolock,hard"
    where = "'[fd00::12]:/a b' '/mnt/a b'"
    assert document == {
        "schema": 1,
        "kind": "linux",
        "gateway": "dev-gw",
        "address": "fd00::12",
        "path": "/a b",
        "source": "[fd00::12]:/a b",
        "mount_point": "/mnt/a b",
        "options": {
            "vers": "3",
            "proto": "tcp6",
            "port": "2049",
            "mountproto": "tcp6",
            "mountport": "20048",
            "nolock": None,
            "hard": None,
        },
        "commands": ["mkdir -p '/mnt/a b'", f"mount -t nfs -o {options} {where}"],
    }


def test_version_4_is_said_to_be_spoken_where_it_is() -> None:
    both = mounts.server(versions=(3, 4))
    assert "--vers 4" in machines.linux(decide(both, "/x")).text
    assert "--vers 4" not in machines.linux(decide(both, "/x", version=4)).text
    assert "--vers 4" not in machines.linux(mounts.mount()).text
