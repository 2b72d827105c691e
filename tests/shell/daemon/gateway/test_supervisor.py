"""A supervised tunnel with real sshd, and with a gateway whose answers the test decides."""

import asyncio
import contextvars
import gc
import logging
import random
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon.gateway import session as ssh
from hostnfsd.daemon.gateway import supervisor
from hostnfsd.daemon.gateway.prober import Prober
from hostnfsd.daemon.gateway.session import Session
from hostnfsd.daemon.ssh import login_watch
from hostnfsd.services import Service
from hostnfsd.snapshot import FailureKind, Phase, ServiceState
from hostnfsd.tunnel import forward, machine, nap
from hostnfsd.tunnel.failure import Failure
from tests.support.agent import ssh_agent
from tests.support.conditions import eventually, never
from tests.support.gateway_stand_in import GatewayStandIn
from tests.support.host_services import HostService
from tests.support.keys import make_key
from tests.support.ports import LOOPBACK, accepts, free_ports
from tests.support.relaying import GATEWAY
from tests.support.rpc_services import null_or_echo, null_reply
from tests.support.slow_proxy import slow_proxy
from tests.support.sshd import Sshd
from tests.support.supervising import Supervised, Tables, read, supervised, tables

pytestmark = pytest.mark.patient

THREE = (Service.RPCBIND, Service.NFS, Service.MOUNTD)


@pytest.fixture
async def service() -> AsyncIterator[HostService]:
    made = HostService(null_or_echo)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def ports(service: HostService) -> dict[Service, tuple[int, int]]:
    """Gateway port and host port of three services, all of them the same echo."""
    return {s: (p, service.port) for s, p in zip(THREE, free_ports(3), strict=True)}


async def echoes(port: int, data: bytes = b"hello") -> bool:
    try:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    try:
        writer.write(data)
        return await reader.read(len(data)) == data
    except OSError:
        return False
    finally:
        writer.close()


Ports = dict[Service, tuple[int, int]]


async def test_it_serves_and_recovers_from_a_killed_session(
    shared_sshd: Sshd, ports: Ports
) -> None:
    async with supervised(tables(shared_sshd, ports)) as tunnel:
        await tunnel.until_serving()
        assert await echoes(ports[Service.NFS][0])
        shared_sshd.kill_sessions()
        await eventually(lambda: tunnel.meters.recoveries, "the recovery", timeout_s=5)
        assert tunnel.meters.recoveries[0] < 2
        assert await echoes(ports[Service.NFS][0])

        view = tunnel.view
        assert view.losses[FailureKind.CLOSED] == 1
        assert view.attempts == 2
        assert view.error is None
    assert tunnel.phases[-1] is Phase.STOPPED


async def test_a_gateway_that_comes_up_later_is_found(sshd: Sshd, ports: Ports) -> None:
    async with supervised(tables(sshd, ports, tunnel={"backoff_max_s": 0.5})) as tunnel:
        await tunnel.until(Phase.BACKOFF)
        await eventually(lambda: tunnel.view.failures.get(FailureKind.UNREACHABLE, 0) >= 2, "two")
        assert "Connection refused" in str(tunnel.view.error)
        sshd.start()
        await tunnel.until_serving(timeout_s=5)


async def test_hasten_ends_a_wait(
    sshd: Sshd, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.999)
    written = tables(sshd, ports, tunnel={"backoff_min_s": 4.9})
    async with supervised(written) as tunnel:
        await tunnel.until(Phase.BACKOFF)
        sshd.start()
        await never(lambda: tunnel.view.attempts > 1, "tried too early", for_s=0.2)
        tunnel.supervisor.hasten()
        await tunnel.until_serving(timeout_s=3)


# -- sleep and networks --------------------------------------------------------------------------


def behind(port: int, gateway: GatewayStandIn, ports: Ports) -> Tables:
    """A configuration that reaches the gateway through a proxy, and whose keepalive is slow."""
    written = tables(gateway, ports, tunnel={"keepalive_interval_s": 60})
    written["gateway"][GATEWAY]["port"] = port
    gateway.known_hosts.write_text(
        gateway.known_hosts.read_text().replace(f":{gateway.port} ", f":{port} ")
    )
    return written


