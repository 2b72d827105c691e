"""What init finds, with a real ssh, a stand-in for docker, and a real portmapper and mountd."""

import os
import shutil
from pathlib import Path

import pytest

from hostnfsd.cli import looking
from hostnfsd.init.facts import Attachment, Container, Published, SshAlias

INSPECTED = """[{"Name": "/dev-gw", "Config": {"Labels": null}, "NetworkSettings": {"Ports":
 {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": "122"}]}, "Networks": {"kind": {"IPAddress":
 "172.22.0.12", "IPPrefixLen": 16}}}}]"""


def command(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in PATH, with an ssh that reads ``tmp_path/.ssh/config``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    ssh = shutil.which("ssh")
    assert ssh is not None
    # ssh takes the home directory from the user database, whatever HOME is.
    command(folder / "ssh", f'exec {ssh} -F "{tmp_path}/.ssh/config" "$@"')
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").touch()
    for name in ("SSH_CONFIG", "EXPORTS", "NFS_CONF"):
        monkeypatch.setattr(looking, name, tmp_path / name.lower())
    monkeypatch.setattr(looking, "_RPCBIND", 1)  # where nobody listens
    return folder


def test_nothing_is_found_where_nothing_is(bin_folder: Path) -> None:
    (bin_folder / "ssh").unlink()
    facts = looking.look(os.environ)
    assert (facts.aliases, facts.containers, facts.exported, facts.listed) == ((), (), (), None)
    assert not facts.in_file
    (note,) = facts.notes
    assert "refuses connections" in note
    assert "sudo" in note


def test_aliases_of_all_files_are_resolved_by_ssh(bin_folder: Path, tmp_path: Path) -> None:
    assert bin_folder.is_dir()
    (tmp_path / ".ssh/config").write_text(
        "Include conf.d/*\nHost dev-gw\n HostName 127.0.0.1\n Port 122\n User admin\n"
        " RemoteForward 2049 localhost:2049\nHost *\n User nobody\n"
    )
    (tmp_path / ".ssh/conf.d").mkdir()
    (tmp_path / ".ssh/conf.d/more").write_text("Host other\n HostName other.example.org\n")
    (tmp_path / "ssh_config").write_text("Host system -v\n")
    assert looking.look(os.environ).aliases == (
        SshAlias("other", "other.example.org", 22, "nobody"),
        SshAlias("dev-gw", "127.0.0.1", 122, "admin", (2049,)),
        SshAlias("system", "system", 22, "nobody"),
    )


def test_without_ssh_an_alias_is_its_own_host(bin_folder: Path, tmp_path: Path) -> None:
    (bin_folder / "ssh").unlink()
    (tmp_path / ".ssh/config").write_text("Host gw\n")
    assert looking.look(os.environ).aliases == (SshAlias("gw", "gw"),)


def test_running_containers_are_inspected(bin_folder: Path) -> None:
    command(
        bin_folder / "docker",
        f"""case "$*" in
        "ps --quiet --no-trunc") echo abc; echo def ;;
        "inspect --type container abc def") /bin/cat <<'END'\n{INSPECTED}\nEND
        ;; *) exit 64 ;; esac""",
    )
    assert looking.look(os.environ).containers == (
        Container(
            "dev-gw", (Published("127.0.0.1", 122),), (Attachment("kind", "172.22.0.12/16"),)
        ),
    )


def test_a_container_that_has_ended_meanwhile_hides_no_other(bin_folder: Path) -> None:
    gone = "echo 'Error response from daemon: No such container: def' >&2; exit 1"
    command(
        bin_folder / "docker",
        f"""case "$1" in
        ps) echo abc; echo def ;;
        *) /bin/cat <<'END'\n{INSPECTED}\nEND
        {gone} ;; esac""",
    )
    facts = looking.look(os.environ)
    assert [each.name for each in facts.containers] == ["dev-gw"]
    assert not any("docker" in note for note in facts.notes)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "docker did not answer"),
        ('test "$1" = inspect || echo abc', "docker told nothing"),
    ],
)
def test_a_docker_that_does_not_work_is_told_of(bin_folder: Path, script: str, told: str) -> None:
    command(bin_folder / "docker", script)
    facts = looking.look(os.environ)
    assert facts.containers == ()
    assert told in facts.notes[0]


def test_exports_that_admit_this_host_are_found(bin_folder: Path, tmp_path: Path) -> None:
    assert bin_folder.is_dir()
    (tmp_path / "exports").write_text(f"{tmp_path} 127.0.0.1(rw)\n")
    assert looking.look(os.environ).exported == (str(tmp_path),)
    (tmp_path / "exports").write_text(f"{tmp_path} 10.0.0.0/8(rw)\n")
    facts = looking.look(os.environ)
    assert (facts.exported, facts.in_file) == ((), True)
    assert "no export in" in facts.notes[-1]


def test_what_stands_in_the_way_in_nfs_conf_is_told(bin_folder: Path, tmp_path: Path) -> None:
    assert bin_folder.is_dir()
    (tmp_path / "nfs_conf").write_text("[nfsd]\ntcp = n\n")
    assert "carries TCP only" in looking.look(os.environ).notes[-1]
