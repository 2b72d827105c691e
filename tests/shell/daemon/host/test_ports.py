"""Following services from port to port: rpcbind's word, and what confirms it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from hostnfsd.config.model import Carried, CarriedService, Config
from hostnfsd.config.reader import parse
from hostnfsd.daemon.host import ports as host_ports
from hostnfsd.daemon.host.ports import HostPorts
from hostnfsd.server.finding import Origin, Place
from hostnfsd.services import FACTS, Service
from hostnfsd.sunrpc import portmap
from tests.support.conditions import eventually
from tests.support.nfs_host import NfsHost, nfs_host
from tests.support.ports import LOOPBACK, free_port

NFS, MOUNTD = Service.NFS, Service.MOUNTD


class Following:
    """The host's ports, and a configuration that a test can change.

    Attributes:
        changed: services that were told to have changed.
    """

    def __init__(self, host: NfsHost) -> None:
        self.host = host
        self.changed: list[Service] = []
        self.configure()
        self.ports = HostPorts(config=lambda: self.config, changed=self.changed.append)

    def configure(self, address: str = LOOPBACK, **services: Any) -> None:
        """Give these host ports or gateway ports; what is not named is found out."""
        lines = {"rpcbind": f"{{ host_port = {self.host.port(Service.RPCBIND)} }}", **services}
        table = "\n".join(f"{name} = {value}" for name, value in lines.items())
        text = f'[gateway.a]\n[host]\naddress = "{address}"\n[services]\n{table}\n'
        reading = parse(text.encode(), "f.toml")
        assert reading.config is not None, [p.render() for p in reading.problems]
        self.config: Config = reading.config

    def carried(self, service: Service) -> Carried:
        return self.config.carried("a")[service]

    def place(self, service: Service) -> tuple[int, Origin]:
        found = self.ports.place(self.carried(service))
        return found.port, found.origin


@pytest.fixture
async def host() -> AsyncIterator[NfsHost]:
    async with nfs_host(NFS, MOUNTD) as made:
        yield made


@pytest.fixture
def following(host: NfsHost, monkeypatch: pytest.MonkeyPatch) -> Following:
    monkeypatch.setattr(host_ports, "_ASK_S", 0.3)
    return Following(host)


async def test_before_anything_is_known_the_usual_ports_are_assumed(following: Following) -> None:
    following.configure(mountd=12, nfs=13, status="{ host_port = 99 }")

    assert following.place(NFS) == (2049, Origin.ASSUMED)
    assert following.place(MOUNTD) == (12, Origin.ASSUMED)
    assert following.place(Service.STATUS) == (99, Origin.CONFIGURED)
    assert following.ports.versions(NFS) == ()


async def test_rpcbind_tells_ports_and_versions(host: NfsHost, following: Following) -> None:
    await following.ports.refresh()

    assert following.place(NFS) == (host.port(NFS), Origin.RPCBIND)
    assert following.place(MOUNTD) == (host.port(MOUNTD), Origin.RPCBIND)
    assert following.ports.versions(NFS) == (3, 4)
    assert following.ports.versions(MOUNTD) == (1, 3)
    assert following.ports.versions(Service.RQUOTAD) == ()
    assert following.place(Service.RQUOTAD) == (875, Origin.ASSUMED)
    assert {NFS, MOUNTD} <= set(following.changed)


async def test_a_service_that_moves_is_followed_and_told_once(
    host: NfsHost, following: Following
) -> None:
    await following.ports.refresh()
    before = host.port(MOUNTD)
    await host.move(MOUNTD)
    host.register(NFS, MOUNTD)
    following.changed.clear()
    with capture_logs() as logs:
        await following.ports.refresh()
        await following.ports.refresh()

    assert following.place(MOUNTD) == (host.port(MOUNTD), Origin.RPCBIND)
    assert following.changed == [MOUNTD]
    (moved,) = [line for line in logs if line["event"] == "host_port_moved"]
    assert (moved["before"], moved["port"]) == (before, host.port(MOUNTD))


async def test_one_service_is_looked_at_alone(host: NfsHost, following: Following) -> None:
    await following.ports.refresh()
    asked = host.count(NFS, 0)
    await following.ports.refresh(MOUNTD)

    assert host.count(NFS, 0) == asked


async def test_a_row_that_leads_to_another_program_is_not_believed(
    host: NfsHost, following: Following
) -> None:
    """mountd was killed and its port taken; it runs at the last known port, say."""
    await following.ports.refresh()
    host.rows = [
        portmap.Mapping(FACTS[MOUNTD].program, 3, portmap.Protocol.TCP, host.port(NFS)),
    ]
    await following.ports.refresh()

    assert following.place(MOUNTD) == (host.port(MOUNTD), Origin.LAST_KNOWN)


async def test_a_row_that_leads_to_nobody_is_used_where_nothing_better_is_known(
    host: NfsHost, following: Following
) -> None:
    dead = free_port()
    host.rows = [portmap.Mapping(FACTS[MOUNTD].program, 3, portmap.Protocol.TCP, dead)]
    following.configure(mountd=free_port())
    await following.ports.refresh()

    assert following.place(MOUNTD) == (dead, Origin.RPCBIND)
    assert following.ports.versions(MOUNTD) == (), "never seen: nobody is to be told of it"


async def test_of_two_ports_the_one_that_answers_is_taken(
    host: NfsHost, following: Following
) -> None:
    host.rows = [
        portmap.Mapping(FACTS[MOUNTD].program, 3, portmap.Protocol.TCP, free_port()),
        portmap.Mapping(FACTS[MOUNTD].program, 1, portmap.Protocol.TCP, host.port(MOUNTD)),
    ]
    await following.ports.refresh()

    assert following.place(MOUNTD) == (host.port(MOUNTD), Origin.RPCBIND)


async def test_a_service_keeps_its_versions_while_it_is_down(
    host: NfsHost, following: Following
) -> None:
    await following.ports.refresh()
    port = host.port(MOUNTD)
    await host.services[MOUNTD].stop()
    host.register(NFS)
    await following.ports.refresh()

    assert following.place(MOUNTD) == (port, Origin.LAST_KNOWN)
    assert following.ports.versions(MOUNTD) == (1, 3)


async def test_what_rpcbind_forgot_is_where_it_was(host: NfsHost, following: Following) -> None:
    await following.ports.refresh()
    host.rows = []
    await following.ports.refresh()

    assert following.place(MOUNTD) == (host.port(MOUNTD), Origin.LAST_KNOWN)
    assert following.ports.versions(MOUNTD) == (1, 3)
    assert following.ports.silent is None


async def test_without_rpcbind_services_are_looked_for_and_asked_themselves(
    host: NfsHost, following: Following
) -> None:
    await host.services[Service.RPCBIND].stop()
    following.configure(mountd=host.port(MOUNTD))
    with capture_logs() as logs:
        await following.ports.refresh()
        await following.ports.refresh()

    assert following.place(MOUNTD) == (host.port(MOUNTD), Origin.ASSUMED)
    assert following.ports.versions(MOUNTD) == (1, 3)
    assert following.ports.silent == "connection refused"
    (warning,) = [line for line in logs if line["event"] == "rpcbind_silent"]
    assert warning["log_level"] == "warning"
    assert "usual" in warning["error"]
    assert "host_port" in warning["hint"]


async def test_rpcbind_that_goes_silent_and_comes_back(host: NfsHost, following: Following) -> None:
    await following.ports.refresh()
    rpcbind = host.services[Service.RPCBIND]
    port = rpcbind.port
    await rpcbind.stop()
    with capture_logs() as logs:
        await following.ports.refresh()
        assert following.place(MOUNTD) == (host.port(MOUNTD), Origin.LAST_KNOWN)
        await rpcbind.start(port)
        await following.ports.refresh()

    assert following.place(MOUNTD) == (host.port(MOUNTD), Origin.RPCBIND)
    events = [line["event"] for line in logs if line["event"].startswith("rpcbind_")]
    assert events == ["rpcbind_silent", "rpcbind_answers"]


async def test_nobody_is_warned_where_every_port_is_given(
    host: NfsHost, following: Following
) -> None:
    await host.services[Service.RPCBIND].stop()
    ports = {str(s): f"{{ host_port = {host.port(NFS)} }}" for s in Service}
    following.configure(**ports | {"rpcbind": f"{{ host_port = {free_port()} }}"})
    with capture_logs() as logs:
        await following.ports.refresh()

    assert not [line for line in logs if line["event"] == "rpcbind_silent"]


async def test_a_port_that_is_given_is_kept_and_its_versions_found_out(
    host: NfsHost, following: Following
) -> None:
    following.configure(
        nfs=f"{{ host_port = {host.port(NFS)} }}", mountd=f"{{ host_port = {host.port(MOUNTD)} }}"
    )
    host.register(NFS)
    await following.ports.refresh()

    assert following.place(NFS) == (host.port(NFS), Origin.CONFIGURED)
    assert following.ports.versions(NFS) == (3, 4), "as rpcbind says"
    assert following.place(MOUNTD) == (host.port(MOUNTD), Origin.CONFIGURED)
    assert following.ports.versions(MOUNTD) == (1, 3), "as it says itself"


async def test_gateways_may_differ_in_what_they_dial(host: NfsHost, following: Following) -> None:
    """One is given a port where nothing is, the other finds mountd out."""
    following.configure()
    other = following.config.gateway["a"].model_copy(
        update={"services": {MOUNTD: CarriedService(host_port=free_port())}}
    )
    following.config = following.config.model_copy(
        update={"gateway": {"b": other, **following.config.gateway}}
    )
    await following.ports.refresh()

    assert following.place(MOUNTD) == (host.port(MOUNTD), Origin.RPCBIND)
    theirs = following.ports.place(following.config.carried("b")[MOUNTD])
    assert theirs.origin is Origin.CONFIGURED
    assert following.ports.versions(MOUNTD) == (1, 3)


async def test_a_frozen_service_is_where_rpcbind_says(host: NfsHost, following: Following) -> None:
    host.manners[MOUNTD].silent = True
    await following.ports.refresh()

    assert following.place(MOUNTD) == (host.port(MOUNTD), Origin.RPCBIND)
    assert following.ports.versions(MOUNTD) == (1, 3)


async def test_another_host_is_another_matter(host: NfsHost, following: Following) -> None:
    await following.ports.refresh()
    following.configure(address="127.0.0.2")
    mountd = following.carried(MOUNTD)

    assert following.ports.place(mountd) == Place("127.0.0.2", 20048, Origin.ASSUMED)
    await following.ports.refresh()
    assert following.place(MOUNTD) == (20048, Origin.ASSUMED)
    assert following.ports.versions(MOUNTD) == ()
    assert following.ports.silent is not None
    following.configure()
    await following.ports.refresh()
    assert following.place(MOUNTD) == (host.port(MOUNTD), Origin.RPCBIND)


async def test_what_was_found_at_the_old_host_is_not_taken_for_the_new_one(
    host: NfsHost, following: Following
) -> None:
    host.manners[MOUNTD].silent = True
    looking = asyncio.create_task(following.ports.refresh())
    await eventually(lambda: host.count(MOUNTD, 0), "a look under way")
    following.configure(address="127.0.0.2")
    await following.ports.refresh()
    await looking

    assert following.ports.versions(MOUNTD) == ()
    assert following.place(MOUNTD) == (20048, Origin.ASSUMED)


async def test_rpcbind_itself(host: NfsHost, following: Following) -> None:
    assert following.place(Service.RPCBIND) == (host.port(Service.RPCBIND), Origin.CONFIGURED)
    host.register(NFS, Service.RPCBIND)
    await following.ports.refresh()

    assert following.place(Service.RPCBIND) == (host.port(Service.RPCBIND), Origin.CONFIGURED)
    assert following.ports.versions(Service.RPCBIND) == (2,)


async def test_what_is_no_longer_carried_is_forgotten(host: NfsHost, following: Following) -> None:
    await following.ports.refresh()
    following.configure(mountd="false")
    await following.ports.refresh()

    assert following.ports.versions(MOUNTD) == ()
    assert host.count(MOUNTD, 0) >= 1
