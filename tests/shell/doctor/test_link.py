"""The walk through a real sshd on loopback: hop by hop, and everything given back."""

import re
import shlex
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from hostnfsd.access_view import AccessView
from hostnfsd.config.reader import parse
from hostnfsd.doctor.check import Id
from hostnfsd.doctor.daemon_verdict import Mute, Why
from hostnfsd.doctor.finding import Finding, Outcome
from hostnfsd.doctor.link import Link
from hostnfsd.doctor.scene import Scene
from hostnfsd.doctor.walk import checks, walk
from hostnfsd.services import Service
from tests.support.conditions import eventually
from tests.support.nfs_host import NfsHost, nfs_host
from tests.support.ports import LOOPBACK, accepts, free_port
from tests.support.sshd import Sshd

NFS, MOUNTD, RPCBIND = Service.NFS, Service.MOUNTD, Service.RPCBIND


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    made = Sshd(tmp_path / "sshd").start()
    yield made
    made.stop()


@pytest.fixture
async def host() -> AsyncIterator[NfsHost]:
    async with nfs_host(NFS, MOUNTD) as made:
        yield made


@pytest.fixture
def ports() -> dict[Service, int]:
    return {service: free_port() for service in (RPCBIND, NFS, MOUNTD)}


def scene(host: NfsHost, sshd: Sshd, ports: dict[Service, int], **keys: Any) -> Scene:
    gateway = {
        "host": LOOPBACK,
        "port": sshd.port,
        "user": sshd.user,
        "identity_files": [str(sshd.identity)],
        "known_hosts": str(sshd.known_hosts),
        "ssh_config": "none",
        "listen": LOOPBACK,
        "client_address": LOOPBACK,
        **keys,
    }
    lines = ["[host]", "exports = 'none'", "[access]", "allow = 'any'", "[gateway.gw]"]
    lines += [f"{key} = {value!r}" for key, value in gateway.items()]
    lines.append("[services]")
    for service in Service:
        if service in ports:
            entry = f"{{ port = {ports[service]}, host_port = {host.port(service)} }}"
            lines.append(f"{service} = {entry}")
        else:
            lines.append(f"{service} = false")
    reading = parse("\n".join(lines).encode(), "/x")
    assert reading.config is not None, reading.problems
    return Scene(reading.config, "/x")


async def found(made: Scene, client: str | None = None) -> dict[str, list[Finding]]:
    async with aclosing(walk(made, client=client)) as rows:
        return {str(row.check.id): list(row.findings) async for row in rows}


def wrong(findings: dict[str, list[Finding]]) -> dict[str, str | None]:
    """What is wrong, but for what is so wherever these tests run."""
    bad = {Outcome.FAIL, Outcome.WARN}
    told = {name: f.code for name, rows in findings.items() for f in rows if f.outcome in bad}
    here = {"sshd", "sleep"}
    return {
        name: code
        for name, code in told.items()
        if name.split()[0] not in here and code != "daemon-not-running"
    }


async def test_everything_is_well_and_given_back(
    host: NfsHost, sshd: Sshd, ports: dict[Service, int]
) -> None:
    shell = shlex.join(["env", f"PATH={Path(sys.executable).parent}:/usr/bin:/bin"])
    findings = await found(scene(host, sshd, ports), client=shell)

    assert wrong(findings) == {}
    for service in ports:
        assert "NULL call" in findings[f"client gw/{service}"][0].text
        assert findings[f"forward gw/{service}"][0].outcome is Outcome.PASS
    assert re.match(r"OpenSSH_\S.* answers at 127\.0\.0\.1:\d+$", findings["gateway gw"][0].text)
    assert re.fullmatch(r"it is known: SHA256:\S{43}", findings["host-key gw"][0].text)
    assert findings["clock gw"][0].outcome is Outcome.PASS
    await eventually(lambda: not sshd.sessions(), "the doctor's session to end")
    assert not any(accepts(port) for port in ports.values())


async def test_a_login_that_is_refused_stops_there(
    host: NfsHost, sshd: Sshd, ports: dict[Service, int]
) -> None:
    sshd.forbid()
    findings = await found(scene(host, sshd, ports))

    assert wrong(findings) == {"login gw": "login-refused"}
    assert findings["gateway gw"][0].outcome is Outcome.PASS
    assert findings["host-key gw"][0].outcome is Outcome.PASS
    assert findings["forward gw/nfs"][0].outcome is Outcome.SKIP


