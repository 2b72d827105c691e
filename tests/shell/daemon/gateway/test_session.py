"""Sessions with real sshd and with peers that misbehave: dialling, liveness, requests, ends."""

import asyncio
import gc
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncssh
import pytest

from hostnfsd.config.model import Tunnel
from hostnfsd.daemon.gateway import session as ssh
from hostnfsd.daemon.ssh import commands, seams
from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.services import Service
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel import gateway as gateway_survey
from hostnfsd.tunnel import reclaim
from hostnfsd.tunnel.failure import Failure
from hostnfsd.tunnel.forward import Spec
from hostnfsd.tunnel.gateway import Survey
from hostnfsd.tunnel.reclaim import Fate
from tests.support.conditions import eventually
from tests.support.gateway_stand_in import GatewayStandIn
from tests.support.host_services import echo, serving
from tests.support.keys import make_key
from tests.support.ports import LOOPBACK, free_port
from tests.support.relaying import GATEWAY, Reachable, Rig, gateway_of, rig
from tests.support.slow_proxy import slow_proxy
from tests.support.sshd import Sshd

pytestmark = pytest.mark.patient

SPEC = Spec(Service.NFS, LOOPBACK, 20490)


async def nobody(_originator: str, _port: int) -> Any:
    raise AssertionError("nobody dials")


async def dial(server: Reachable, tunnel: Tunnel | None = None, **changes: Any) -> ssh.Session:
    return await ssh.connect(
        GATEWAY,
        gateway_of(server, **changes),
        tunnel or Tunnel(),
        on_congestion=lambda _full: None,
        dialling=lambda _alias: None,
        agent_holds=lambda _held: None,
    )


async def failure(server: Reachable, tunnel: Tunnel | None = None, **changes: Any) -> Failure:
    with pytest.raises(TunnelFailureError) as caught:
        await dial(server, tunnel, **changes)
    return caught.value.failure


def sockets() -> set[str]:
    """Sockets that this process has open now."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            name = str(each.readlink())
        except OSError:
            continue
        if name.startswith("socket:"):
            found.add(name)
    return found


@dataclass
class Nowhere:
    """A port with a key, and whatever peer a test puts there."""

    port: int
    identity: Path
    known_hosts: Path


@asynccontextmanager
async def peer(
    sshd: Sshd, behaviour: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> AsyncIterator[Nowhere]:
    async with serving(behaviour) as service:
        yield Nowhere(service.port, sshd.identity, sshd.known_hosts)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    while await reader.read(1000):
        pass


def stops_in_kex(sshd: Sshd) -> Any:
    """Passes on sshd's banner and its first packet, then nothing more."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(LOOPBACK, sshd.port)
        try:
            far_writer.write(await reader.readline())
            writer.write(await far_reader.readline())
            writer.write(await far_reader.read(2000))
            await silent(reader, writer)
        finally:
            far_writer.close()
            with suppress(OSError):
                await far_writer.wait_closed()

    return behave


# -- dialling ------------------------------------------------------------------------------------


async def test_a_key_file_logs_in(shared_sshd: Sshd) -> None:
    session = await dial(shared_sshd)
    assert not session.over
    assert str(session.alias).endswith(f"@{LOOPBACK}:{shared_sshd.port}")
    await session.close()
    assert session.over


async def test_an_encrypted_key_logs_in_through_the_agent(
    shared_sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = tmp_path / "locked"
    public = make_key(locked, "secret")
    agent_socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", agent_socket], stdout=subprocess.DEVNULL)
    before = shared_sshd.authorized.read_text()
    try:
        await eventually(agent_socket.exists, "the agent")
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent_socket))
        refused = await failure(shared_sshd, identity_files=(str(locked),))
        assert refused.kind is FailureKind.KEY
        assert "encrypted" in refused.text

        unlock_in_agent(locked, tmp_path / "plain")
        shared_sshd.authorized.write_text(f"{before}{public}\n")
        session = await dial(shared_sshd, identity_files=(str(locked),))
        await session.close()
    finally:
        shared_sshd.authorized.write_text(before)
        agent.terminate()
        agent.wait()


