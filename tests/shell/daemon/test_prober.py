"""What a probe finds at a gateway that behaves in one way each, and that it counts nowhere."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import asyncssh
import pytest

from hostnfsd.daemon.intake import Intake
from hostnfsd.daemon.prober import Prober
from hostnfsd.services import Service
from hostnfsd.snapshot import Family, Refusal, ServiceState
from hostnfsd.tunnel.forward import Spec
from hostnfsd.tunnel.gateway import Survey
from hostnfsd.tunnel.probe import Finding
from tests.support.conditions import eventually, never
from tests.support.gateway_stand_in import Client, Connection, GatewayStandIn
from tests.support.host_services import HostService, echo
from tests.support.meters import KeptMeters
from tests.support.ports import LOOPBACK, connected, free_port
from tests.support.relaying import GATEWAY, Rig

SPEC = Spec(Service.NFS, LOOPBACK, 20490)


class Stage:
    """A prober on a session, and what it is to look at."""

    def __init__(self, made: Rig, host_port: int) -> None:
        self.relays = made
        self.host_port = host_port
        self.meters = KeptMeters()
        self.addresses: tuple[str, ...] = (LOOPBACK,)
        self.gateway_survey: Survey | None = Survey(uid=0, loopback=(LOOPBACK,))
        self.surveyed = True
        self.is_required = True
        self.interval_s = 10.0
        self.timeout_s = 2.0
        self.specs: tuple[Spec, ...] = (SPEC,)
        self.findings: list[tuple[Spec, Family, Finding]] = []
        self.seen: set[Service] = set()
        self.prober = Prober(
            gateway=GATEWAY,
            way=made.session,
            subject=self,
            meters=self.meters,
            seen=self.seen,
            report=lambda *found: self.findings.append(found),
        )
        self.intake = Intake(
            gateway=GATEWAY,
            dial=lambda _service: connected(self.host_port),
            ledger=made.ledger,
            circle=made.circle,
            watch=self.prober,
        )
        self.task: asyncio.Task[None] | None = None

    def bound(self) -> tuple[Spec, ...]:
        return self.specs

    def client_addresses(self) -> tuple[str, ...]:
        return self.addresses

    def survey(self) -> Survey | None:
        return self.gateway_survey

    def required(self, service: Service) -> bool:
        del service
        return self.is_required

    async def listen(self) -> None:
        for spec in self.specs:
            granted, _ = await self.relays.session.listen(spec, self.intake.door(spec))
            assert granted

    def start(self) -> None:
        timing = lambda: (self.interval_s, self.timeout_s)  # noqa: E731  # a name for two numbers
        self.task = asyncio.create_task(self.prober.run(timing))

    async def first(self) -> Finding:
        await self.listen()
        self.start()
        await eventually(lambda: self.findings, "a finding")
        return self.findings[0][2]


@pytest.fixture
async def service() -> AsyncIterator[HostService]:
    made = HostService(echo)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def stage(relays: Rig, service: HostService) -> AsyncIterator[Stage]:
    made = Stage(relays, service.port)
    yield made
    if made.task is not None:
        made.task.cancel()
        with suppress(asyncio.CancelledError):
            await made.task


EVERYWHERE = "0.0.0.0"

Dial = Callable[[Connection, str, int], Any]


def refusing(code: int, reason: str) -> Dial:
    async def dial(*_: object) -> Client:
        raise asyncssh.ChannelOpenError(code, reason)

    return dial


def arriving_from(originator: str, listen: str = LOOPBACK) -> Dial:
    """The gateway dials itself, and the connection has another address than the one dialled."""

    async def dial(connection: Connection, _address: str, port: int) -> Client:
        async def hand_on() -> None:
            with suppress(asyncssh.ChannelOpenError):
                client = await connection.client(listen, port, (originator, 40000))
                client.channel.close()

        connection.gateway.tasks.add(asyncio.create_task(hand_on()))
        return Client()

    return dial


async def accept_and_keep(*_: object) -> Client:
    return Client()


async def test_serving(stage: Stage) -> None:
    finding = await stage.first()

    assert finding == Finding(ServiceState.SERVING)
    assert stage.seen == {Service.NFS}
    assert stage.meters.probes[Service.NFS] == 1
    assert not stage.meters.probe_failures


async def test_host_down_names_the_reason(stage: Stage) -> None:
    stage.host_port = free_port()
    finding = await stage.first()

    assert finding.state is ServiceState.HOST_DOWN
    assert "nfs on this host" in str(finding.text)
    assert "refused" in str(finding.text).lower()
    assert stage.meters.probe_failures[Service.NFS] == 1


async def test_an_optional_service_never_seen_is_absent(stage: Stage) -> None:
    stage.host_port, stage.is_required = free_port(), False

    assert (await stage.first()).state is ServiceState.ABSENT


async def test_an_optional_service_once_seen_is_down(stage: Stage, service: HostService) -> None:
    stage.is_required = False
    assert (await stage.first()).state is ServiceState.SERVING
    await service.stop()
    stage.prober.hasten()
    await eventually(lambda: len(stage.findings) > 1, "another finding")

    assert stage.findings[1][2].state is ServiceState.HOST_DOWN


async def test_a_service_that_comes_back_is_found_within_about_a_second(
    stage: Stage, service: HostService
) -> None:
    port = service.port
    await service.stop()
    assert (await stage.first()).state is ServiceState.HOST_DOWN
    await service.start(port)
    await eventually(
        lambda: stage.findings[-1][2].state is ServiceState.SERVING, "it", timeout_s=1.6
    )


async def test_bound_where_no_client_comes_is_unreachable(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    gateway.dial = refusing(asyncssh.OPEN_CONNECT_FAILED, "Connection refused")
    finding = await stage.first()

    assert finding.state is ServiceState.UNREACHABLE
    assert f"{LOOPBACK}:20490" in str(finding.text)
    assert "GatewayPorts" in str(finding.hint)


async def test_a_gateway_that_forbids_dialling_leaves_it_unverified(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    gateway.dial = refusing(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")

    assert (await stage.first()).state is ServiceState.UNVERIFIED
    assert not stage.meters.probe_failures


async def test_an_unknown_client_address_leaves_it_unverified(stage: Stage) -> None:
    stage.addresses, stage.specs = (), (Spec(Service.NFS, "0.0.0.0", 20490),)
    finding = await stage.first()

    assert finding.state is ServiceState.UNVERIFIED
    assert "client_address" in str(finding.hint)


async def test_nothing_is_said_of_an_unknown_address_before_the_gateway_was_asked(
    stage: Stage,
) -> None:
    stage.addresses, stage.specs = (), (Spec(Service.NFS, "0.0.0.0", 20490),)
    stage.surveyed = False
    await stage.listen()
    stage.start()
    await never(lambda: stage.findings, "concluded too early", for_s=0.1)


async def test_somebody_else_who_answers_there_is_told(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    gateway.dial = accept_and_keep
    stage.timeout_s = 0.1
    finding = await stage.first()

    assert finding.state is ServiceState.REFUSED
    assert "another process" in str(finding.text)


async def test_a_name_as_client_address_serves_though_the_gateway_told_nothing(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    """A login that runs no command, and the specification's own client_address = "dev-gw"."""
    gateway.dial = arriving_from(LOOPBACK, EVERYWHERE)
    stage.specs = (replace(SPEC, listen=EVERYWHERE),)
    stage.addresses = ("dev-gw",)
    stage.gateway_survey = None
    stage.timeout_s = 0.5
    finding = await stage.first()

    assert finding == Finding(ServiceState.SERVING)
    assert stage.relays.ledger.tally(GATEWAY, Service.NFS).connections_total == 0


