import re
from pathlib import PurePosixPath

import pytest
from hypothesis import given

from hostnfsd.config.model import CarriedService
from hostnfsd.errors import ConfigError, UsageError
from hostnfsd.mount.plan import decide, joined
from tests.support import mounts

PLAIN = "vers=3,proto=tcp,port=2049,mountproto=tcp,mountport=20048,nolock,hard"
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def options(*addresses: str, **how: bool) -> str:
    mount = decide(mounts.server(*addresses), "/x", **how)  # type: ignore[arg-type]  # flags
    return joined(mount.options(mount.address))


def test_nothing_is_left_to_be_asked() -> None:
    assert options("dev-gw") == PLAIN


def test_ports_are_those_of_the_gateway() -> None:
    server = mounts.server(nfs=CarriedService(port=12049), mountd=CarriedService(port=1892))
    mount = decide(server, "/x")
    given = mount.options("gw")
    assert (given["port"], given["mountport"]) == ("12049", "1892")


@pytest.mark.parametrize("address", ["fd00::12", "[fd00::12]"])
def test_an_ipv6_address_gets_brackets_and_its_own_protocol_names(address: str) -> None:
    mount = decide(mounts.server(address), "/x")
    assert options(address).startswith("vers=3,proto=tcp6,port=2049,mountproto=tcp6,")
    assert mount.source(mount.address) == "[fd00::12]:/x"


def test_a_mac_is_sent_small_transfers() -> None:
    mount = decide(mounts.server(darwin=True), "/x")
    assert joined(mount.options("gw")) == f"{PLAIN},rsize=32768,wsize=32768"


def test_dev_has_attributes_expire_after_a_second() -> None:
    assert options("dev-gw", dev=True) == f"{PLAIN},actimeo=1"


def test_version_4_needs_neither_mountd_nor_nolock() -> None:
    mount = decide(mounts.server(versions=(3, 4), mountd=False), "/x", version=4)
    assert joined(mount.options("gw")) == "vers=4.2,proto=tcp,port=2049,hard"


@pytest.mark.parametrize(
    ("darwin", "versions", "told"),
    [
        (True, (3,), "macOS has no NFSv4 server"),
        (True, None, "macOS has no NFSv4 server"),
        (False, (3,), r"does not speak it \(it speaks 3\)"),
    ],
)
def test_version_4_is_printed_only_where_it_is_spoken(
    darwin: bool, versions: tuple[int, ...] | None, told: str
) -> None:
    server = mounts.server(darwin=darwin, versions=versions)
    with pytest.raises(UsageError, match=told):
        decide(server, "/x", version=4)


@pytest.mark.parametrize(
    ("darwin", "versions", "also"),
    [(False, (3, 4), True), (False, (3,), False), (False, None, False), (True, (3, 4), False)],
)
def test_that_version_4_is_spoken_is_kept(
    darwin: bool, versions: tuple[int, ...] | None, also: bool
) -> None:
    assert decide(mounts.server(darwin=darwin, versions=versions), "/x").also_4 is also


def test_a_name_is_preferred_where_names_resolve() -> None:
    mount = decide(mounts.server("172.22.0.12", "dev-gw", "fd22::12"), "/x")
    assert mount.address == "dev-gw"
    assert (mount.names, mount.literals) == (("dev-gw",), ("172.22.0.12", "fd22::12"))


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
    mount = mounts.mount(path)
    assert (mount.path, mount.mount_point) == (
        PurePosixPath(expected),
        PurePosixPath(mount_point),
    )


@pytest.mark.parametrize(
    "path",
    [
        "",
        "studio",
        "./studio",
        "~/studio",
        "/a\nreboot",
        "/a/../b",
        "/a\x85b",
        "/a\u2028b",
        "/\udcff",
    ],
)
def test_what_cannot_be_an_export_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="PATH"):
        mounts.mount(path)


@pytest.mark.parametrize(("version", "service"), [(3, "nfs"), (3, "mountd"), (4, "nfs")])
def test_without_the_services_it_needs_there_is_nothing_to_mount(
    version: int, service: str
) -> None:
    server = mounts.server(versions=(3, 4), **{service: False})
    with pytest.raises(ConfigError, match=f"does not carry {service}"):
        decide(server, "/x", version=version)  # type: ignore[arg-type]  # one of both


@pytest.mark.parametrize(
    ("path", "name"), [("/Users/ada/studio", "studio"), ("/srv/web-2", "web-2")]
)
def test_a_plain_name_is_kept(path: str, name: str) -> None:
    assert mounts.mount(path).name == name


@given(mounts.paths)
def test_every_path_has_a_name_that_is_a_label(path: str) -> None:
    name = mounts.mount(path).name
    assert LABEL.fullmatch(name)
    assert len(name) > 1


def test_names_that_are_made_up_tell_paths_apart() -> None:
    paths = ("/a/Übung", "/a/übung", "/b/Übung", "/", "/a b", "/a_b", "/x", "/" + "a" * 300)
    assert len({mounts.mount(path).name for path in paths}) == len(paths)
