"""The whole daemon: reload as a diff, signals, its own kind, and its exit status."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from hostnfsd import health
from hostnfsd.cli import load as loading
from hostnfsd.config.reader import parse
from hostnfsd.daemon import logs
from hostnfsd.daemon.beginning import Beginning
from hostnfsd.daemon.service import Daemon
from hostnfsd.errors import AlreadyRunningError
from hostnfsd.services import Service
from hostnfsd.snapshot import Phase
from tests.support.conditions import eventually, never
from tests.support.gateway_stand_in import Client, GatewayStandIn, gateway_stand_in
from tests.support.host_services import HostService
from tests.support.ports import LOOPBACK, free_port
from tests.support.relaying import GATEWAY
from tests.support.rpc_services import null_or_echo
from tests.support.supervising import Tables, tables

pytestmark = pytest.mark.patient

Ports = dict[Service, tuple[int, int]]


@pytest.fixture
async def service() -> AsyncIterator[HostService]:
    made = HostService(null_or_echo)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def ports(service: HostService) -> Ports:
    return {
        Service.NFS: (20490, service.port),
        Service.MOUNTD: (20480, service.port),
    }


class Running:
    """A daemon in this process, and its file."""

    def __init__(self, folder: Path, written: Tables) -> None:
        self.folder = folder
        self.path = folder / "hostnfsd.toml"
        self.socket = folder / "control.sock"
        self.write(written)
        text = self.path.read_bytes()
        reading = parse(text, str(self.path))
        assert reading.config is not None, [p.render() for p in reading.problems]
        self.log = folder / "log"
        config = reading.config.log.model_copy(update={"file": str(self.log), "format": "json"})
        self._logs = logs.configure(config, environ={})
        self.daemon = Daemon(
            Beginning(
                config=reading.config,
                path=self.path,
                problems=reading.problems,
                read=lambda: loading.read(self.path),
                control_path=lambda _config: self.socket,
                logs=self._logs,
            )
        )
        self.task = asyncio.create_task(self.daemon.run())

    def write(self, written: Tables) -> None:
        whole = {"metrics": {"listen": f"{LOOPBACK}:0"}, **written}
        whole["tunnel"] = {"drain_timeout_s": 0.2, **written.get("tunnel", {})}
        self.path.write_text(tomli_w.dumps(whole))

    def hang_up(self) -> None:
        os.kill(os.getpid(), signal.SIGHUP)

    @property
    def reloads(self) -> int:
        return self.daemon.snapshot().reload.reloads

    async def reload(self) -> None:
        """Hang up and wait until that is done."""
        before = self.reloads
        self.hang_up()
        await eventually(lambda: self.reloads > before, "the reload")

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line["event"] == name]

    @property
    def ready(self) -> bool:
        views = self.daemon.snapshot().gateways
        return bool(views) and all(
            v.phase is Phase.UP and all(s.ready for s in v.services) for v in views
        )

    async def until_ready(self) -> None:
        await eventually(
            lambda: self.ready or self.task.done(),
            "the daemon to serve",
            seen=lambda: self.daemon.snapshot().gateways,
        )
        assert not self.task.done(), self.task.result()

    async def stop(self) -> None:
        if not self.task.done():
            os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            await self.task
        self._logs.close()


@pytest.fixture
async def running(tmp_path: Path, gateway: GatewayStandIn, ports: Ports) -> AsyncIterator[Running]:
    made = Running(tmp_path, tables(gateway, ports))
    await made.until_ready()
    yield made
    await made.stop()


async def a_client(gateway: GatewayStandIn, port: int = 20490) -> Client:
    return await gateway.connections[-1].client(LOOPBACK, port)


async def echoes(client: Client, data: bytes) -> None:
    before = len(client.received)
    client.channel.write(data)
    await eventually(lambda: bytes(client.received[before:]) == data, "the echo")


async def test_a_reload_adds_moves_and_removes_services_beside_a_transfer(
    running: Running, gateway: GatewayStandIn, ports: Ports, service: HostService
) -> None:
    client = await a_client(gateway)
    sent = 0
    stop = asyncio.Event()

    async def transfer() -> None:
        nonlocal sent
        while not stop.is_set():
            await client.send(bytes(10_000))
            sent += 10_000
            await asyncio.sleep(0.001)

    transferring = asyncio.create_task(transfer())
    for changed in (
        {**ports, Service.NLOCKMGR: (32803, service.port)},  # added
        {**ports, Service.MOUNTD: (20481, service.port)},  # moved, and one removed
        {Service.NFS: ports[Service.NFS]},  # removed
        ports,
    ):
        running.write(tables(gateway, changed))
        await running.reload()
        await running.until_ready()
        views = running.daemon.snapshot().gateways[0].services
        assert {v.service: v.port for v in views} == {s: p for s, (p, _) in changed.items()}
    stop.set()
    await transferring
    await eventually(lambda: len(client.received) == sent, "every byte")
    assert len(gateway.connections) == 1
    assert (LOOPBACK, 20481) in gateway.connections[0].granted
    client.channel.close()


@pytest.mark.parametrize(
    "text", ["", "[gateway.dev-gw]\nport = 70000\n", "not toml", "[gateway.dev-gw]\nprot = 1\n"]
)
async def test_an_invalid_file_changes_nothing_and_is_told(
    running: Running, gateway: GatewayStandIn, text: str
) -> None:
    client = await a_client(gateway)
    before = running.daemon._config
    running.path.write_text(text)
    await running.reload()

    view = running.daemon.snapshot().reload
    assert not view.successful
    assert (view.reloads, view.failures) == (1, 1)
    assert view.problems
    assert running.daemon._config is before
    (line,) = running.events("config_rejected")
    assert line["problems"]
    await echoes(client, b"undisturbed")
    client.channel.close()


async def test_a_missing_file_changes_nothing_and_is_told(running: Running) -> None:
    running.path.unlink()
    running.hang_up()
    await eventually(lambda: running.reloads == 1 or running.task.done(), "the reload")
    assert not running.task.done()
    assert not running.daemon.snapshot().reload.successful


async def test_a_gateway_is_added_and_removed(
    running: Running, gateway: GatewayStandIn, ports: Ports, tmp_path: Path
) -> None:
    client = await a_client(gateway)
    async with gateway_stand_in(tmp_path / "second") as second:
        both = tables(gateway, ports)
        both["gateway"]["other"] = tables(second, ports)["gateway"][GATEWAY]
        running.write(both)
        await running.reload()
        await running.until_ready()
        assert {v.name for v in running.daemon.snapshot().gateways} == {GATEWAY, "other"}
        assert len(second.connections) == 1

        running.write(tables(gateway, ports))
        await running.reload()
        await eventually(lambda: second.connections[0].gone, "the second to be left")
        assert {v.name for v in running.daemon.snapshot().gateways} == {GATEWAY}
    await echoes(client, b"undisturbed")
    client.channel.close()


async def test_a_removed_gateway_drains_and_nothing_else_notices(
    running: Running, gateway: GatewayStandIn, ports: Ports, tmp_path: Path
) -> None:
    """Also while the metrics move, by a reload that is asked for beside the rounds."""
    timing: Tables = {
        "tunnel": {"drain_timeout_s": 30},
        "probe": {"interval_s": 0.1, "timeout_s": 0.1},
    }
    async with gateway_stand_in(tmp_path / "second") as second:
        both = {**tables(gateway, ports), **timing}
        both["gateway"]["other"] = tables(second, ports)["gateway"][GATEWAY]
        running.write(both)
        await running.reload()
        await running.until_ready()
        client = await second.connections[-1].client(LOOPBACK, 20490)
        await echoes(client, b"here")
        talking = asyncio.create_task(talk(client))

        metrics = {"metrics": {"listen": f"{LOOPBACK}:{free_port()}"}}
        running.write({**tables(gateway, ports), **timing, **metrics})
        running.daemon._woken.set()
        verdict = await running.daemon.reload()
        assert verdict.accepted
        assert [v.name for v in running.daemon.snapshot().gateways] == [GATEWAY]

        await never(client.gone.done, "it did not drain", for_s=0.5)
        talking.cancel()
        await eventually(lambda: second.connections[0].gone, "the second to be left")
    assert running.events("attempt_broke") == []
    assert not running.task.done()
    await running.until_ready()


async def test_a_service_that_is_no_longer_carried_is_not_waited_for(
    tmp_path: Path, gateway: GatewayStandIn, ports: Ports
) -> None:
    """A reload while the gateway has answered for all but one: without it the tunnel is up."""
    asked: list[int] = []
    answer = asyncio.Event()

    async def late() -> bool:
        asked.append(20490)
        return await answer.wait()

    gateway.grant = lambda _host, port: True if port == 20480 else late()
    daemon = Running(tmp_path, tables(gateway, ports))
    await eventually(lambda: asked, "the request that is not answered")
    daemon.write(tables(gateway, {Service.MOUNTD: ports[Service.MOUNTD]}))
    await daemon.reload()

    await daemon.until_ready()
    assert len(gateway.connections) == 1, "only another session brought it up"
    answer.set()
    await daemon.stop()


async def test_nothing_is_ready_before_anything_was_tried(
    tmp_path: Path, gateway: GatewayStandIn, ports: Ports
) -> None:
    daemon = Running(tmp_path, tables(gateway, ports))
    snapshot = daemon.daemon.snapshot()  # its task has not run yet

    assert not health.verdict(snapshot).ready
    assert {s.service for s in snapshot.gateways[0].services} >= {Service.NFS, Service.MOUNTD}
    await daemon.until_ready()
    await daemon.stop()


async def test_a_reload_while_stopping_is_refused(
    running: Running, gateway: GatewayStandIn, ports: Ports
) -> None:
    running.write(tables(gateway, ports, tunnel={"drain_timeout_s": 30}))
    await running.reload()
    client = await a_client(gateway)
    talking = asyncio.create_task(talk(client))
    await echoes(client, b"")
    await asyncio.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)
    await eventually(lambda: running.daemon.snapshot().stopping, "the stop")

    verdict = await running.daemon.reload()

    assert not verdict.accepted
    assert "stopping" in verdict.problems[0].text
    talking.cancel()
    async with asyncio.timeout(5):
        await running.task


async def talk(client: Client) -> None:
    """Never leave a call answered for long."""
    while not client.gone.done():
        client.channel.write(b"again and again")
        await asyncio.sleep(0.02)


async def test_changed_connection_settings_redial(
    running: Running, gateway: GatewayStandIn, ports: Ports
) -> None:
    running.write(tables(gateway, ports, gateway={"user": "somebody"}))
    await running.reload()
    await eventually(lambda: len(gateway.connections) == 2, "another connection")
    await running.until_ready()
    assert gateway.connections[0].gone
    assert gateway.connections[1].ssh.get_extra_info("username") == "somebody"


async def test_a_storm_of_hangups_is_survived_and_few_reloads(
    running: Running, gateway: GatewayStandIn
) -> None:
    client = await a_client(gateway)
    for number in range(200):
        running.hang_up()
        if number % 20 == 0:
            await asyncio.sleep(0)
    await eventually(lambda: running.reloads >= 1, "a reload")
    await never(running.task.done, "the storm ended it", for_s=0.1)
    assert running.reloads <= 30
    assert running.daemon.snapshot().reload.successful
    await echoes(client, b"undisturbed")
    assert len(gateway.connections) == 1
    client.channel.close()


async def test_a_second_daemon_on_the_same_socket_names_the_first(running: Running) -> None:
    second = Daemon(running.daemon._beginning)
    with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"):
        await second.run()
    # It shares this process, and took over its signals: give them back.
    running.daemon._catch_signals()
    assert running.ready


async def test_a_second_signal_ends_a_stop_at_once(
    running: Running, gateway: GatewayStandIn, ports: Ports
) -> None:
    running.write(tables(gateway, ports, tunnel={"drain_timeout_s": 30}))
    await running.reload()
    client = await a_client(gateway)
    talking = asyncio.create_task(talk(client))
    await asyncio.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)
    await never(running.task.done, "it did not drain", for_s=0.4)
    assert running.daemon.snapshot().stopping
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):  # the drain has thirty seconds
        await running.task
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)


# -- as a program --------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path


@contextmanager
def program(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "XDG_RUNTIME_DIR": str(folder),
        "STATE_DIRECTORY": str(folder / "state"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "hostnfsd", *arguments],
        env=environment,
        cwd=Path(__file__).parents[3],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def write(folder: Path, text: str = "") -> Path:
    path = folder / "hostnfsd.toml"
    nowhere = f'[gateway.dev-gw]\nhost = "{LOOPBACK}"\nport = {free_port()}\nssh_config = "none"\n'
    path.write_text(
        text
        or f'{nowhere}[metrics]\nlisten = "{LOOPBACK}:0"\n[control]\nsocket = "{folder}/c.sock"\n'
    )
    return path


def wait_for(condition: Any, what: str) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_0_and_in_time_though_the_gateway_is_away(
    folder: Path, number: signal.Signals
) -> None:
    config = write(folder)
    with program(folder, "--config", str(config), "run") as process:
        wait_for((folder / "c.sock").exists, "the control socket")
        started = time.monotonic()
        process.send_signal(number)
        _, complaints = process.communicate(timeout=10)
        assert process.returncode == 0, complaints
        assert time.monotonic() - started < 5  # the drain has ten seconds
        assert not (folder / "c.sock").exists()


def test_a_second_run_exits_75_and_names_the_first(folder: Path) -> None:
    config = write(folder)
    with program(folder, "--config", str(config), "run") as first:
        wait_for((folder / "c.sock").exists, "the control socket")
        with program(folder, "--config", str(config), "run") as second:
            _, complaints = second.communicate(timeout=10)
            assert second.returncode == 75
            assert f"process {first.pid}" in complaints
        assert first.poll() is None
        # launchd is to start that one again: it is none of what no restart cures.
        with program(folder, "--config", str(config), "run", "--launchd") as third:
            third.communicate(timeout=10)
            assert third.returncode == 75


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("[gateway.dev-gw]\nport = 70000\n", 78, "gateway.dev-gw.port"),
        (None, 66, "nowhere.toml"),
    ],
)
@pytest.mark.parametrize("launchd", [False, True])
def test_what_no_restart_cures_has_its_status_and_launchd_gets_0(
    folder: Path, text: str | None, status: int, said: str, launchd: bool
) -> None:
    path = folder / "nowhere.toml" if text is None else write(folder, text)
    extra = ("--launchd",) if launchd else ()
    with program(folder, "--config", str(path), "run", *extra) as process:
        results, complaints = process.communicate(timeout=10)
        assert process.returncode == (0 if launchd else status)
        assert said in complaints
        assert results == ""


async def test_a_reload_switches_the_counting_for_connections_that_begin_then(
    running: Running, gateway: GatewayStandIn, ports: Ports
) -> None:
    def calls() -> list[int | None]:
        return [client.calls for client in running.daemon.snapshot().clients]

    def counted() -> set[bool]:
        (gateway_view,) = running.daemon.snapshot().gateways
        return {service.rpc is not None for service in gateway_view.services}

    before = await a_client(gateway)
    await eventually(lambda: len(calls()) == 1, "a client")
    assert (calls(), counted()) == ([0], {True})

    off = {"listen": f"{LOOPBACK}:0", "rpc": False}
    running.write(tables(gateway, ports, metrics=off))
    await running.reload()
    after = await a_client(gateway)
    await eventually(lambda: len(calls()) == 2, "another")
    assert (set(calls()), counted()) == ({0, None}, {False})
    for client in (before, after):
        client.channel.close()