async def test_what_arrives_from_an_unknown_address_is_not_called_somebody_elses(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    gateway.dial = arriving_from("192.0.2.7")
    stage.addresses = ("198.51.100.1",)
    stage.timeout_s = 0.5
    finding = await stage.first()

    assert finding.state is ServiceState.UNVERIFIED
    assert "192.0.2.7" in str(finding.text)
    assert "client_address" in str(finding.hint)


async def test_an_address_that_the_gateway_cannot_dial_in_time_is_unreachable(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    async def filtered(*_: object) -> Client:
        await asyncio.sleep(1)
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "Connection timed out")

    gateway.dial = filtered
    stage.timeout_s = 0.1
    finding = await stage.first()

    assert finding.state is ServiceState.UNREACHABLE
    assert "no answer within 0.1 s" in str(finding.text)


async def test_a_frozen_gateway_says_nothing_about_a_service(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    stage.timeout_s = 0.1
    await stage.listen()
    frozen: asyncio.Transport = gateway.connections[-1].ssh._transport  # type: ignore[assignment]  # a TCP transport
    frozen.pause_reading()
    stage.start()
    await never(lambda: stage.findings, "concluded from silence", for_s=0.4)
    frozen.resume_reading()
    await eventually(lambda: stage.findings, "a finding")
    assert stage.findings[0][2].state is ServiceState.SERVING


async def test_a_service_that_takes_no_connection_is_stalled(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object, **__: object) -> Any:
        await asyncio.get_running_loop().create_future()

    await stage.listen()
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", hang)
    stage.timeout_s = 0.1
    stage.start()
    await eventually(lambda: stage.findings, "a finding")

    assert stage.findings[0][2].state is ServiceState.STALLED


async def test_probes_count_in_no_metric(stage: Stage) -> None:
    stage.interval_s = 0.01
    await stage.first()
    await eventually(lambda: stage.meters.probes[Service.NFS] >= 20, "twenty probes")
    assert stage.task is not None
    stage.task.cancel()
    await stage.relays.settled()

    tally = stage.relays.tally()
    assert (tally.connections, tally.connections_total) == (0, 0)
    assert (tally.bytes_to_host, tally.bytes_to_client) == (0, 0)
    assert tally.refused == dict.fromkeys(Refusal, 0)
    assert stage.relays.ledger.turned_away() == ()


async def test_failed_probes_count_in_no_metric(stage: Stage) -> None:
    stage.host_port = free_port()
    await stage.first()
    assert stage.relays.tally().refused == dict.fromkeys(Refusal, 0)


async def test_a_client_at_the_gateway_itself_is_relayed_and_counted_during_a_probe(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    """Its originator is the probe's own; what tells it apart is that it says something."""
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: Connection, address: str, port: int) -> Client:
        async def hand_on() -> None:
            arrived.set()
            await go_on.wait()
            with suppress(asyncssh.ChannelOpenError):
                probe = await connection.client(address, port, (address, 40001))
                probe.channel.close()

        gateway.tasks.add(asyncio.create_task(hand_on()))
        return Client()

    gateway.dial = slow
    await stage.listen()
    stage.start()
    await arrived.wait()
    client = await gateway.connections[-1].client(LOOPBACK, 20490, (LOOPBACK, 40000))
    client.channel.write(b"a real call")
    await eventually(lambda: bytes(client.received) == b"a real call", "the echo")
    # The probe itself comes in after its client has overtaken it.
    go_on.set()
    await eventually(lambda: stage.findings, "a finding")
    await eventually(lambda: all(t.done() for t in gateway.tasks), "the probe to be handed on")
    await asyncio.sleep(0.05)

    tally = stage.relays.tally()
    assert stage.findings[0][2].state is ServiceState.SERVING
    assert (tally.connections, tally.connections_total) == (1, 1)
    assert (tally.bytes_to_host, tally.bytes_to_client) == (11, 11)
    client.channel.close()
    await eventually(lambda: tally.connections == 0, "the client to leave")


async def test_a_probe_that_is_confirmed_too_late_is_hung_up(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    """asyncssh forgets a channel whose opening was given up, and would keep it for ever."""
    confirm = asyncio.Event()
    opened: list[Client] = []

    async def late(*_: object) -> Client:
        await confirm.wait()
        opened.append(Client())
        return opened[-1]

    gateway.dial = late
    stage.timeout_s = 0.05
    await stage.first()
    confirm.set()
    await eventually(lambda: opened and opened[0].gone.done(), "the channel to be closed")
    assert stage.task is not None
    stage.task.cancel()
    await eventually(lambda: stage.relays.channels == 0, "channels to go")


async def test_a_lost_session_says_nothing_about_a_service(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    async def vanish(connection: Connection, *_: object) -> Client:
        connection.ssh.abort()
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "gone")

    gateway.dial = vanish
    await stage.listen()
    stage.start()
    await stage.relays.session.lost()
    await never(lambda: stage.findings, "a verdict without a session", for_s=0.1)
