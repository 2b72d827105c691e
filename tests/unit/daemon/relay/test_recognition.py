"""Probes are told from clients, whatever the chunks and whoever else comes in."""

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.daemon.relay.recognition import LATE_S, Candidate, Recognition, Who
from hostnfsd.services import Service

OWN, STRANGER, DIALLED = "172.22.0.2", "172.22.0.9", "192.0.2.7"
XID = 0x0A0B0C0D
CALL = struct.pack(">10I", XID, 0, 2, 100003, 3, 0, 0, 0, 0, 0)
PROBE = struct.pack(">I", 0x80000000 | len(CALL)) + CALL
OTHER = struct.pack(">II", 0x80000028, XID + 1) + CALL[4:]


class Stage:
    def __init__(self, *, told: bool = True) -> None:
        self.now = 100.0
        self.recognition = Recognition(
            lambda address: address == OWN if told else None, lambda: self.now
        )
        self.expected = self.recognition.expect(Service.NFS, DIALLED, XID)
        self.clients = 0

    def look(self, originator: str = OWN, service: Service = Service.NFS) -> Candidate | None:
        candidate = self.recognition.look(service, originator)
        if candidate is not None:
            candidate.became_client = self.entered
        return candidate

    def candidate(self, originator: str = OWN) -> Candidate:
        candidate = self.look(originator)
        assert candidate is not None
        return candidate

    def entered(self) -> None:
        self.clients += 1


@pytest.fixture
def stage() -> Stage:
    return Stage()


def chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(c % len(data) for c in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


@given(st.lists(st.integers(0, 100)))
def test_the_probe_is_known_by_its_number_in_any_chunks(cuts: list[int]) -> None:
    stage = Stage()
    candidate = stage.candidate()
    heard = [candidate.hear(chunk) for chunk in chunks(PROBE, cuts)]

    assert heard[-1] is Who.OURS
    assert Who.CLIENT not in heard
    assert stage.expected.came_in
    candidate.ended()
    assert stage.clients == 0


@given(st.binary(max_size=20), st.lists(st.integers(0, 100)))
def test_whatever_else_is_said_is_a_clients_at_its_eighth_byte(
    said: bytes, cuts: list[int]
) -> None:
    stage = Stage()
    candidate = stage.candidate()
    data = OTHER[:8] + said
    told = 0
    for chunk in chunks(data, cuts):
        told += len(chunk)
        assert candidate.hear(chunk) is (Who.CLIENT if told >= 8 else Who.UNKNOWN)

    assert stage.clients == 1
    assert not stage.expected.came_in


def test_less_than_eight_bytes_are_a_clients_at_their_end(stage: Stage) -> None:
    candidate = stage.candidate()
    candidate.hear(PROBE[:7])
    assert stage.clients == 0
    candidate.ended()
    candidate.ended()

    assert candidate.who is Who.CLIENT
    assert stage.clients == 1


def test_nothing_at_all_is_nobodys(stage: Stage) -> None:
    """A probe that was given up before it spoke, or a bare connection from the gateway itself."""
    candidate = stage.candidate()
    candidate.ended()
    stage.now += LATE_S + 1
    stage.recognition.sweep()

    assert candidate.who is Who.UNKNOWN
    assert stage.clients == 0


@pytest.mark.parametrize("originator", [OWN, DIALLED])
def test_the_gateways_own_addresses_are_presumed(stage: Stage, originator: str) -> None:
    assert stage.candidate(originator).presumed


def test_a_stranger_is_not_presumed_but_known_by_the_number(stage: Stage) -> None:
    candidate = stage.candidate(STRANGER)
    assert not candidate.presumed
    assert candidate.hear(PROBE) is Who.OURS
    assert stage.expected.came_in

    stage.recognition.over(stage.expected)
    stage.recognition.expect(Service.NFS, DIALLED, XID + 9)
    assert stage.candidate(STRANGER).presumed, "probes have come from there"


def test_while_the_gateway_has_told_nothing_nobody_passes_the_cap() -> None:
    stage = Stage(told=False)
    anybody, probe = stage.candidate("172.22.0.77"), stage.candidate(STRANGER)
    assert not anybody.presumed
    assert not probe.presumed
    assert stage.expected.arrived, "it may be the one or the other"

    assert anybody.hear(OTHER) is Who.CLIENT
    assert probe.hear(PROBE) is Who.OURS
    assert stage.expected.came_in


def test_but_the_address_that_was_dialled_does() -> None:
    stage = Stage(told=False)

    assert stage.candidate(DIALLED).presumed
    stage.recognition.over(stage.expected, dialled=False)
    stage.recognition.expect(Service.NFS, "fd00::c", XID + 9)
    assert not stage.candidate(DIALLED).presumed


def test_however_its_address_is_spelled_in_the_configuration() -> None:
    stage = Stage(told=False)
    stage.recognition.expect(Service.MOUNTD, "FD22:0::12", XID + 9)

    candidate = stage.look("fd22::12", Service.MOUNTD)
    assert candidate is not None
    assert candidate.presumed


def test_and_where_a_probe_has_come_from_the_next_one_does() -> None:
    stage = Stage(told=False)
    stage.candidate(STRANGER).hear(PROBE)
    stage.recognition.over(stage.expected)
    again = stage.recognition.expect(Service.MOUNTD, DIALLED, XID + 9)

    other = stage.look("172.22.0.77", Service.MOUNTD)
    assert other is not None
    assert not other.presumed
    assert not again.arrived, "probes come from elsewhere"
    next_one = stage.look(STRANGER, Service.MOUNTD)
    assert next_one is not None
    assert next_one.presumed


@pytest.mark.parametrize("originator", [OWN, DIALLED])
def test_a_probe_that_was_not_dialled_cannot_come_in(stage: Stage, originator: str) -> None:
    early = stage.candidate(originator)
    stage.recognition.over(stage.expected, dialled=False)
    stage.recognition.over(stage.expected)

    assert early.who is Who.CLIENT
    assert stage.clients == 1
    assert stage.look(originator) is None


def test_without_a_probe_everybody_is_a_client(stage: Stage) -> None:
    assert stage.look(service=Service.MOUNTD) is None
    stage.candidate().hear(PROBE)
    assert stage.look() is None, "it has come in"


def test_the_number_counts_once(stage: Stage) -> None:
    first, second = stage.candidate(), stage.candidate()
    first.hear(PROBE)

    assert second.hear(PROBE) is Who.CLIENT
    assert stage.clients == 1


def test_a_probe_that_was_given_up_may_come_in_late(stage: Stage) -> None:
    stage.recognition.over(stage.expected)
    stage.now += LATE_S - 0.1
    assert stage.candidate().hear(PROBE) is Who.OURS

    stage.now += 0.2
    assert stage.look() is None


def test_several_probes_may_be_late(stage: Stage) -> None:
    stage.recognition.over(stage.expected)
    again = stage.recognition.expect(Service.NFS, DIALLED, XID + 1)

    assert stage.candidate().hear(PROBE) is Who.OURS
    assert not again.came_in
    assert stage.candidate().hear(OTHER) is Who.OURS
    assert again.came_in


def test_who_kept_silent_is_a_client_once_the_probe_has_come_in(stage: Stage) -> None:
    silent, probe = stage.candidate(), stage.candidate()
    probe.hear(PROBE)
    assert stage.clients == 0
    stage.recognition.over(stage.expected)

    assert silent.who is Who.CLIENT
    assert stage.clients == 1
    assert silent.hear(PROBE) is Who.CLIENT


def test_who_kept_silent_is_a_client_once_no_probe_can_come_any_more(stage: Stage) -> None:
    silent = stage.candidate()
    stage.recognition.over(stage.expected)
    stage.now += LATE_S - 0.1
    stage.recognition.sweep()
    assert stage.clients == 0
    stage.now += 0.2
    stage.recognition.sweep()

    assert silent.who is Who.CLIENT
    assert stage.clients == 1


def test_something_has_arrived_while_it_may_be_the_probe(stage: Stage) -> None:
    expected = stage.expected
    stage.candidate(STRANGER)
    assert not expected.arrived
    client = stage.candidate()
    assert expected.arrived
    client.hear(OTHER)
    assert not expected.arrived
    stage.candidate().ended()
    assert expected.arrived, "it said nothing: who knows"


def test_what_came_in_for_one_probe_did_not_for_another(stage: Stage) -> None:
    """Both families are probed at the same time, and in one of them somebody else may answer."""
    other = stage.recognition.expect(Service.NFS, "fd00::c", XID + 7)
    probe = stage.candidate()
    assert other.arrived
    probe.hear(PROBE)

    assert stage.expected.arrived
    assert not other.arrived


def test_a_service_that_is_not_reached_is_told(stage: Stage) -> None:
    stage.candidate(STRANGER).failed("a stranger's trouble")
    assert stage.expected.error is None
    stage.candidate().failed("connection refused")

    assert stage.expected.error == "connection refused"
    assert stage.clients == 0