async def test_a_wake_and_a_change_of_the_network_end_a_wait(
    sshd: Sshd, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.999)
    written = tables(sshd, ports, tunnel={"backoff_min_s": 4.9})
    async with supervised(written) as tunnel:
        await tunnel.until(Phase.BACKOFF)
        tunnel.supervisor.woke(3600)
        await eventually(lambda: tunnel.view.attempts == 2, "another attempt", timeout_s=3)
        await tunnel.until(Phase.BACKOFF)
        sshd.start()
        tunnel.supervisor.network_changed()
        await tunnel.until_serving(timeout_s=3)


async def test_what_was_dialled_before_a_sleep_is_dialled_anew(ports: Ports, sshd: Sshd) -> None:
    with socket.socket() as silent:
        silent.bind((LOOPBACK, 0))
        silent.listen()
        written = tables(sshd, ports)
        written["gateway"][GATEWAY]["port"] = silent.getsockname()[1]
        async with supervised(written) as tunnel:
            await eventually(lambda: tunnel.view.attempts == 1, "an attempt")
            tunnel.supervisor.woke(3600)
            await eventually(lambda: tunnel.view.attempts == 2, "another", timeout_s=3)
            assert tunnel.view.failures == {}


async def test_a_session_that_has_survived_a_sleep_is_left_alone(
    gateway: GatewayStandIn, ports: Ports
) -> None:
    async with supervised(tables(gateway, ports)) as tunnel:
        await tunnel.until_serving()
        client = await gateway.connections[-1].client(LOOPBACK, ports[Service.NFS][0])
        tunnel.supervisor.woke(3600)
        proof = tunnel.supervisor._proof
        assert proof is not None
        await proof
        client.channel.write(b"undisturbed")
        await eventually(lambda: bytes(client.received) == b"undisturbed", "the echo")
        assert (tunnel.view.attempts, tunnel.view.losses) == (1, {})


async def test_a_session_that_has_not_is_replaced_without_waiting_for_keepalives(
    gateway: GatewayStandIn, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nap, "PATIENCE_S", 0.2)
    async with (
        slow_proxy(gateway.port) as proxy,
        supervised(behind(proxy.port, gateway, ports)) as tunnel,
    ):
        await tunnel.until_serving()
        proxy.freeze()
        tunnel.supervisor.woke(3600)
        await eventually(lambda: tunnel.view.losses, "the loss", timeout_s=3)
        assert tunnel.view.losses == {FailureKind.KEEPALIVE: 1}
        assert "slept for 1 h" in str(tunnel.view.error)


async def test_a_stop_does_not_wait_for_the_proof(gateway: GatewayStandIn, ports: Ports) -> None:
    async with slow_proxy(gateway.port) as proxy:
        written = behind(proxy.port, gateway, ports)
        written["tunnel"]["drain_timeout_s"] = 0.1
        async with supervised(written) as tunnel:
            await tunnel.until_serving()
            proxy.freeze()
            tunnel.supervisor.woke(1)
            await tunnel.stop(timeout_s=10)  # the proof has three minutes
            assert tunnel.supervisor._proof is not None
            assert tunnel.supervisor._proof.done()


# -- forwards ------------------------------------------------------------------------------------


async def test_a_busy_port_is_bound_soon_after_it_is_free_and_disturbs_nobody(
    shared_sshd: Sshd, ports: Ports
) -> None:
    squatter = socket.socket()
    squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    squatter.bind((LOOPBACK, ports[Service.NFS][0]))
    squatter.listen()
    async with supervised(tables(shared_sshd, ports)) as tunnel:
        await eventually(lambda: tunnel.state() is ServiceState.REFUSED, "refused")
        await eventually(lambda: tunnel.state(Service.MOUNTD).ready, "mountd", seen=tunnel.seen)
        assert tunnel.phase is Phase.UP
        (nfs,) = [s for s in tunnel.view.services if s.service is Service.NFS]
        assert "already taken on the gateway" in str(nfs.worst.error)
        reader, writer = await asyncio.open_connection(LOOPBACK, ports[Service.MOUNTD][0])

        squatter.close()
        await tunnel.until_serving()
        assert tunnel.view.attempts == 1
        writer.write(b"undisturbed")
        assert await reader.read(100) == b"undisturbed"
        writer.close()