def unlock_in_agent(locked: Path, plain: Path) -> None:
    """Put the key into the agent, as a person with its passphrase does."""
    plain.write_bytes(locked.read_bytes())
    plain.chmod(0o600)
    change = ["ssh-keygen", "-q", "-p", "-P", "secret", "-N", "", "-f", str(plain)]
    subprocess.run(change, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ssh-add", "-q", str(plain)], check=True, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("stage", ["silent", "in the middle of the key exchange"])
async def test_a_peer_that_goes_silent_is_given_up_in_time(shared_sshd: Sshd, stage: str) -> None:
    behaviour = silent if stage == "silent" else stops_in_kex(shared_sshd)
    async with peer(shared_sshd, behaviour) as where:
        before = sockets()
        started = time.monotonic()
        known_hosts = str(where.known_hosts)
        found = await failure(where, Tunnel(connect_timeout_s=0.4), known_hosts=known_hosts)

        assert found.kind is FailureKind.TIMEOUT
        assert "0.4 s" in found.text
        assert 0.35 <= time.monotonic() - started < 5  # ten seconds are the default
        await eventually(lambda: sockets() <= before, "our socket to be closed")


async def test_a_login_has_the_time_that_is_configured_and_no_other(shared_sshd: Sshd) -> None:
    """asyncssh's own two minutes would go by while this process is stopped, too."""
    async with peer(shared_sshd, silent) as where:
        dialling = asyncio.create_task(dial(where, Tunnel(connect_timeout_s=600)))
        connections: list[Any] = []

        def begun() -> bool:
            connections[:] = [
                each
                for each in gc.get_objects()
                if type(each) is asyncssh.SSHClientConnection and each.get_extra_info("peername")
                if each.get_extra_info("peername")[1] == where.port
            ]
            return bool(connections)

        await eventually(begun, "the connection")
        assert [each._login_timer for each in connections] == [None]
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling


@pytest.mark.parametrize("stage", ["silent", "in the middle of the key exchange"])
async def test_a_cancelled_dial_leaves_no_socket_and_no_task(shared_sshd: Sshd, stage: str) -> None:
    behaviour = silent if stage == "silent" else stops_in_kex(shared_sshd)
    async with peer(shared_sshd, behaviour) as where:
        before, tasks = sockets(), asyncio.all_tasks()
        dialling = asyncio.create_task(dial(where))
        # Ours and the peer's, and that by which he reaches sshd.
        least = 2 if stage == "silent" else 3
        await eventually(lambda: len(sockets() - before) >= least, "the peer to be met")
        await asyncio.sleep(0.1)  # it comes further, if the machine has time for it
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling

        await eventually(lambda: sockets() <= before, "sockets to be closed")
        await eventually(
            lambda: not [t for t in asyncio.all_tasks() - tasks if "asyncssh" in repr(t)],
            "tasks to end",
        )


async def test_what_nobody_listens_on_is_unreachable(shared_sshd: Sshd) -> None:
    nowhere = Nowhere(free_port(), shared_sshd.identity, shared_sshd.known_hosts)
    found = await failure(nowhere)

    assert found.kind is FailureKind.UNREACHABLE
    assert found.text.endswith("Connection refused")
    assert "is the gateway running" in str(found.hint)


async def test_an_address_that_swallows_all_leaves_time_for_the_next(
    shared_sshd: Sshd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A name with an address that leads nowhere, as IPv6 often does, and one that works."""
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo
    known = tmp_path / "known"
    known.write_text(shared_sshd.known_hosts.read_text().replace(f"[{LOOPBACK}]", "[gw.test]"))
    with ExitStack() as stack:
        nowhere = stack.enter_context(socket.create_server(("127.0.0.2", 0), backlog=0))
        hole = nowhere.getsockname()
        stack.enter_context(socket.create_connection(hole))

        async def both(host: str, port: int, **options: Any) -> Any:
            assert host == "gw.test"
            (good, *_) = await resolve(LOOPBACK, port, **options)
            return [(*good[:4], hole), good]

        monkeypatch.setattr(loop, "getaddrinfo", both)
        timing = Tunnel(connect_timeout_s=5)
        session = await dial(shared_sshd, timing, host="gw.test", known_hosts=str(known))
        assert wire_socket(session).getpeername() == (LOOPBACK, shared_sshd.port)
        await session.close()


async def test_a_refused_key_and_an_unknown_host_are_told_apart(
    shared_sshd: Sshd, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger"
    make_key(stranger)
    refused = await failure(shared_sshd, identity_files=(str(stranger),))
    assert refused.kind is FailureKind.AUTH

    unknown = await failure(shared_sshd, known_hosts=str(tmp_path / "empty"))
    assert unknown.kind is FailureKind.HOST_KEY
    assert "ssh-keyscan" in str(unknown.hint)


async def test_sshd_that_turns_us_away_before_its_banner_is_busy(shared_sshd: Sshd) -> None:
    async def turn_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(b"Not allowed at this time\r\n")

    async with peer(shared_sshd, turn_away) as where:
        assert (await failure(where)).kind is FailureKind.BUSY


@pytest.mark.parametrize("shell", ["", "zsh", "fish", "rbash"])
async def test_the_survey_tells_what_carries_us_and_it_can_be_ended(sshd: Sshd, shell: str) -> None:
    """With the rights of our login: what a dead session of ours meets, one that stands meets."""
    if shell:  # in the place of the login's own, as sshd runs that: SHELL -c COMMAND
        sshd.authorize(f'command="exec {shell} -c \\"$SSH_ORIGINAL_COMMAND\\""')
    sshd.start()
    session, next_one = await dial(sshd), await dial(sshd)
    await session.survey()
    await next_one.survey()
    assert session.process is not None
    assert next_one.process is not None
    assert session.process != next_one.process
    assert session.process.place == next_one.process.place
    assert session.host_key == next_one.host_key
    assert session.host_key.startswith("SHA256:")

    above = await session.output('read -r c <"/proc/$PPID/comm"; echo "$c"', 10)
    assert above == "sshd\n" or shell == "rbash", "commands look for it there"

    command = reclaim.command([session.process], end=True)
    told = reclaim.read(await next_one.output(command, 10), [session.process])

    assert told == {session.process: Fate.ENDED}
    async with asyncio.timeout(10):
        await session.lost()
    assert not next_one.over
    await next_one.close()


async def _survey_works(server: Sshd, config: Path) -> None:
    session = await dial(server, host=None, port=None, known_hosts=None, ssh_config=str(config))
    try:
        found = await session.survey()
        assert found is not None
        assert found.uid == os.geteuid()
    finally:
        await session.close()


def alias_file(folder: Path, server: Sshd, *lines: str) -> Path:
    config = folder / "config"
    config.write_text(
        f"Host {GATEWAY}\n HostName {LOOPBACK}\n Port {server.port}\n"
        f" UserKnownHostsFile {server.known_hosts}\n IdentityFile {server.identity}\n"
        + "".join(f" {line}\n" for line in lines)
    )
    return config


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


async def test_a_proxy_command_leads_to_the_gateway_and_ends_with_the_session(
    shared_sshd: Sshd, tmp_path: Path
) -> None:
    """One that does not end by itself when its input does."""
    script = tmp_path / "through"
    script.write_text(
        "import os, socket, sys, threading\n"
        "far = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n"
        "    while data := os.read(0, 65536): far.sendall(data)\n"
        "    threading.Event().wait()\n"
        "threading.Thread(target=up).start()\n"
        "while data := far.recv(65536): os.write(1, data)\n"
        "threading.Event().wait()\n"
    )
    config = alias_file(tmp_path, shared_sshd, f"ProxyCommand python3 {script} %h %p")
    before = children()
    await _survey_works(shared_sshd, config)
    await eventually(lambda: children() <= before, "the command to be ended")


async def test_a_jump_host_is_gone_through(shared_sshd: Sshd, sshd: Sshd, tmp_path: Path) -> None:
    sshd.start()
    config = alias_file(tmp_path, shared_sshd, "ProxyJump jump")
    with config.open("a") as file:
        file.write(
            f"Host jump\n HostName {LOOPBACK}\n Port {sshd.port}\n IdentitiesOnly yes\n"
            f" UserKnownHostsFile {sshd.known_hosts}\n IdentityFile {sshd.identity}\n"
        )
    before = children()
    await _survey_works(shared_sshd, config)

    assert f"Accepted publickey for {sshd.user}" in sshd.log.read_text()
    await eventually(lambda: children() <= before, "ssh to end")


async def test_a_jump_host_that_refuses_is_told_and_not_asked_again_and_again(
    shared_sshd: Sshd, sshd: Sshd, tmp_path: Path
) -> None:
    sshd.forbid()
    sshd.start()
    config = alias_file(tmp_path, shared_sshd, "ProxyJump jump")
    with config.open("a") as file:
        file.write(
            f"Host jump\n HostName {LOOPBACK}\n Port {sshd.port}\n IdentitiesOnly yes\n"
            f" UserKnownHostsFile {sshd.known_hosts}\n IdentityFile {sshd.identity}\n"
        )
    before = children()
    found = await failure(
        shared_sshd, host=None, port=None, known_hosts=None, ssh_config=str(config)
    )

    assert found.kind is FailureKind.AUTH
    assert "Permission denied (publickey" in found.text
    await eventually(lambda: children() <= before, "ssh to end")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo the VPN is down >&2; exit 1", "said: the VPN is down"),
        ("nosuchcommand %h", "not found"),
        ("yes >&2; true", "said: y / y"),  # it says more than any pipe holds
    ],
)
async def test_a_proxy_command_that_fails_is_quoted(
    shared_sshd: Sshd, tmp_path: Path, command: str, said: str
) -> None:
    before = children()
    script = tmp_path / "command"
    script.write_text(f"#!/bin/sh\n{command.replace('%h', 'x')}\n")
    script.chmod(0o755)
    config = alias_file(tmp_path, shared_sshd, f"ProxyCommand {script}")
    found = await failure(
        shared_sshd,
        Tunnel(connect_timeout_s=1),
        host=None,
        port=None,
        known_hosts=None,
        ssh_config=str(config),
    )

    assert "through a ProxyJump or ProxyCommand" in found.text
    assert said in found.text
    await eventually(lambda: children() <= before, "the command to be ended")


async def test_a_child_of_the_proxy_command_that_stays_keeps_nobody_waiting(
    shared_sshd: Sshd, tmp_path: Path
) -> None:
    """As the master of a ControlPersist does, it holds the pipe of standard error."""
    (tmp_path / "pid").touch()
    command = f"/bin/sh -c 'sleep 60 </dev/null >/dev/null & echo $! > {tmp_path}/pid; exit 1'"
    config = alias_file(tmp_path, shared_sshd, f"ProxyCommand {command}")
    before = sockets()
    started = time.monotonic()
    await failure(shared_sshd, host=None, port=None, known_hosts=None, ssh_config=str(config))

    assert time.monotonic() - started < 5
    os.kill(int((tmp_path / "pid").read_text()), 15)
    await eventually(lambda: sockets() <= before, "our ends to be closed")


# -- liveness ------------------------------------------------------------------------------------


def wire_socket(session: ssh.Session) -> socket.socket:
    found: socket.socket = session._connection.get_extra_info("socket")
    return found


async def test_the_kernel_watches_what_we_send(gateway: GatewayStandIn) -> None:
    session = await dial(gateway, Tunnel(keepalive_interval_s=1.5, keepalive_count_max=3))
    sock = wire_socket(session)

    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 6000
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    session.set_keepalive(Tunnel(keepalive_interval_s=2, keepalive_count_max=1))
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 4000
    await session.close()
    session.set_keepalive(Tunnel())  # too late, and no error


async def test_a_frozen_gateway_behind_a_proxy_is_noticed_in_time(
    gateway: GatewayStandIn,
) -> None:
    async with slow_proxy(gateway.port) as proxy:
        where = Nowhere(proxy.port, gateway.identity, gateway.known_hosts)
        where.known_hosts.write_text(
            where.known_hosts.read_text().replace(f":{gateway.port} ", f":{proxy.port} ")
        )
        session = await dial(where, Tunnel(keepalive_interval_s=0.2, keepalive_count_max=2))
        await asyncio.sleep(0.5)
        assert not session.over
        proxy.freeze()
        started = time.monotonic()
        found = await session.lost()

        assert found.kind is FailureKind.KEEPALIVE
        assert 0.3 <= time.monotonic() - started <= 5  # nine seconds are the default
        await session.close()


async def test_changed_keepalive_settings_count_at_once(gateway: GatewayStandIn) -> None:
    async with slow_proxy(gateway.port) as proxy:
        where = Nowhere(proxy.port, gateway.identity, gateway.known_hosts)
        where.known_hosts.write_text(
            where.known_hosts.read_text().replace(f":{gateway.port} ", f":{proxy.port} ")
        )
        session = await dial(where, Tunnel(keepalive_interval_s=60))
        trips: list[float] = []
        session.watch_keepalives(trips.append)
        session.set_keepalive(Tunnel(keepalive_interval_s=0.05, keepalive_count_max=1))
        await eventually(lambda: len(trips) > 2, "round trips")
        assert all(0 < trip < 1 for trip in trips)
        proxy.freeze()
        async with asyncio.timeout(1):
            assert (await session.lost()).kind is FailureKind.KEEPALIVE
        await session.close()


@pytest.mark.parametrize("silent", [False, True], ids=["answers", "is silent"])
async def test_a_gateway_that_answers_while_we_are_stopped_is_not_given_up(
    sshd: Sshd, *, silent: bool
) -> None:
    """The answer to the last keepalive is there when its time is up, and not read yet."""
    session = await dial(sshd.start(), Tunnel(keepalive_interval_s=0.3, keepalive_count_max=1))
    sshd.signal_sessions(signal.SIGSTOP)
    private: Any = session._connection
    await eventually(lambda: private._keepalive_count == 1, "the last keepalive")
    if not silent:
        sshd.signal_sessions(signal.SIGCONT)
    time.sleep(0.5)  # noqa: ASYNC251  # it is this process that stands still
    private._keepalive_timer.cancel()
    private._keepalive_timer_callback()  # uvloop does so when a stop ends: before it reads
    if silent:
        assert (await session.lost()).kind is FailureKind.KEEPALIVE
    else:
        await eventually(lambda: private._keepalive_count == 0, "the answer to be read")
        assert not session.over
    await session.close()


async def test_a_second_stop_after_something_was_read_is_a_stop_of_its_own() -> None:
    loop = asyncio.get_running_loop()
    given_up: list[float] = []
    connection: Any = SimpleNamespace(
        _keepalive_count=1,
        _keepalive_count_max=1,
        _keepalive_timer=None,
        _keepalive_timer_callback=lambda: given_up.append(loop.time()),
        set_keepalive=lambda: None,
    )
    seams.read_before_giving_up(connection)
    for _ in range(2):
        connection._keepalive_timer = loop.call_at(loop.time() - 1, lambda: None)
        connection._keepalive_timer_callback()
        assert not given_up
        waiting = connection._keepalive_timer
        waiting.cancel()  # as asyncssh does when it reads

    connection._keepalive_timer = loop.call_at(loop.time() - 1, lambda: None)
    connection._keepalive_timer_callback()
    await eventually(lambda: len(given_up) == 1, "a gateway that stays silent to be given up")


# -- requests ------------------------------------------------------------------------------------


async def test_a_request_left_unanswered_ends_the_session(
    gateway: GatewayStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "REQUEST_TIMEOUT_S", 0.2)

    async def never_answer() -> bool:
        return bool(await asyncio.get_running_loop().create_future())

    gateway.grant = lambda _host, _port: never_answer()
    session = await dial(gateway)
    with pytest.raises(TunnelFailureError, match=r"unanswered for 0\.2 s"):
        await session.listen(SPEC, nobody)

    async with asyncio.timeout(1):  # keepalives would find out in nine seconds
        assert (await session.lost()).kind is FailureKind.KEEPALIVE
    await eventually(lambda: gateway.connections[-1].gone, "the connection to end")
    await session.close()


async def test_a_listener_granted_to_nobody_is_given_back(shared_sshd: Sshd) -> None:
    """asyncssh forgets a cancelled request; the gateway would hold the port for ever."""
    session = await dial(shared_sshd)
    spec = Spec(Service.NFS, LOOPBACK, free_port())
    asking = asyncio.create_task(session.listen(spec, nobody))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    async def granted() -> bool:
        return (await session.listen(spec, nobody))[0]

    async with asyncio.timeout(5):
        while not await granted():  # noqa: ASYNC110  # sshd tells by no event
            await asyncio.sleep(0.02)
    await session.unlisten(spec)
    await session.close()


async def test_a_gateway_that_runs_no_commands_is_served_all_the_same(
    gateway: GatewayStandIn,
) -> None:
    session = await dial(gateway)
    assert await session.survey() is None
    assert (await session.listen(SPEC, nobody))[0]
    assert not session.over
    await session.close()


async def test_a_command_that_hangs_is_given_up_and_run_once_only(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forced command such as ``sleep infinity``: sshd holds its channel, and allows ten."""
    sshd.authorize('command="sleep 60"')
    sshd.start()
    monkeypatch.setattr(ssh, "_SURVEY_TIMEOUT_S", 0.3)
    session = await dial(sshd)
    for _ in range(20):
        assert await session.survey() is None
    assert len(session._connection._channels) <= 1
    assert (await session.listen(SPEC, nobody))[0]
    await session.close()


@pytest.mark.parametrize("command", ["yes", "head -c 3000000 /dev/zero"])
async def test_a_command_that_prints_for_ever_takes_no_memory(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    sshd.authorize(f'command="{command}"')
    sshd.start()
    texts: list[str] = []

    def read(text: str) -> Survey:
        texts.append(text)
        return Survey()

    monkeypatch.setattr(gateway_survey, "read_survey", read)
    session = await dial(sshd)
    assert await session.survey() is None
    (text,) = texts
    assert len(text) <= 2 * commands._OUTPUT_MOST
    assert (await session.listen(SPEC, nobody))[0]
    await session.close()


async def test_debug_messages_without_end_take_no_memory(gateway: GatewayStandIn) -> None:
    session = await dial(gateway)
    connection = gateway.connections[-1].ssh
    for number in range(2000):
        connection.send_debug(f"number {number}")
    connection.send_debug("Server has disabled port forwarding.")
    texts = session._client.debug_texts
    await eventually(lambda: texts and "disabled" in texts[-1], "the last one")
    assert len(texts) <= 32
    await session.close()


async def test_one_command_makes_sshd_send_without_delay(shared_sshd: Sshd) -> None:
    session = await dial(shared_sshd)
    before = _nodelay(shared_sshd)
    assert await session.survey() is not None

    assert (before, _nodelay(shared_sshd)) in {(False, True), (True, True)}
    await session.close()


def _nodelay(server: Sshd) -> bool:
    """Whether sshd's end of our connection has TCP_NODELAY, read from its process.

    Needs the right to look into it (pidfd_getfd(2)); sshd is ours, and we may be root.
    """
    import ctypes  # noqa: PLC0415  # one system call that Python does not offer

    libc = ctypes.CDLL(None, use_errno=True)
    (pid,) = server.sessions()[-1:]
    pidfd = os.pidfd_open(pid)
    try:
        for number in range(3, 8):
            descriptor = libc.syscall(438, pidfd, number, 0)
            if descriptor < 0:
                continue
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                continue
            with socket.socket(fileno=descriptor) as sock:
                if sock.family == socket.AF_INET:
                    return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    finally:
        os.close(pidfd)
    raise AssertionError(f"no TCP socket found in {pid}; may we look into it? (root may)")


# -- bulk ----------------------------------------------------------------------------------------


async def bulk(made: Rig, size: int) -> None:
    """Send ``size`` bytes through an echo behind the gateway's real listener."""
    port = free_port()
    async with serving(echo) as service:
        await made.carry(service.port, port)
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        data = os.urandom(1 << 20)

        async def send() -> None:
            for _ in range(size >> 20):
                writer.write(data)
                await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        for _ in range(size >> 20):
            assert await reader.readexactly(1 << 20) == data
        assert await reader.read() == b""
        await sending
        writer.close()
        await writer.wait_closed()
    await made.settled()


async def test_a_rekey_under_load_loses_nothing(
    shared_sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "_REKEY_BYTES", "3M")
    rekeys = 0
    async with rig(shared_sshd) as made:
        private: Any = made.session._connection
        send_kexinit = private._send_kexinit

        def counted() -> None:
            nonlocal rekeys
            rekeys += 1
            send_kexinit()

        private._send_kexinit = counted
        await bulk(made, 16 << 20)
    assert rekeys >= 4