async def test_a_host_key_that_is_not_known_stops_before_the_login(
    host: NfsHost, sshd: Sshd, ports: dict[Service, int]
) -> None:
    sshd.known_hosts.write_text("")
    findings = await found(scene(host, sshd, ports))

    assert wrong(findings) == {"host-key gw": "host-key-unknown"}
    assert findings["gateway gw"][0].outcome is Outcome.PASS
    assert findings["login gw"][0].outcome is Outcome.SKIP


async def test_a_known_hosts_file_that_cannot_be_read_is_told_before_anything_is_claimed(
    host: NfsHost, sshd: Sshd, ports: dict[Service, int]
) -> None:
    sshd.known_hosts.write_bytes(b"@odd x y z w\n@revoked\n")
    findings = await found(scene(host, sshd, ports))

    assert wrong(findings) == {"gateway gw": "ssh-config-unusable"}


async def test_a_gateway_that_is_down(host: NfsHost, sshd: Sshd, ports: dict[Service, int]) -> None:
    sshd.stop()
    findings = await found(scene(host, sshd, ports))

    assert wrong(findings) == {"gateway gw": "gateway-down"}
    assert findings["host-key gw"][0].outcome is Outcome.SKIP


async def test_a_daemon_that_cannot_be_asked_keeps_its_ports(
    host: NfsHost, sshd: Sshd, ports: dict[Service, int]
) -> None:
    made = scene(host, sshd, ports)
    text = "/run/control.sock: this user may not speak to the daemon"
    made.mute = Mute(text, Why.FORBIDDEN)
    findings = await found(made)

    assert wrong(findings) == {"daemon": "daemon-mute"}
    for service in ports:
        assert findings[f"forward gw/{service}"][0].outcome is Outcome.SKIP


async def test_what_is_no_daemon_keeps_no_ports(
    host: NfsHost, sshd: Sshd, ports: dict[Service, int]
) -> None:
    made = scene(host, sshd, ports)
    made.mute = Mute("what answers there is no hostnfsd", Why.FOREIGN, hint="another path")
    findings = await found(made)

    assert wrong(findings) == {"daemon": "daemon-mute"}
    assert findings["forward gw/nfs"][0].outcome is Outcome.PASS


@pytest.mark.patient
async def test_a_client_whose_command_fails(
    host: NfsHost, sshd: Sshd, ports: dict[Service, int]
) -> None:
    findings = await found(scene(host, sshd, ports), client="no-such-program exec x")

    assert wrong(findings)["client gw/nfs"] == "client-command"


async def test_titles_fit_their_column(
    host: NfsHost, sshd: Sshd, ports: dict[Service, int]
) -> None:
    made = scene(host, sshd, ports)
    links = [Link(made, name) for name in made.config.gateway]
    every = list(checks(made, links, client="env"))

    assert len(every) > 15
    assert [check.title for check in every if len(check.title) > 18] == []
    assert len({check.id for check in every}) == len(every)
    known: set[Id] = set()
    for check in every:
        assert set(check.needs) <= known, f"{check.id} needs what comes after it, or nowhere"
        known.add(check.id)


async def test_who_may_come_in_is_told(
    host: NfsHost, sshd: Sshd, ports: dict[Service, int]
) -> None:
    findings = await found(scene(host, sshd, ports))

    assert findings["access gw"][0].text == 'everybody, by access.allow = "any"'


@pytest.mark.parametrize(
    "access",
    [
        AccessView(("172.22.0.0/16, by /src",)),
        AccessView((), "/etc/exports exports nothing", "mend it"),
    ],
)
async def test_a_daemon_that_lets_nobody_in_is_a_failure(
    host: NfsHost,
    sshd: Sshd,
    ports: dict[Service, int],
    monkeypatch: pytest.MonkeyPatch,
    access: AccessView,
) -> None:
    async def told(_link: Link) -> AccessView:
        return access

    monkeypatch.setattr(Link, "access", told)
    findings = await found(scene(host, sshd, ports))

    assert findings["access gw"][0].code == ("nobody-admitted" if access.error else None)
    assert findings["forward gw/nfs"][0].outcome is Outcome.PASS