async def test_a_forbidden_forward_is_refused_while_the_others_serve(
    sshd: Sshd, ports: Ports
) -> None:
    allowed = " ".join(f"{LOOPBACK}:{ports[s][0]}" for s in (Service.RPCBIND, Service.MOUNTD))
    sshd.configure(f"PermitListen {allowed}")
    sshd.start()
    async with supervised(tables(sshd, ports)) as tunnel:
        await eventually(lambda: tunnel.state() is ServiceState.REFUSED, "refused")
        await eventually(lambda: tunnel.state(Service.MOUNTD).ready, "mountd")
        await eventually(lambda: tunnel.state(Service.RPCBIND).ready, "rpcbind")
        assert tunnel.phase is Phase.UP
        (nfs,) = [s for s in tunnel.view.services if s.service is Service.NFS]
        assert "forbids" in str(nfs.worst.error)
        assert "PermitListen" in str(nfs.worst.hint)


async def test_ports_that_stay_busy_take_one_line_in_a_minute_for_all_of_them(
    gateway: GatewayStandIn, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "BUSY_RETRY_S", 0.01)
    gateway.grant = lambda _host, _port: False
    with capture_logs() as logs:
        async with supervised(tables(gateway, ports)) as tunnel:
            quiet = tunnel.supervisor._memory.quiet
            quiet._interval_s = minute = 0.4
            started = time.monotonic()

            def lines(event: str) -> list[Any]:
                return [line for line in logs if line["event"] == event]

            await eventually(lambda: len(lines("forwards_refused")) == 3, "three minutes to pass")
            assert time.monotonic() - started > 2.5 * minute
            assert {line["service"] for line in lines("forward_refused")} == set(map(str, THREE))
            assert len(lines("forward_refused")) == 3
            assert all(len(line["services"]) == 3 for line in lines("forwards_refused"))


@pytest.mark.parametrize("line", ["AllowTcpForwarding no", "DisableForwarding yes"])
async def test_a_gateway_that_forbids_every_forward_blocks(
    sshd: Sshd, ports: Ports, line: str
) -> None:
    sshd.configure(line)
    sshd.start()
    async with supervised(tables(sshd, ports)) as tunnel:
        await tunnel.until(Phase.BLOCKED)
        assert tunnel.view.failures == {FailureKind.FORBIDDEN: 1}
        assert "AllowTcpForwarding" in str(tunnel.view.hint)
        await eventually(lambda: not sshd.sessions(), "the session to be ended")
        retry_at = tunnel.view.retry_at
        assert retry_at is not None
        assert 290 < retry_at - time.time() <= 300


async def test_a_gateway_that_refuses_all_and_hangs_up_is_heard_once(
    gateway: GatewayStandIn, ports: Ports
) -> None:
    """Refused and lost at the same moment: only the first word of the two counts."""

    async with supervised(tables(gateway, ports)) as tunnel:
        await tunnel.until_serving()
        generation = tunnel.supervisor._generation
        failure = Failure(FailureKind.FORBIDDEN, "every forward is forbidden")
        tunnel.supervisor._post(machine.Lost(failure), generation)
        tunnel.supervisor._post(machine.Refused(failure), generation)
        tunnel.supervisor._post(machine.Lost(failure), generation)
        await tunnel.until_serving()
        assert tunnel.task is not None
        assert not tunnel.task.done()


async def test_a_retry_hastened_at_the_moment_of_a_block_is_not_ended_with_it(
    gateway: GatewayStandIn, ports: Ports
) -> None:
    async with supervised(tables(gateway, ports)) as tunnel:
        await tunnel.until_serving()
        failure = Failure(FailureKind.FORBIDDEN, "every forward is forbidden")
        # The machine has no cell for a refusal while up: go back to where there is one.
        inside: Any = tunnel.supervisor
        inside._tunnel = machine.Tunnel(phase=Phase.BINDING)
        inside._post(machine.Refused(failure), inside._generation)
        inside._post(machine.Hasten())
        await eventually(lambda: tunnel.view.attempts == 2, "another attempt")
        await tunnel.until_serving(timeout_s=3)


