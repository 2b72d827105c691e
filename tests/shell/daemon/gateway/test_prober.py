"""What a probe finds at a gateway that behaves in one way each, and that it counts nowhere."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import asyncssh
import pytest

from hostnfsd.config.model import Carried
from hostnfsd.daemon.gateway.prober import Prober
from hostnfsd.daemon.relay.intake import Intake
from hostnfsd.dial.reserved import RangeUsedUpError
from hostnfsd.server.finding import Denial, Reached
from hostnfsd.services import Service
from hostnfsd.snapshot import Family, Refusal, ServiceState
from hostnfsd.tunnel import unrest
from hostnfsd.tunnel.forward import Spec
from hostnfsd.tunnel.gateway import Survey
from hostnfsd.tunnel.probe import Finding
from tests.support.conditions import eventually, never
from tests.support.gateway_stand_in import Client, Connection, GatewayStandIn, handing_on
from tests.support.host_services import Behaviour, HostService, absorb, echo, serving
from tests.support.host_stand_in import HostStandIn
from tests.support.meters import KeptMeters
from tests.support.ports import LOOPBACK, connected, free_port
from tests.support.relaying import GATEWAY, Rig
from tests.support.rpc_services import hang_up, null_or_echo, null_reply, too_weak

pytestmark = pytest.mark.patient

SPEC = Spec(Service.NFS, LOOPBACK, 20490)
EVERYWHERE = "0.0.0.0"


class Stage:
    """A prober on a session, and what it is to look at."""

    def __init__(self, made: Rig, host_port: int) -> None:
        self.relays = made
        self.host = HostStandIn(host_port)
        self.meters = KeptMeters()
        self.addresses: tuple[str, ...] = (LOOPBACK,)
        self.gateway_survey: Survey | None = Survey(uid=0, loopback=(LOOPBACK,))
        self.surveyed = True
        self.carries = Carried(Service.NFS, SPEC.port, host_port, required=True, mode="virtual")
        self.interval_s = 10.0
        self.timeout_s = 2.0
        self.specs: tuple[Spec, ...] = (SPEC,)
        self.findings: list[tuple[Spec, Family, Finding]] = []
        self.seen: set[Service] = set()
        self.host_up: dict[Service, bool] = {}
        self._xid = 1000
        self.prober = Prober(
            gateway=GATEWAY,
            way=made.session,
            subject=self,
            host=self.host,
            meters=self.meters,
            seen=self.seen,
            host_up=self.host_up,
            xid=self.next_xid,
            report=lambda *found: self.findings.append(found),
        )
        self.intake = Intake(
            gateway=GATEWAY,
            dial=lambda _service: connected(self.host.port),
            dial_plainly=lambda _service: connected(self.host.port),
            answered=lambda _service: None,
            ledger=made.ledger,
            circle=made.circle,
            gate=made.access.gate,
            watch=self.prober,
        )
        self.task: asyncio.Task[None] | None = None

    def next_xid(self) -> int:
        self._xid += 1
        return self._xid

    def bound(self) -> tuple[Spec, ...]:
        return self.specs

    def client_addresses(self) -> tuple[str, ...]:
        return self.addresses

    def survey(self) -> Survey | None:
        return self.gateway_survey

    def carried(self, service: Service) -> Carried | None:
        carried = {self.carries.service, Service.MOUNTD}
        return replace(self.carries, service=service) if service in carried else None

    def serve(self, service: Service, *, optional: bool = False) -> None:
        """Let the stage be about another service."""
        self.carries = replace(self.carries, service=service, required=not optional)
        self.specs = (replace(SPEC, service=service),)

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

    @property
    def last(self) -> ServiceState | None:
        return self.findings[-1][2].state if self.findings else None


@pytest.fixture
async def service() -> AsyncIterator[HostService]:
    made = HostService(null_or_echo)
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


Dial = Callable[[Connection, str, int], Any]


def refusing(code: int, reason: str) -> Dial:
    async def dial(*_: object) -> Client:
        raise asyncssh.ChannelOpenError(code, reason)

    return dial


async def accept_and_keep(*_: object) -> Client:
    return Client()


class SomebodyElse(Client):
    """Another process that accepts: it reaches an NFS server, or speaks of something else."""

    def __init__(self, *, rpc: bool) -> None:
        super().__init__()
        self._rpc = rpc

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        super().data_received(data, datatype)
        self.channel.write(null_reply(data) if self._rpc else b"SSH-2.0-OpenSSH_9.2\r\n" * 9)


# -- a gateway that does as it should ----------------------------------------------------------


async def test_serving(stage: Stage) -> None:
    finding = await stage.first()

    assert finding == Finding(ServiceState.SERVING)
    assert stage.seen == {Service.NFS}
    assert stage.host_up == {Service.NFS: True}
    assert stage.meters.probes[Service.NFS] == 2, "one side, and the other"
    assert not stage.meters.probe_failures
    assert stage.host.doubts == []


@pytest.mark.parametrize(("known", "version"), [((), 3), ((4,), 4), ((2, 3, 4), 3)])
async def test_the_version_called_is_one_that_the_service_has(
    relays: Rig, known: tuple[int, ...], version: int
) -> None:
    calls: list[bytes] = []

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(await reader.readexactly(44))
        writer.write(null_reply(calls[-1]))

    host = HostService(keep)
    await host.start()
    stage = Stage(relays, host.port)
    stage.host.known = known
    assert (await stage.first()).state is ServiceState.SERVING
    assert stage.task is not None
    stage.task.cancel()
    await host.stop()

    words = [int.from_bytes(calls[0][i : i + 4], "big") for i in range(4, 28, 4)]
    assert words == [1001, 0, 2, 100003, version, 0]


async def test_the_portmapper_of_ours_is_not_asked_at_the_host(stage: Stage) -> None:
    stage.serve(Service.RPCBIND)
    stage.host.reached = Reached.DOWN

    assert await stage.first() == Finding(ServiceState.SERVING)
    assert stage.host.probes == []
    assert stage.host_up == {}
    assert stage.meters.probes[Service.RPCBIND] == 1


async def test_a_relayed_rpcbind_is_asked_at_the_host(stage: Stage) -> None:
    stage.serve(Service.RPCBIND)
    stage.carries = replace(stage.carries, mode="relay")
    stage.host.reached = Reached.DOWN

    assert (await stage.first()).state is ServiceState.HOST_DOWN


# -- the host's side ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reached", "state"),
    [
        (Reached.DOWN, ServiceState.HOST_DOWN),
        (Reached.FOREIGN, ServiceState.HOST_DOWN),
        (Reached.HUNG_UP, ServiceState.DENIED),
        (Reached.DENIED, ServiceState.DENIED),
        (Reached.SILENT, ServiceState.STALLED),
    ],
)
async def test_trouble_at_the_host_is_told_whatever_the_way_in(
    gateway: GatewayStandIn, stage: Stage, reached: Reached, state: ServiceState
) -> None:
    gateway.dial = refusing(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")
    stage.host.reached, stage.host.text = reached, "so it is"
    finding = await stage.first()

    assert finding.state is state
    assert str(finding.text).endswith("so it is")
    assert stage.meters.probe_failures[Service.NFS] == 1
    assert stage.host.doubts == [Service.NFS]
    assert stage.host_up == {Service.NFS: reached is Reached.DENIED}


async def test_an_optional_service_never_seen_is_absent_and_no_failure(stage: Stage) -> None:
    stage.serve(Service.RQUOTAD, optional=True)
    stage.host.reached = Reached.DOWN

    assert (await stage.first()).state is ServiceState.ABSENT
    assert not stage.meters.probe_failures
    assert stage.host.doubts == []


async def test_an_optional_service_once_seen_is_down(stage: Stage) -> None:
    stage.serve(Service.RQUOTAD, optional=True)
    assert (await stage.first()).state is ServiceState.SERVING
    stage.host.reached = Reached.DOWN
    stage.prober.hasten()
    await eventually(lambda: len(stage.findings) > 1, "another finding")

    assert stage.last is ServiceState.HOST_DOWN


async def test_a_service_that_comes_back_is_found_within_about_a_second(stage: Stage) -> None:
    stage.host.reached = Reached.DOWN
    assert (await stage.first()).state is ServiceState.HOST_DOWN
    stage.host.reached = Reached.ANSWERED
    await eventually(lambda: stage.last is ServiceState.SERVING, "it", timeout_s=1.6)


async def test_an_optional_service_that_stays_away_is_looked_for_ever_more_seldom(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unrest, "_OPTIONAL", ((0.5, 0.1),))
    stage.serve(Service.STATUS, optional=True)
    assert (await stage.first()).state is ServiceState.SERVING
    stage.host.reached = Reached.DOWN
    stage.prober.hasten()
    await eventually(lambda: len(stage.host.probes) >= 6, "looks in quick succession")
    await asyncio.sleep(0.4)  # the quick ones are over
    looks = len(stage.host.probes)

    await never(lambda: len(stage.host.probes) > looks, "looked again soon", for_s=1.2)


async def test_an_export_that_nobody_may_mount_is_denied(stage: Stage) -> None:
    stage.host.denials[Service.NFS] = Denial("no export admits 127.0.0.1", "let one")

    assert await stage.first() == Finding(
        ServiceState.DENIED, "no export admits 127.0.0.1", "let one"
    )
    assert stage.host.doubts == []
    del stage.host.denials[Service.NFS]
    stage.prober.hasten()
    await eventually(lambda: stage.last is ServiceState.SERVING, "it to be allowed")


async def test_until_an_export_was_mounted_nobody_is_told_that_it_serves(stage: Stage) -> None:
    stage.host.untried = True
    assert (await stage.first()).state is ServiceState.WAITING

    stage.host.untried = False
    await eventually(lambda: stage.last is ServiceState.SERVING, "the verdict", timeout_s=1.6)


async def test_a_denial_is_told_where_the_way_in_is_forbidden(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    gateway.dial = refusing(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")
    stage.host.denials[Service.NFS] = Denial("no export admits 127.0.0.1", "let one")

    assert (await stage.first()).state is ServiceState.DENIED


@pytest.mark.parametrize(
    ("versions", "state"),
    [
        ((3,), ServiceState.DENIED),
        ((), ServiceState.DENIED),
        ((3, 4), ServiceState.SERVING),
    ],
)
async def test_what_mountd_denies_cannot_be_mounted_but_by_nfs_version_4(
    stage: Stage, versions: tuple[int, ...], state: ServiceState
) -> None:
    stage.host.known = versions
    stage.host.denials[Service.MOUNTD] = Denial("no export admits 127.0.0.1", "let one")

    finding = await stage.first()

    assert finding.state is state
    if state is ServiceState.DENIED:
        assert finding == Finding(state, "no export admits 127.0.0.1", "let one")


async def test_only_what_is_mounted_can_be_denied_so(stage: Stage) -> None:
    stage.serve(Service.RQUOTAD)
    stage.host.denials[Service.RQUOTAD] = Denial("nonsense", "none")

    assert (await stage.first()).state is ServiceState.SERVING


async def test_what_is_known_of_the_host_ends_with_the_prober(stage: Stage) -> None:
    await stage.first()
    assert stage.task is not None
    stage.task.cancel()
    await eventually(stage.task.done, "the prober to end")

    assert stage.host_up == {}


async def test_a_client_that_was_refused_makes_the_prober_look_at_once(stage: Stage) -> None:
    await stage.first()
    stage.host.reached = Reached.DOWN
    stage.prober.service_failed(Service.NFS)
    await eventually(lambda: stage.last is ServiceState.HOST_DOWN, "it", timeout_s=1)

    assert stage.host.doubts[0] is Service.NFS


async def test_a_crowd_of_refused_clients_makes_no_storm_of_probes(stage: Stage) -> None:
    stage.host.reached = Reached.DOWN
    await stage.first()
    began = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() < began + 0.5:
        stage.prober.service_failed(Service.NFS)
        await asyncio.sleep(0.001)

    assert 3 <= len(stage.host.probes) <= 5


# -- the gateway's side ------------------------------------------------------------------------


async def test_bound_where_no_client_comes_is_unreachable(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    gateway.dial = refusing(asyncssh.OPEN_CONNECT_FAILED, "Connection refused")
    finding = await stage.first()

    assert finding.state is ServiceState.UNREACHABLE
    assert f"{LOOPBACK}:20490" in str(finding.text)
    assert "GatewayPorts" in str(finding.hint)
    assert stage.host_up == {Service.NFS: True}
    assert stage.host.doubts == [], "the host has nothing to do with it"


async def test_a_gateway_that_forbids_dialling_leaves_it_unverified(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    gateway.dial = refusing(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")

    assert (await stage.first()).state is ServiceState.UNVERIFIED
    assert not stage.meters.probe_failures


async def test_an_unknown_client_address_leaves_it_unverified(stage: Stage) -> None:
    stage.addresses, stage.specs = (), (replace(SPEC, listen=EVERYWHERE),)
    finding = await stage.first()

    assert finding.state is ServiceState.UNVERIFIED
    assert "client_address" in str(finding.hint)


async def test_trouble_at_the_host_is_told_though_the_address_is_unknown(stage: Stage) -> None:
    stage.addresses, stage.specs = (), (replace(SPEC, listen=EVERYWHERE),)
    stage.host.reached = Reached.DOWN

    assert (await stage.first()).state is ServiceState.HOST_DOWN


async def test_nothing_is_said_of_an_unknown_address_before_the_gateway_was_asked(
    stage: Stage,
) -> None:
    stage.addresses, stage.specs = (), (replace(SPEC, listen=EVERYWHERE),)
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


@pytest.mark.parametrize("rpc", [True, False])
async def test_somebody_else_is_told_whatever_he_says(
    gateway: GatewayStandIn, stage: Stage, rpc: bool
) -> None:
    """His answer carries the call's own number: what tells is that the call never came in here."""

    async def dial(*_: object) -> Client:
        return SomebodyElse(rpc=rpc)

    gateway.dial = dial
    finding = await stage.first()

    assert finding.state is ServiceState.REFUSED
    assert ("even reaches" in str(finding.text)) == rpc


