"""The exports file: what the doctor says of it, and of what the server made of it."""

import sys
from pathlib import Path

import pytest

from hostnfsd.config.reader import parse
from hostnfsd.doctor import exports_checks
from hostnfsd.doctor.check import Row
from hostnfsd.doctor.engine import run
from hostnfsd.doctor.finding import Finding, Outcome
from hostnfsd.doctor.scene import Scene
from hostnfsd.machine.exports import read_exports
from hostnfsd.services import Service
from tests.support.nfs_host import NfsHost, nfs_host

NFS, MOUNTD = Service.NFS, Service.MOUNTD


def scene(file: Path | str, host: NfsHost | None = None) -> Scene:
    text = f"[gateway.g]\n[access]\nallow = 'any'\n[host]\nexports = '{file}'\nplatform = 'linux'\n"
    if host is not None:
        text += f"[services]\nmountd = {{ host_port = {host.port(MOUNTD)} }}\n"
    config = parse(text.encode(), "/x").config
    assert config is not None
    return Scene(config, "/x")


async def rows(made: Scene) -> dict[str, Row]:
    found = run(exports_checks.checks(made, ()))
    return {row.check.id.name: row async for row in found}


def first(found: dict[str, Row], name: str) -> Finding:
    return found[name].findings[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    return tmp_path / "src"


def written(folder: Path, clients: str) -> Path:
    file = folder.with_name("exports")
    file.write_text(f"{folder} {clients}\n")
    return file


async def test_exports_that_are_kept_elsewhere() -> None:
    found = await rows(scene("none"))

    assert {row.outcome for row in found.values()} == {Outcome.SKIP}
    assert "elsewhere" in first(found, "exports-file").text


async def test_a_file_that_is_missing(tmp_path: Path) -> None:
    found = await rows(scene(tmp_path / "none"))

    assert first(found, "exports-file").code == "exports-missing"
    assert found["map-rules"].blocked_by is not None


def test_what_is_missing_is_told_by_the_reader_under_this_name(tmp_path: Path) -> None:
    findings = read_exports(scene(tmp_path / "none").config.host, None, low_ports=True)

    assert [p.code for p in findings.problems] == [exports_checks.CANNOT_OPEN]


@pytest.mark.skipif(sys.platform != "linux", reason="this machine's own dialect is read")
async def test_whom_clients_act_as(folder: Path) -> None:
    file = written(folder, "127.0.0.1(rw,all_squash,anonuid=501,anongid=20,no_subtree_check)")
    found = await rows(scene(file))

    assert first(found, "exports-file").outcome is Outcome.PASS
    assert first(
        found, "map-rules"
    ).text == f"{folder}: read and write, from ports below 1024; " + ("all as 501:20")


async def test_an_error_has_its_line(folder: Path) -> None:
    found = await rows(scene(written(folder, "127.0.0.1(rw,no_rootsquash)")))

    finding = first(found, "exports-file")
    assert (finding.outcome, finding.code) == (Outcome.FAIL, "exports-invalid")
    assert finding.place is not None
    assert finding.place.line == 1


async def test_a_file_that_admits_only_the_pods(folder: Path) -> None:
    """The very mistake with which this began."""
    found = await rows(scene(written(folder, "172.22.0.0/16(rw,no_subtree_check)")))

    assert first(found, "map-rules").code == "exports-deny"


async def test_a_server_that_was_not_told(folder: Path) -> None:
    file = written(folder, "*(rw,no_subtree_check)")
    async with nfs_host(NFS, MOUNTD) as host:
        host.exports = {"/another": 0}
        found = await rows(scene(file, host))
        assert first(found, "exports-applied").code == "not-applied"
        host.exports = {str(folder): 0}
        found = await rows(scene(file, host))
        assert first(found, "exports-applied").outcome is Outcome.PASS


async def test_what_is_read_only_is_known(folder: Path) -> None:
    made = scene(written(folder, "*(ro,no_subtree_check)"))

    assert await exports_checks.read_only(made) == {str(folder)}
    assert await exports_checks.read_only(scene("none")) == frozenset()