async def test_late_events_of_an_old_attempt_are_dropped(
    gateway: GatewayStandIn, ports: Ports
) -> None:
    async with supervised(tables(gateway, ports)) as tunnel:
        await tunnel.until_serving()
        old = tunnel.supervisor._generation
        gateway.connections[-1].ssh.abort()
        await eventually(lambda: tunnel.view.attempts == 2, "another attempt")
        await tunnel.until_serving()
        failure = Failure(FailureKind.CLOSED, "late")
        for event in (machine.Lost(failure), machine.Failed(failure), machine.Bound()):
            tunnel.supervisor._post(event, old)
        await never(lambda: not tunnel.serving, "an old word counted", for_s=0.1)
        assert tunnel.view.losses == {FailureKind.CLOSED: 1}


# -- what a person must cure ---------------------------------------------------------------------


async def test_a_refused_key_blocks_and_a_person_who_asks_waits_for_six_seconds(
    sshd: Sshd, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    sshd.forbid()
    sshd.start()
    async with supervised(tables(sshd, ports)) as tunnel:
        await tunnel.until(Phase.BLOCKED)
        refused_at = time.monotonic()
        assert tunnel.view.failures == {FailureKind.AUTH: 1}
        sshd.authorize()
        tunnel.supervisor.hasten()
        await eventually(
            lambda: (tunnel.supervisor._tunnel.wake_at or 0) < refused_at + 10, "it to be hastened"
        )
        wake_at = tunnel.supervisor._tunnel.wake_at
        assert wake_at is not None
        assert 5.8 <= wake_at - refused_at <= 6.1

        # The rest of the wait is the clock's: let it be over.
        now = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: now() + 6)
        tunnel.supervisor.hasten()
        await tunnel.until_serving(timeout_s=3)


async def test_a_changed_host_key_blocks_until_known_hosts_is_mended(
    sshd: Sshd, ports: Ports
) -> None:
    sshd.start()
    async with supervised(tables(sshd, ports)) as tunnel:
        await tunnel.until_serving()
        sshd.stop()
        sshd.renew_host_key()
        sshd.start()
        tunnel.supervisor.hasten()
        await tunnel.until(Phase.BLOCKED)
        assert "CHANGED" in str(tunnel.view.error)
        assert "ssh-keygen -R" in str(tunnel.view.hint)

        await asyncio.sleep(0)
        sshd.trust()
        # Not seeing it would cost the five minutes of a blocked tunnel.
        await tunnel.until_serving(timeout_s=20)


async def test_a_key_that_was_missing_unblocks_when_it_is_there(
    sshd: Sshd, ports: Ports, tmp_path: Path
) -> None:
    sshd.start()
    key = tmp_path / "later"
    written = tables(sshd, ports, gateway={"identity_files": [str(key)]})
    async with supervised(written) as tunnel:
        await tunnel.until(Phase.BLOCKED)
        assert tunnel.view.failures == {FailureKind.KEY: 1}
        sshd.authorized.write_text(make_key(key) + "\n")
        await tunnel.until_serving(timeout_s=20)


