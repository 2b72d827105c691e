"""The command as it is typed; where it asks a daemon, a control socket answers."""

import asyncio
import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from hostnfsd.cli import exported
from hostnfsd.cli.main import main
from hostnfsd.daemon.endpoints.control import Control
from hostnfsd.errors import Exit
from hostnfsd.mount.kinds import KINDS
from hostnfsd.mount.offers import Offer
from hostnfsd.mount.plan import Exported
from hostnfsd.services import Service
from tests.support import snapshots
from tests.support.fake_face import FakeFace

Captured = pytest.CaptureFixture[str]
ONE = '[gateway.dev-gw]\nclient_address = "172.22.0.12"\n'
UNKNOWN_ADDRESS = "[gateway.dev-gw]\n[services]\nnfs = 12049\n"


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration and no daemon but those of the test."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    for name in ("HOSTNFSD_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> list[Offer]:
    """What the exports offer; nothing that stands in this machine's own."""
    found: list[Offer] = []
    monkeypatch.setattr(exported, "offered", lambda _: tuple(found))
    return found


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "hostnfsd.toml"
    path.write_text(ONE)
    return path


@pytest.fixture
def unknown_address(tmp_path: Path) -> Path:
    path = tmp_path / "hostnfsd.toml"
    path.write_text(UNKNOWN_ADDRESS)
    return path


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    """Where a daemon of this user listens."""
    folder = tmp_path / "run" / "hostnfsd"
    folder.mkdir(parents=True)
    return folder / "control.sock"


def mount(config: Path, *arguments: str) -> int:
    return main(["--config", str(config), "mount", *arguments])


def mount_words(capsys: Captured) -> list[str]:
    (line,) = (x for x in capsys.readouterr().out.splitlines() if x.startswith("mount "))
    return shlex.split(line)


def test_with_a_client_address_no_daemon_is_needed(config: Path, capsys: Captured) -> None:
    assert mount(config, "--for", "linux", "/Users/ada/my docs") == Exit.OK
    words = mount_words(capsys)
    assert words[5:] == ["172.22.0.12:/Users/ada/my docs", "/mnt/my docs"]
    assert "port=2049" in words[4].split(",")


def test_json_carries_the_schema(config: Path, capsys: Captured) -> None:
    assert mount(config, "--for", "linux", "/x", "--json") == Exit.OK
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["source"]) == (1, "172.22.0.12:/x")


def test_a_gateway_is_named_where_there_are_several(config: Path, capsys: Captured) -> None:
    config.write_text(ONE + '[gateway.other]\nclient_address = "gw2"\nservices.nfs = 3049\n')
    assert mount(config, "--for", "linux", "/x") == Exit.USAGE
    assert "(allowed: dev-gw, other)" in capsys.readouterr().err
    assert mount(config, "--for", "linux", "/x", "--gateway", "nope") == Exit.USAGE
    assert "(allowed: dev-gw, other)" in capsys.readouterr().err
    assert mount(config, "--for", "linux", "/x", "--gateway", "other") == Exit.OK
    words = mount_words(capsys)
    assert words[5] == "gw2:/x"
    assert "port=3049" in words[4].split(",")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--for", "linux"], "PATH is missing"),
        (["--for", "linux", "studio"], "absolute path"),
        (["--for", "toaster", "/x"], "(allowed: linux, docker, compose, fstab, kind-node, pod,"),
        (["--for", "pod", "--node", "n", "/x"], "--node is for --for kind-node only"),
        (["--for", "kind-node", "--node=-v", "/x"], "--node '-v' is no container's name"),
        (["--for", "linux", "--vers", "4", "/x/.."], "leads through '..'"),
    ],
)
def test_a_wrong_command_line_says_what_is_allowed(
    config: Path, capsys: Captured, arguments: list[str], told: str
) -> None:
    assert mount(config, *arguments) == Exit.USAGE
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""


def test_without_a_path_the_only_export_is_meant(
    config: Path, capsys: Captured, known: list[Offer]
) -> None:
    known.append(Offer("/srv/a", Exported("all as 501:20", read_only=False)))
    assert mount(config, "--for", "linux") == Exit.OK
    captured = capsys.readouterr()
    assert "172.22.0.12:/srv/a /mnt/a\n" in captured.out
    assert "as 501:20 (uid:gid)" in captured.out
    assert captured.err == ""


