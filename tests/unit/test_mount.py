import shlex
from pathlib import PurePosixPath

import pytest

from hostnfsd.config.model import Carried, CarriedService, Config, Gateway
from hostnfsd.errors import ConfigError, UsageError
from hostnfsd.mount import linux
from hostnfsd.services import Service


def carried(**services: CarriedService | bool) -> dict[Service, Carried]:
    config = Config(
        gateway={"dev-gw": Gateway()},
        services={Service(name): entry for name, entry in services.items() if entry is not True},
    )
    return dict(config.carried("dev-gw"))


def mount_line(address: str, path: str, **services: CarriedService | bool) -> list[str]:
    script = linux("dev-gw", address, path, carried(**services)).render()
    (line,) = (line for line in script.splitlines() if line.startswith("mount "))
    return shlex.split(line)


def test_the_line_names_version_protocol_and_both_ports() -> None:
    assert mount_line("dev-gw", "/Users/ada/studio") == [
        "mount",
        "-t",
        "nfs",
        "-o",
        "vers=3,proto=tcp,port=2049,mountproto=tcp,mountport=20048,nolock,hard",
        "dev-gw:/Users/ada/studio",
        "/mnt/studio",
    ]


def test_ports_are_those_of_the_gateway() -> None:
    line = mount_line(
        "172.22.0.12", "/x", nfs=CarriedService(port=12049), mountd=CarriedService(port=1892)
    )
    assert line[4] == "vers=3,proto=tcp,port=12049,mountproto=tcp,mountport=1892,nolock,hard"


@pytest.mark.parametrize("address", ["fd00::12", "[fd00::12]"])
def test_an_ipv6_address_gets_brackets_and_its_own_protocol_names(address: str) -> None:
    line = mount_line(address, "/x")
    assert line[4].startswith("vers=3,proto=tcp6,port=2049,mountproto=tcp6,")
    assert line[5] == "[fd00::12]:/x"


def test_a_path_survives_the_shell() -> None:
    path = '/Users/ada/it\'s a $HOME; rm -rf "*"'
    script = linux("dev-gw", "gw", path, carried()).render()
    words = [shlex.split(line) for line in script.splitlines() if not line.startswith("#")]
    assert words[0] == ["mkdir", "-p", '/mnt/it\'s a $HOME; rm -rf "*"']
    assert words[1][5:] == [f"gw:{path}", words[0][2]]


def test_everything_but_the_two_commands_is_a_comment() -> None:
    script = linux("dev-gw", "gw", "/x", carried()).render()
    commands = [line for line in script.splitlines() if not line.startswith("#")]
    assert [command.split()[0] for command in commands] == ["mkdir", "mount"]


@pytest.mark.parametrize(
    ("path", "expected", "mount_point"),
    [
        ("/", "/", "/mnt/hostnfsd"),
        ("//a//b/", "/a/b", "/mnt/b"),
        ("/a/./b", "/a/b", "/mnt/b"),
    ],
)
def test_the_mount_point_is_named_after_the_export(
    path: str, expected: str, mount_point: str
) -> None:
    mount = linux("dev-gw", "gw", path, carried())
    assert (mount.path, mount.mount_point) == (
        PurePosixPath(expected),
        PurePosixPath(mount_point),
    )


@pytest.mark.parametrize("path", ["", "studio", "./studio", "~/studio", "/a\nreboot", "/a/../b"])
def test_what_cannot_be_an_export_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="PATH"):
        linux("dev-gw", "gw", path, carried())


@pytest.mark.parametrize("service", ["nfs", "mountd"])
def test_without_nfs_or_mountd_there_is_nothing_to_mount(service: str) -> None:
    with pytest.raises(ConfigError, match=f"does not carry {service}"):
        linux("dev-gw", "gw", "/x", carried(**{service: False}))


def test_json_has_the_same_in_pieces() -> None:
    document = linux("dev-gw", "fd00::12", "/a b", carried()).to_json()
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