async def test_a_name_as_client_address_serves_though_the_gateway_told_nothing(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    """A login that runs no command, and the specification's own client_address = "dev-gw"."""
    gateway.dial = handing_on(originator=LOOPBACK, listen=EVERYWHERE)
    stage.specs = (replace(SPEC, listen=EVERYWHERE),)
    stage.addresses = ("dev-gw",)
    stage.gateway_survey = None
    finding = await stage.first()

    assert finding == Finding(ServiceState.SERVING)
    tally = stage.relays.ledger.tally(GATEWAY, Service.NFS)
    assert tally.connections_total == 1, "nobody could know before it spoke"

    stage.prober.hasten()
    await eventually(lambda: len(stage.findings) > 1, "another finding")
    assert stage.last is ServiceState.SERVING
    assert tally.connections_total == 1


async def test_what_arrives_from_an_unknown_address_is_known_by_its_number(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    gateway.dial = handing_on(originator="192.0.2.7", listen=LOOPBACK)
    stage.addresses = ("198.51.100.1",)
    finding = await stage.first()
    assert finding == Finding(ServiceState.SERVING)
    tally = stage.relays.tally()
    assert tally.connections_total == 1, "nobody could know before it spoke"

    stage.prober.hasten()
    await eventually(lambda: len(stage.findings) > 1, "another finding")
    assert stage.last is ServiceState.SERVING
    assert tally.connections_total == 1


@pytest.mark.parametrize("surveyed", [True, False])
async def test_the_gate_lets_probes_in_whatever_address_they_come_from(
    gateway: GatewayStandIn, stage: Stage, surveyed: bool
) -> None:
    """Nobody but a probe may come in: the first tells where the gateway dials from."""
    stage.relays.access.change(allow=("203.0.113.0/24",))
    gateway.dial = handing_on(originator="192.0.2.7", listen=LOOPBACK)
    stage.addresses = ("198.51.100.1",)
    if not surveyed:
        stage.gateway_survey = None
    assert await stage.first() == Finding(ServiceState.SERVING)
    stage.prober.hasten()
    await eventually(lambda: len(stage.findings) > 1, "another finding")

    assert stage.last is ServiceState.SERVING
    tally = stage.relays.tally()
    assert tally.connections_total == 0
    assert sum(tally.refused.values()) == 0
    assert not stage.meters.probe_failures


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
    assert stage.last is ServiceState.SERVING


async def test_nor_does_one_that_froze_when_the_call_had_come_in(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    """The service has answered, and its answer does not get through."""
    stage.timeout_s = 0.1

    async def freeze_and_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if service.accepted == 1:
            frozen.pause_reading()
        await null_or_echo(reader, writer)

    async with serving(freeze_and_answer) as service:
        stage.host.port = service.port
        await stage.listen()
        frozen: asyncio.Transport = gateway.connections[-1].ssh._transport  # type: ignore[assignment]  # a TCP transport
        stage.start()
        await eventually(lambda: stage.meters.probes[Service.NFS] > 1, "another round of probes")
        assert service.accepted == 1
        assert not stage.findings
        assert not stage.meters.probe_failures
        frozen.resume_reading()
        await eventually(lambda: stage.findings, "a finding")
        assert stage.last is ServiceState.SERVING


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


# -- a service that fails between its two probes -----------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "state"),
    [
        (absorb, ServiceState.STALLED),
        (hang_up, ServiceState.DENIED),
        (too_weak, ServiceState.DENIED),
        (echo, ServiceState.HOST_DOWN),
    ],
)
async def test_what_came_in_and_failed_is_the_services_fault(
    relays: Rig, behaviour: Behaviour, state: ServiceState
) -> None:
    host = HostService(behaviour)
    await host.start()
    stage = Stage(relays, host.port)
    stage.timeout_s = 0.3
    finding = await stage.first()
    assert stage.task is not None
    stage.task.cancel()
    await host.stop()

    assert finding.state is state
    assert stage.host.doubts == [Service.NFS]
    assert stage.meters.probe_failures[Service.NFS] == 1
    await relays.settled()
    assert relays.tally().connections_total == 0


async def test_a_service_that_is_gone_when_the_call_comes_in_is_down(stage: Stage) -> None:
    stage.host.port = free_port()
    finding = await stage.first()

    assert finding.state is ServiceState.HOST_DOWN
    assert "refused" in str(finding.text)
    assert stage.relays.tally().refused == dict.fromkeys(Refusal, 0)


async def test_a_call_for_which_no_source_port_is_left_is_handed_on_from_another(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def used_up(_service: Service) -> socket.socket:
        raise RangeUsedUpError(LOOPBACK, stage.host.port)

    monkeypatch.setattr(stage.intake, "_dial_host", used_up)

    assert await stage.first() == Finding(ServiceState.SERVING)
    assert not stage.meters.probe_failures
    assert stage.relays.tally().refused == dict.fromkeys(Refusal, 0)


async def test_a_service_that_goes_down_between_two_calls_is_down_not_denied(
    relays: Rig,
) -> None:
    host = HostService(hang_up)
    await host.start()
    stage = Stage(relays, host.port)
    stage.host.later, stage.host.text = Reached.DOWN, "connection refused"
    finding = await stage.first()
    assert stage.task is not None
    stage.task.cancel()
    await host.stop()

    assert finding.state is ServiceState.HOST_DOWN
    assert len(stage.host.probes) == 2


# -- probes are nobody's clients ---------------------------------------------------------------


async def test_probes_count_in_no_metric(stage: Stage) -> None:
    stage.interval_s = 0.01
    await stage.first()
    await eventually(lambda: stage.meters.probes[Service.NFS] >= 40, "twenty rounds")
    assert stage.task is not None
    stage.task.cancel()
    await stage.relays.settled()

    assert stage.relays.tally() == type(stage.relays.tally())()
    assert stage.relays.ledger.turned_away() == ()


async def test_a_client_at_the_gateway_itself_is_relayed_and_counted_during_a_probe(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    """Its originator is the probe's own; what tells it apart is what it says."""
    go_on: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    gateway.dial = handing_on(after=go_on)
    await stage.listen()
    stage.start()
    await eventually(lambda: gateway.tasks, "the probe to be under way")
    client = await gateway.connections[-1].client(LOOPBACK, 20490, (LOOPBACK, 40000))
    client.channel.write(b"a re")
    await eventually(lambda: bytes(client.received) == b"a re", "the echo")
    client.channel.write(b"al call")
    await eventually(lambda: bytes(client.received) == b"a real call", "the echo")
    # The probe itself comes in after its client has overtaken it.
    go_on.set_result(None)
    await eventually(lambda: stage.findings, "a finding")

    tally = stage.relays.tally()
    assert stage.last is ServiceState.SERVING
    assert (tally.connections, tally.connections_total) == (1, 1)
    assert (tally.bytes_to_host, tally.bytes_to_client) == (11, 11)
    client.channel.close()
    await eventually(lambda: tally.connections == 0, "the client to leave")


@pytest.mark.parametrize(
    ("code", "surveyed"),
    [
        (asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, False),
        (asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, True),
        (asyncssh.OPEN_CONNECT_FAILED, True),
    ],
)
async def test_where_no_probe_can_come_in_nobody_passes_the_limit(
    gateway: GatewayStandIn, stage: Stage, code: int, surveyed: bool
) -> None:
    gateway.dial = refusing(code, "no")
    if not surveyed:
        stage.gateway_survey = None
    stage.relays.ledger.limit = 2
    await stage.first()
    connection = gateway.connections[-1]
    clients = [await connection.client(LOOPBACK, 20490, (LOOPBACK, 40000 + n)) for n in range(2)]
    with pytest.raises(asyncssh.ChannelOpenError):
        await connection.client(LOOPBACK, 20490, (LOOPBACK, 40002))

    tally = stage.relays.tally()
    assert (tally.connections, tally.refused[Refusal.LIMIT]) == (2, 1)
    stage.relays.ledger.limit = 3
    stage.host.port = free_port()
    with pytest.raises(asyncssh.ChannelOpenError):
        await connection.client(LOOPBACK, 20490, (LOOPBACK, 40003))
    assert tally.refused[Refusal.HOST_DOWN] == 1
    for client in clients:
        client.channel.close()
    await eventually(lambda: tally.connections == 0, "the clients to leave")


async def test_a_silent_client_at_the_gateway_itself_is_one_as_soon_as_the_probe_is_through(
    gateway: GatewayStandIn, stage: Stage
) -> None:
    go_on: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    gateway.dial = handing_on(after=go_on)
    await stage.listen()
    stage.start()
    await eventually(lambda: gateway.tasks, "the probe to be under way")
    client = await gateway.connections[-1].client(LOOPBACK, 20490, (LOOPBACK, 40000))
    tally = stage.relays.tally()
    assert tally.connections == 0
    go_on.set_result(None)
    await eventually(lambda: tally.connections == 1, "the client to be counted")

    assert tally.connections_total == 1
    client.channel.close()
    await eventually(lambda: tally.connections == 0, "the client to leave")