async def test_a_key_that_is_added_to_the_agent_unblocks(
    sshd: Sshd, ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of a machine after a reboot: the key is encrypted, the agent there and empty."""
    monkeypatch.setattr(login_watch, "AGENT_STEP_S", 0.1)
    sshd.start()
    plain, locked = tmp_path / "plain", tmp_path / "locked"
    sshd.authorized.write_text(make_key(plain) + "\n")
    locked.write_bytes(plain.read_bytes())
    locked.chmod(0o600)
    lock = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(locked)]
    await (await asyncio.create_subprocess_exec(*lock)).wait()
    written = tables(sshd, ports, gateway={"identity_files": [str(locked)]})
    with ssh_agent(tmp_path / "agent") as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", agent.socket)
        async with supervised(written) as tunnel:
            await tunnel.until(Phase.BLOCKED)
            assert "the agent does not hold it" in str(tunnel.view.error)
            agent.add(plain)
            await tunnel.until_serving()


# -- bugs, stops ---------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["connect", "serve"])
async def test_a_bug_in_an_attempt_is_survived_and_logged(
    gateway: GatewayStandIn, ports: Ports, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    async def broken(*_: object, **__: object) -> Any:
        raise RuntimeError("a bug of ours")

    with capture_logs() as logs:
        with monkeypatch.context() as patch:
            if where == "connect":
                patch.setattr(ssh, "connect", broken)
            else:
                patch.setattr(Prober, "run", broken)
            tunnel = Supervised(read(tables(gateway, ports, tunnel={"backoff_max_s": 0.3})))
            tunnel.start()
            await eventually(
                lambda: sum(line["event"] == "attempt_broke" for line in logs) >= 2, "it twice"
            )
            kinds = {**tunnel.view.failures, **tunnel.view.losses}
            assert kinds.get(FailureKind.INTERNAL)
        await tunnel.until_serving()
        await tunnel.stop()


async def test_a_bug_in_supervision_itself_is_survived(
    gateway: GatewayStandIn, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_BROKEN_PAUSE_S", 0.05)
    with capture_logs() as logs:
        async with supervised(tables(gateway, ports)) as tunnel:
            await tunnel.until_serving()
            # No cell of the machine has this event while up.
            tunnel.supervisor._post(machine.Connected())
            await eventually(lambda: tunnel.view.attempts == 2, "supervision to begin anew")
            await tunnel.until_serving()
            assert gateway.connections[0].gone
            assert tunnel.task is not None
            assert not tunnel.task.done()
    assert sum(line["event"] == "supervisor_broke" for line in logs) == 1


async def test_a_bug_while_it_stops_lets_it_stop(
    gateway: GatewayStandIn, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise RuntimeError("a bug of ours")

    async with supervised(tables(gateway, ports)) as tunnel:
        await tunnel.until_serving()
        monkeypatch.setattr(supervisor, "step", broken)
        await tunnel.stop()
        assert gateway.connections[0].gone


async def test_a_stop_waits_for_the_answer_to_a_call(gateway: GatewayStandIn) -> None:
    may_answer = asyncio.Event()

    async def think(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = await reader.read(100)
        if call == b"call":
            await may_answer.wait()
            writer.write(b"answer")
        else:
            writer.write(null_reply(call))
        await writer.drain()
        await reader.read()

    service = HostService(think)
    await service.start()
    ports = {Service.NFS: (20490, service.port)}
    async with supervised(tables(gateway, ports)) as tunnel:
        await tunnel.until_serving()
        busy = await gateway.connections[-1].client(LOOPBACK, 20490)
        idle = await gateway.connections[-1].client(LOOPBACK, 20490)
        busy.channel.write(b"call")
        await eventually(lambda: service.accepted >= 2, "both")
        await asyncio.sleep(0.3)
        stopping = asyncio.create_task(tunnel.stop())
        await idle.gone
        with pytest.raises(asyncssh.ChannelOpenError):
            await gateway.connections[-1].client(LOOPBACK, 20490)
        await never(busy.gone.done, "closed over an unanswered call", for_s=0.4)
        assert not stopping.done()
        may_answer.set()
        await busy.gone
        await stopping

        assert bytes(busy.received) == b"answer"
    await service.stop()


async def test_a_stop_waits_no_longer_than_it_may(gateway: GatewayStandIn, ports: Ports) -> None:
    async with supervised(tables(gateway, ports, tunnel={"drain_timeout_s": 0.5})) as tunnel:
        await tunnel.until_serving()
        port = ports[Service.NFS][0]
        chatter = await gateway.connections[-1].client(LOOPBACK, port)

        async def talk() -> None:
            while not chatter.gone.done():
                chatter.channel.write(b"again and again")
                await asyncio.sleep(0.05)

        talking = asyncio.create_task(talk())
        started = time.monotonic()
        await tunnel.stop()
        # Without an end to the drain the stop would last as long as he talks.
        assert time.monotonic() - started >= 0.45
        assert chatter.gone.done()
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)


@pytest.mark.parametrize("phase", [Phase.CONNECTING, Phase.BACKOFF, Phase.BLOCKED])
async def test_a_stop_is_quick_where_nothing_stands(sshd: Sshd, ports: Ports, phase: Phase) -> None:
    written = tables(sshd, ports)
    silent = socket.socket()
    if phase is Phase.CONNECTING:
        silent.bind((LOOPBACK, 0))
        silent.listen()
        written["gateway"][GATEWAY]["port"] = silent.getsockname()[1]
    elif phase is Phase.BLOCKED:
        sshd.forbid()
        sshd.start()
    async with supervised(written) as tunnel:
        await tunnel.until(phase)
        started = time.monotonic()
        await tunnel.stop()
        assert time.monotonic() - started < 5  # a connection attempt has ten seconds
    silent.close()


# -- following the configuration -----------------------------------------------------------------


async def test_services_come_move_and_go_on_the_live_session(
    shared_sshd: Sshd, ports: Ports, service: HostService
) -> None:
    async with supervised(tables(shared_sshd, ports)) as tunnel:
        await tunnel.until_serving()
        port = ports[Service.NFS][0]
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        moved, added = free_ports(2)
        gone = ports[Service.RPCBIND][0]
        changed = {
            Service.NFS: ports[Service.NFS],
            Service.MOUNTD: (moved, service.port),
            Service.NLOCKMGR: (added, service.port),
        }
        tunnel.config = read(tables(shared_sshd, changed))
        tunnel.supervisor.apply()
        await tunnel.until_serving()
        await eventually(lambda: accepts(moved) and accepts(added), "the new listeners")
        await eventually(
            lambda: not accepts(gone) and not accepts(ports[Service.MOUNTD][0]), "the old to go"
        )
        writer.write(b"undisturbed")
        assert await reader.read(100) == b"undisturbed"
        assert tunnel.view.attempts == 1
        writer.close()


async def test_redial_replaces_the_session(gateway: GatewayStandIn, ports: Ports) -> None:
    async with supervised(tables(gateway, ports)) as tunnel:
        await tunnel.until_serving()
        tunnel.supervisor.redial()
        await eventually(lambda: len(gateway.connections) == 2, "another connection")
        await tunnel.until_serving()
        assert gateway.connections[0].gone
        assert not gateway.connections[1].gone
        assert tunnel.view.losses == {}


# -- nothing piles up ----------------------------------------------------------------------------


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _objects() -> int:
    """Objects alive, without asyncio's timers: cancelled ones stay in its heap for a while."""
    gc.collect()
    passing = (asyncio.TimerHandle, contextvars.Context)
    return sum(not isinstance(each, passing) for each in gc.get_objects())


async def test_a_hundred_reconnects_leave_nothing(
    gateway: GatewayStandIn, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.0)
    # Where an earlier test has led structlog to logging, pytest keeps every record.
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    async with supervised(tables(gateway, ports)) as tunnel:

        async def reconnect(times: int) -> None:
            for _ in range(times):
                before = tunnel.view.attempts
                client = await gateway.connections[-1].client(LOOPBACK, ports[Service.NFS][0])
                client.channel.write(b"x")
                gateway.connections[-1].ssh.abort()
                await eventually(lambda: tunnel.view.attempts > before, "another attempt")  # noqa: B023  # asked in this round
                await tunnel.until_serving()
                del gateway.connections[:-1]
                for task in [t for t in gateway.tasks if t.done()]:
                    gateway.tasks.discard(task)

        await tunnel.until_serving()
        await reconnect(10)
        await asyncio.sleep(0.05)
        gc.collect()
        tasks, descriptors = len(asyncio.all_tasks()), _descriptors()
        sessions = sum(isinstance(each, Session) for each in gc.get_objects())
        await reconnect(45)
        first = _objects()
        await reconnect(45)
        grown = _objects() - first
        await eventually(lambda: len(asyncio.all_tasks()) <= tasks + 2, "tasks to end")
        await eventually(lambda: _descriptors() <= descriptors + 2, "descriptors to close")
        gc.collect()
        assert sum(isinstance(each, Session) for each in gc.get_objects()) <= sessions + 1
        # One session is hundreds of objects; weak references that wait for their turn are a few.
        assert grown < 45 * 10
        assert tunnel.view.losses == {FailureKind.CLOSED: 100}
        assert not tunnel.ledger.open
