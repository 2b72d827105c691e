"""What real peers do becomes the class it should; silence, refusals and bans are in test_ssh.py."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from hostnfsd.config.model import Tunnel
from hostnfsd.daemon.gateway import session as ssh
from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import Failure
from tests.support.host_services import serving
from tests.support.keys import make_key
from tests.support.ports import LOOPBACK
from tests.support.relaying import Reachable, gateway_of
from tests.support.sshd import Sshd

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def failure(server: Reachable, **changes: Any) -> Failure:
    with pytest.raises(TunnelFailureError) as caught:
        await ssh.connect(
            "gw",
            gateway_of(server, **changes),
            Tunnel(connect_timeout_s=10),
            on_congestion=lambda _full: None,
            dialling=lambda _alias: None,
            agent_holds=lambda _held: None,
        )
    return caught.value.failure


@dataclass
class Peer:
    port: int
    identity: Path
    known_hosts: Path


async def meeting(behaviour: Streams, sshd: Sshd) -> Failure:
    async with serving(behaviour) as service:
        return await failure(Peer(service.port, sshd.identity, sshd.known_hosts))


async def test_a_peer_that_speaks_http_is_no_sshd(shared_sshd: Sshd) -> None:
    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        await writer.drain()

    found = await meeting(http, shared_sshd)

    assert found.kind in {FailureKind.PROTOCOL, FailureKind.UNREACHABLE}
    assert found.hint


async def test_a_peer_of_ssh_1_is_not_supported(shared_sshd: Sshd) -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-1.5-old\r\n")
        with suppress(ConnectionError):
            await reader.read()

    assert (await meeting(old, shared_sshd)).kind is FailureKind.PROTOCOL


async def test_a_port_that_closes_at_once_is_unreachable(shared_sshd: Sshd) -> None:
    async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    found = await meeting(close, shared_sshd)

    assert found.kind is FailureKind.UNREACHABLE
    assert "a published container port answers even when it is not" in (found.hint or "")


async def test_a_name_that_does_not_resolve_is_unreachable(shared_sshd: Sshd) -> None:
    found = await failure(shared_sshd, host="no-such-host.invalid")

    assert found.kind is FailureKind.UNREACHABLE
    assert "does not resolve" in found.text


async def test_a_changed_host_key_blocks(sshd: Sshd) -> None:
    sshd.start()
    sshd.known_hosts.write_text(f"[{LOOPBACK}]:{sshd.port} {make_key(sshd.folder / 'former')}\n")
    found = await failure(sshd, host_key_policy="accept-new")

    assert found.kind is FailureKind.HOST_KEY
    assert "has CHANGED" in found.text


async def test_a_host_key_of_another_kind_has_changed(sshd: Sshd) -> None:
    """sshd would hang up without a word if only the known kind was offered."""
    former = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    sshd.start()
    sshd.known_hosts.write_text(f"[{LOOPBACK}]:{sshd.port} {former.export_public_key().decode()}")
    found = await failure(sshd)

    assert found.kind is FailureKind.HOST_KEY
    assert "has CHANGED" in found.text


async def test_a_revoked_host_key_blocks(sshd: Sshd) -> None:
    sshd.start()
    sshd.known_hosts.write_text("@revoked " + sshd.known_hosts.read_text())
    found = await failure(sshd, host_key_policy="accept-new")

    assert found.kind is FailureKind.HOST_KEY
    assert "revoked" in found.text


async def test_too_many_keys_are_a_refused_login(sshd: Sshd) -> None:
    sshd.configure("MaxAuthTries 2")
    sshd.forbid()
    sshd.start()
    names = [sshd.folder / f"key{n}" for n in range(4)]
    for name in names:
        make_key(name)
    found = await failure(sshd, identity_files=tuple(map(str, names)))

    assert found.kind is FailureKind.AUTH
    assert "Too many authentication failures" in found.text
    assert "identity_files" in (found.hint or "")


async def test_nothing_in_common_is_the_protocols_fault(sshd: Sshd) -> None:
    sshd.configure("Ciphers 3des-cbc")
    sshd.start()
    found = await failure(sshd)

    assert found.kind in {FailureKind.PROTOCOL, FailureKind.UNREACHABLE}
    assert found.hint