def test_without_a_path_several_exports_are_listed(
    config: Path, capsys: Captured, known: list[Offer]
) -> None:
    known += [Offer("/srv/a", None), Offer("/srv/b", None)]
    assert mount(config, "--for", "pv") == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.err.splitlines()[1:] == [
        "    /srv/a",
        "    /srv/b",
        "    hint: hostnfsd mount --for pv /srv/a",
    ]
    assert captured.out == ""


@pytest.mark.parametrize(
    ("offer", "told"),
    [
        (Offer("/srv/a", None, refused=True), "the export /srv/a does not admit this host"),
        (Offer("/srv/b", None), "no export in /etc/exports holds /srv/a/x"),
        (Offer("/srv/a", None, alone=True), "the export /srv/a has no -alldirs"),
    ],
)
def test_what_the_exports_have_against_a_path_is_told(
    config: Path, capsys: Captured, known: list[Offer], offer: Offer, told: str
) -> None:
    known.append(offer)
    assert mount(config, "--for", "linux", "/srv/a/x") == Exit.OK
    captured = capsys.readouterr()
    assert told in captured.err
    assert "172.22.0.12:/srv/a/x" in captured.out


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_printed_as_text_and_as_json(
    config: Path, capsys: Captured, kind: str
) -> None:
    assert mount(config, "--for", kind, "/srv/a") == Exit.OK
    assert capsys.readouterr().out.startswith("# ")
    assert mount(config, "--for", kind, "/srv/a", "--json", "--dev") == Exit.OK
    document = json.loads(capsys.readouterr().out)
    assert (document["kind"], document["options"]["actimeo"]) == (kind, "1")


def test_version_4_takes_a_daemon_that_knows(config: Path, capsys: Captured) -> None:
    assert mount(config, "--for", "linux", "--vers", "4", "/x") == Exit.DAEMON_NOT_RUNNING
    assert "which versions the host's server speaks is not known" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("versions", "status"),
    [((3, 4), Exit.OK), ((3,), Exit.USAGE), ((), Exit.DAEMON_NOT_RUNNING)],
)
async def test_the_daemon_tells_whether_version_4_is_spoken(
    config: Path, socket: Path, capsys: Captured, versions: tuple[int, ...], status: Exit
) -> None:
    nfs = replace(snapshots.service(Service.NFS), versions=versions)
    view = snapshots.gateway("dev-gw", services=(nfs,))
    control = Control(FakeFace(snapshots.snapshot(view)))
    await control.start(socket)
    try:
        asked = ("--for", "linux", "--vers", "4", "/x")
        assert await asyncio.to_thread(mount, config, *asked) == status
        captured = capsys.readouterr()
        await asyncio.to_thread(mount, config, "--for", "linux", "/x")
        plain = capsys.readouterr().out
    finally:
        await control.stop()
    assert ("vers=4.2,proto=tcp,port=2049,hard" in captured.out) is (status is Exit.OK)
    assert ("with --vers 4" in plain) is (status is Exit.OK)


def test_without_address_and_daemon_the_key_to_set_is_named(config: Path, capsys: Captured) -> None:
    config.write_text(UNKNOWN_ADDRESS)
    assert mount(config, "--for", "linux", "/x") == Exit.DAEMON_NOT_RUNNING
    told = capsys.readouterr().err
    assert 'set client_address = "…" under [gateway.dev-gw]' in told


@pytest.mark.parametrize(
    ("known", "status"), [(("172.22.0.9",), Exit.OK), ((), Exit.DAEMON_NOT_RUNNING)]
)
async def test_the_daemon_is_asked_for_an_address_that_is_not_configured(
    unknown_address: Path, socket: Path, capsys: Captured, known: tuple[str, ...], status: Exit
) -> None:
    view = snapshots.gateway("dev-gw", client_address=known)
    control = Control(FakeFace(snapshots.snapshot(view)))
    await control.start(socket)
    try:
        assert await asyncio.to_thread(mount, unknown_address, "--for", "linux", "/x") == status
    finally:
        await control.stop()
    if status is Exit.OK:
        words = mount_words(capsys)
        assert words[5] == "172.22.0.9:/x"
        assert "port=12049" in words[4].split(",")
    else:
        assert "the daemon does not know" in capsys.readouterr().err
