"""An export is mounted for trial: what is asked, what is given back, what a refusal says."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from hostnfsd.daemon.host import mount_trial
from hostnfsd.daemon.host.mount_trial import MountTrial, Round, UndecidedError
from hostnfsd.server.finding import MountFinding
from hostnfsd.services import Service
from hostnfsd.sunrpc import mount, nfs
from hostnfsd.sunrpc.mount import Mount, Status
from hostnfsd.sunrpc.rpc import AuthStat, AuthSys
from tests.support.conditions import eventually
from tests.support.nfs_host import NfsHost, nfs_host
from tests.support.ports import LOOPBACK, connected

NFS, MOUNTD = Service.NFS, Service.MOUNTD
MNT, UMNT, DUMP = mount.Procedure.MNT, mount.Procedure.UMNT, mount.Procedure.DUMP


@pytest.fixture
async def host(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NfsHost]:
    monkeypatch.setattr(mount_trial, "_AGAIN_AFTER_S", 0.01)
    async with nfs_host(NFS, MOUNTD) as made:
        yield made


async def tried(
    host: NfsHost,
    last: str | None = None,
    within_s: float = 10.0,
    before: Round | None = None,
) -> MountFinding:
    async def dial(service: Service) -> socket.socket:
        return await connected(host.port(service))

    trial = MountTrial(
        dial=dial,
        user=AuthSys("host", 501, 20),
        versions=lambda service: host.manners[service].versions,
        last=last,
        tried=before or Round(),
        within_s=within_s,
    )
    return await trial.run()


async def test_an_export_is_mounted_looked_at_and_given_back(host: NfsHost) -> None:
    assert await tried(host) == MountFinding("/export")

    assert host.count(NFS, nfs.Procedure3.FSINFO) == 1
    assert host.count(NFS, nfs.Procedure3.GETATTR) == 1
    assert host.count(MOUNTD, UMNT) == 1
    assert host.mounts == []
    await eventually(
        lambda: not any(service.open for service in host.services.values()), "the connections' end"
    )


async def test_a_clients_row_of_the_same_address_stays(host: NfsHost) -> None:
    host.mounts = [Mount(LOOPBACK, "/export")]
    await tried(host)

    assert host.mounts == [Mount(LOOPBACK, "/export")]
    assert host.count(MOUNTD, UMNT) == 0


async def test_a_server_that_keeps_no_table_is_not_asked_to_forget(host: NfsHost) -> None:
    host.keeps_rows = False
    await tried(host)

    assert (host.count(MOUNTD, DUMP), host.count(MOUNTD, UMNT)) == (2, 0)


async def test_a_server_that_shows_nobody_its_table_is_mounted_from(host: NfsHost) -> None:
    host.manners[MOUNTD].denies = AuthStat.AUTH_FAILED
    host.manners[MOUNTD].denied = frozenset({DUMP})

    assert await tried(host) == MountFinding("/export")
    assert host.count(MOUNTD, UMNT) == 0


async def test_a_row_that_is_not_given_back_is_no_harm(host: NfsHost) -> None:
    host.manners[MOUNTD].denies = AuthStat.AUTH_FAILED
    host.manners[MOUNTD].denied = frozenset({UMNT})

    assert await tried(host) == MountFinding("/export")


async def test_exports_are_tried_until_one_lets_us_in(host: NfsHost) -> None:
    host.exports = {"/a": Status.ACCES, "/b": Status.NOENT, "/c": Status.OK, "/d": Status.OK}

    assert await tried(host) == MountFinding("/c")
    assert host.count(MOUNTD, MNT) == 3


async def test_what_worked_last_is_tried_first(host: NfsHost) -> None:
    host.exports = {"/a": Status.ACCES, "/b": Status.OK}

    assert await tried(host, last="/b") == MountFinding("/b")
    assert host.count(MOUNTD, MNT) == 1


async def test_no_export_admits_us(host: NfsHost) -> None:
    host.exports = {"/a": Status.ACCES, "/b": Status.ACCES}
    finding = await tried(host)

    assert (finding.export, set(finding.denials)) == (None, {MOUNTD})
    assert f"no export admits {LOOPBACK}" in finding.denials[MOUNTD].text
    assert host.count(MOUNTD, UMNT) == 0


async def test_nothing_is_exported(host: NfsHost) -> None:
    host.exports = {}
    finding = await tried(host)

    assert "exports nothing" in finding.denials[MOUNTD].text
    assert host.count(MOUNTD, MNT) == 0


async def test_mountd_wants_a_reserved_port(host: NfsHost) -> None:
    """macOS: MNT alone is denied, EXPORT and DUMP are not (nfs.md 2.1)."""
    host.manners[MOUNTD].denies = AuthStat.AUTH_TOOWEAK
    host.manners[MOUNTD].denied = frozenset({MNT})
    finding = await tried(host)

    assert finding.denials[MOUNTD].text == "refuses MNT: AUTH_ERROR, AUTH_TOOWEAK"
    assert "reserved_source_port" in finding.denials[MOUNTD].hint


async def test_nfs_wants_a_reserved_port(host: NfsHost) -> None:
    """ganesha with PrivilegedPort: MNT succeeds, FSINFO is denied (testbed.md 0)."""
    host.manners[NFS].denies = AuthStat.AUTH_TOOWEAK
    host.exports = {"/a": Status.OK, "/b": Status.OK}
    finding = await tried(host)

    assert finding.export is None
    assert finding.denials[NFS].text == "refuses FSINFO: AUTH_ERROR, AUTH_TOOWEAK"
    assert MOUNTD not in finding.denials
    assert host.count(NFS, nfs.Procedure3.FSINFO) == 2, "the other export was not tried"
    assert host.mounts == []


@pytest.mark.parametrize("procedure", [nfs.Procedure3.FSINFO, nfs.Procedure3.GETATTR])
async def test_the_root_may_not_be_looked_at(host: NfsHost, procedure: nfs.Procedure3) -> None:
    host.looks = {procedure: nfs.Status.STALE}
    finding = await tried(host)

    assert f"{procedure.name} on the root of /export: NFS3ERR_STALE" in finding.denials[NFS].text


@pytest.mark.parametrize("service", [NFS, MOUNTD])
async def test_closed_before_answering_twice_is_a_denial(host: NfsHost, service: Service) -> None:
    host.manners[service].hangs_up = 99
    finding = await tried(host)

    assert set(finding.denials) == {service}
    assert "closed the connection" in finding.denials[service].text


@pytest.mark.parametrize("service", [NFS, MOUNTD])
async def test_closed_once_is_a_server_that_restarts(host: NfsHost, service: Service) -> None:
    host.manners[service].hangs_up = 1

    assert await tried(host) == MountFinding("/export")


@pytest.mark.parametrize("service", [NFS, MOUNTD])
async def test_silence_is_no_denial(host: NfsHost, service: Service) -> None:
    host.manners[service].silent = True

    with pytest.raises(UndecidedError):
        await tried(host, within_s=0.1)
    assert host.mounts == []


@pytest.mark.parametrize("service", [NFS, MOUNTD])
async def test_a_service_that_is_down_is_no_denial(host: NfsHost, service: Service) -> None:
    await host.services[service].stop()

    with pytest.raises(UndecidedError):
        await tried(host)
    assert host.mounts == []


async def test_version_1_is_mounted_and_not_looked_at(host: NfsHost) -> None:
    host.manners[MOUNTD].versions = (1,)

    assert await tried(host) == MountFinding("/export")
    assert host.services[NFS].accepted == 0


async def test_version_4_alone_is_not_looked_at_by_version_3(host: NfsHost) -> None:
    host.manners[NFS].versions = (4,)

    assert await tried(host) == MountFinding("/export")
    assert host.services[NFS].accepted == 0


async def test_versions_that_were_wrong_decide_nothing(host: NfsHost) -> None:
    host.manners[MOUNTD].versions = (7,)

    with pytest.raises(UndecidedError, match="PROG_MISMATCH"):
        await tried(host)


async def test_the_next_attempts_go_on_with_the_other_exports(host: NfsHost) -> None:
    host.exports = {**{f"/{n:02}": Status.ACCES for n in range(19)}, "/z": Status.OK}
    found = Round()
    for done in (8, 16):
        with pytest.raises(UndecidedError, match=f"{20 - done} of 20 exports") as raised:
            await tried(host, before=found)
        assert raised.value.more
        assert host.count(MOUNTD, MNT) == done

    assert await tried(host, before=found) == MountFinding("/z")


async def test_nobody_is_denied_before_all_exports_were_tried(host: NfsHost) -> None:
    host.exports = {f"/{n:02}": Status.ACCES for n in range(10)}
    found = Round()
    with pytest.raises(UndecidedError):
        await tried(host, before=found)
    finding = await tried(host, before=found)

    assert "/00, /01, /02 and 7 more" in finding.denials[MOUNTD].text


async def test_an_export_that_hangs_does_not_hide_the_others(host: NfsHost) -> None:
    """A disk that is gone: mountd does not answer for it."""
    host.hanging = frozenset({"/a"})
    host.exports = {"/a": Status.OK, "/b": Status.OK}
    found = Round()

    assert await tried(host, within_s=0.1, before=found) == MountFinding("/b")
    assert await tried(host, within_s=0.1, before=found) == MountFinding("/b")
    assert host.count(MOUNTD, MNT) == 3, "the export that hangs was tried again at once"
    host.exports = {"/a": Status.OK, "/b": Status.ACCES}
    with pytest.raises(UndecidedError, match="MNT of /a was not answered in time") as raised:
        await tried(host, within_s=0.1, before=found)
    assert not raised.value.more


async def test_tens_of_thousands_of_exports_are_read(host: NfsHost) -> None:
    host.exports = {f"/data/project-with-a-name/{n:06}": Status.OK for n in range(40000)}
    finding = await tried(host)

    assert finding.export == "/data/project-with-a-name/000000"


async def test_who_is_told_to_stop_does_not_wait_for_the_server(host: NfsHost) -> None:
    host.manners[NFS].silent = True
    trial = asyncio.create_task(tried(host))
    await eventually(lambda: host.count(NFS, nfs.Procedure3.FSINFO), "a call that hangs")
    host.manners[MOUNTD].silent = True
    trial.cancel()

    done, _ = await asyncio.wait((trial,), timeout=0.3)
    assert done, "it still gives back what it mounted"
    assert trial.cancelled()


async def test_what_was_mounted_is_given_back_though_nfs_is_silent(host: NfsHost) -> None:
    host.manners[NFS].silent = True
    with pytest.raises(UndecidedError, match="FSINFO"):
        await tried(host, within_s=0.1)

    assert host.mounts == []
