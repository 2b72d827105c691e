"""The walk on a host whose services say what a test wants them to say."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from hostnfsd.config.reader import parse
from hostnfsd.daemon.host import mount_trial
from hostnfsd.doctor import host_checks
from hostnfsd.doctor.check import Row
from hostnfsd.doctor.finding import Finding, Outcome
from hostnfsd.doctor.scene import Scene
from hostnfsd.doctor.walk import walk
from hostnfsd.errors import FileMissingError
from hostnfsd.services import Service
from hostnfsd.sunrpc import mount, nfs
from hostnfsd.sunrpc.mount import Status
from hostnfsd.sunrpc.rpc import AuthStat
from tests.support.nfs_host import NfsHost, nfs_host

NFS, MOUNTD = Service.NFS, Service.MOUNTD
OF_THE_HOST = {"configuration", "nfs-server", "rpcbind", "service", "source-port", "exports-admit"}


@pytest.fixture
async def host(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NfsHost]:
    monkeypatch.setattr(mount_trial, "_AGAIN_AFTER_S", 0.01)
    async with nfs_host(NFS, MOUNTD) as made:
        yield made


def scene(host: NfsHost, **host_ports: int) -> Scene:
    keys = {"rpcbind": host.port(Service.RPCBIND), **host_ports}
    entries = "".join(f"{name} = {{ host_port = {port} }}\n" for name, port in keys.items())
    text = "[host]\nexports = 'none'\n[access]\nallow = 'any'\n[gateway.dev-gw]\n"
    text += "host = '127.0.0.1'\nport = 1\nssh_config = 'none'\n[services]\n"
    text += f"nlockmgr = false\nrquotad = false\n{entries}"
    config = parse(text.encode(), "/etc/hostnfsd.toml").config
    assert config is not None
    return Scene(config, "/etc/hostnfsd.toml")


async def rows(made: Scene) -> list[Row]:
    async with aclosing(walk(made)) as found:
        return [row async for row in found if row.check.id.name in OF_THE_HOST | {"mount"}]


async def codes(made: Scene) -> dict[str, str | None]:
    """What is wrong, by check."""
    found: dict[str, str | None] = {}
    for row in await rows(made):
        for finding in row.findings:
            if finding.outcome in {Outcome.FAIL, Outcome.WARN}:
                found[str(row.check.id)] = finding.code
    return found


def of(found: list[Row], name: str) -> Finding:
    return next(row.findings[0] for row in found if str(row.check.id) == name)


async def test_a_healthy_host(host: NfsHost) -> None:
    found = await rows(scene(host))

    wrong = [(str(r.check.id), f.text) for r in found for f in r.findings if f.code is not None]
    assert wrong == []
    assert (
        of(found, "service mountd").text
        == f"127.0.0.1:{host.port(MOUNTD)}, versions 1 and 3 answer"
    )
    assert of(found, "mount").text == "/export: mounted, looked at, given back"
    assert of(found, "service status").outcome is Outcome.SKIP
    assert host.mounts == []


async def test_only_a_mac_is_asked_what_it_has_counted(host: NfsHost) -> None:
    made = scene(host)

    async def shown(platform: str) -> list[Row]:
        made.platform = platform
        async with aclosing(walk(made)) as found:
            return [row async for row in found if row.check.id == host_checks.COUNTS]

    assert await shown("linux") == []
    (row,) = await shown("darwin")
    assert row.findings[0].text == "nfsstat does not tell"  # of this machine, which is none


async def test_without_rpcbind(host: NfsHost) -> None:
    await host.services[Service.RPCBIND].stop()

    assert (await codes(scene(host, nfs=host.port(NFS))))["rpcbind"] == "rpcbind-down"


async def test_without_rpcbind_where_nobody_needs_it(host: NfsHost) -> None:
    await host.services[Service.RPCBIND].stop()
    fixed = {"nfs": host.port(NFS), "mountd": host.port(MOUNTD), "status": 1}

    found = await rows(scene(host, **fixed))

    assert of(found, "rpcbind").outcome is Outcome.WARN


async def test_a_server_that_is_gone(host: NfsHost) -> None:
    await host.services[NFS].stop()
    host.register()

    found = await rows(scene(host, nfs=1))

    assert of(found, "nfs-server").code == "server-down"
    assert of(found, "service mountd").outcome is Outcome.SKIP


async def test_a_mountd_that_rpcbind_does_not_list(host: NfsHost) -> None:
    host.register(NFS)
    assert await codes(scene(host, mountd=host.port(MOUNTD))) == {
        "service mountd": "not-registered"
    }


async def test_a_mountd_that_is_gone(host: NfsHost) -> None:
    await host.services[MOUNTD].stop()
    assert await codes(scene(host)) == {"service mountd": "stale-registration"}
    host.register(NFS)
    assert await codes(scene(host, mountd=1)) == {"service mountd": "service-down"}


async def test_a_mountd_that_moved_from_its_host_port(host: NfsHost) -> None:
    assert await codes(scene(host, mountd=1)) == {"service mountd": "host-port-moved"}


async def test_no_export_admits_us(host: NfsHost) -> None:
    host.exports = {"/a": Status.ACCES, "/b": Status.ACCES}

    assert await codes(scene(host)) == {"exports-admit": "exports-deny"}


async def test_one_of_two_exports_admits_us(host: NfsHost) -> None:
    host.exports = {"/a": Status.ACCES, "/b": Status.OK}

    assert await codes(scene(host)) == {"mount": "exports-deny"}


async def test_nothing_is_exported(host: NfsHost) -> None:
    host.exports = {}

    assert await codes(scene(host)) == {"exports-admit": "nothing-exported"}


async def test_a_reserved_port_is_wanted(host: NfsHost) -> None:
    host.manners[MOUNTD].denies = AuthStat.AUTH_TOOWEAK
    host.manners[MOUNTD].denied = frozenset({mount.Procedure.MNT})

    assert await codes(scene(host)) == {"source-port": "reserved-port"}


async def test_a_server_that_closes_connections(host: NfsHost) -> None:
    host.manners[NFS].hangs_up = 1000

    assert (await codes(scene(host)))["service nfs"] == "connection-closed"


async def test_a_root_that_may_not_be_looked_at(host: NfsHost) -> None:
    host.looks = {nfs.Procedure3.FSINFO: nfs.Status.STALE}

    assert await codes(scene(host)) == {"mount": "stale-handle"}
    assert host.mounts == [], "it is given back all the same"


async def test_a_root_of_clients_that_may_not_write(host: NfsHost) -> None:
    host.root_writes = False

    assert await codes(scene(host)) == {"mount": "root-squashed"}


async def test_a_root_of_clients_that_may_not_look(host: NfsHost) -> None:
    host.root_reads = host.root_writes = False

    assert await codes(scene(host)) == {"mount": "root-refused"}


@pytest.mark.patient
async def test_an_export_that_hangs_keeps_nobody_from_the_others(host: NfsHost) -> None:
    host.exports = {"/hangs": Status.OK, "/b": Status.OK}
    host.hanging = frozenset({"/hangs"})

    found = await rows(scene(host))

    texts = [f.text for row in found if row.check.id.name == "mount" for f in row.findings]
    assert texts[0].startswith("/hangs: not known")
    assert texts[1] == "/b: mounted, looked at, given back"


async def test_without_a_configuration_the_host_is_looked_at_all_the_same(host: NfsHost) -> None:
    made = scene(host)
    async with aclosing(walk(made, FileMissingError("no configuration found"))) as found:
        rows = [row async for row in found]

    names = {str(row.check.id): row.outcome for row in rows}
    (gateways,) = (row for row in rows if row.check.id.name == "gateways")
    assert gateways.outcome is Outcome.SKIP
    assert gateways.findings[0].text == "not looked at: Configuration, configuration failed"
    assert names["configuration"] is Outcome.FAIL
    assert names["service nfs"] is Outcome.PASS
    assert not any("login" in name for name in names), "there is no gateway to look at"
