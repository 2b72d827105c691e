"""States of services: shown as they are, told once."""

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hostnfsd.daemon.gateway.board import Board
from hostnfsd.services import Service
from hostnfsd.snapshot import Family, FamilyView, ServiceState
from hostnfsd.tunnel.forward import Spec
from hostnfsd.tunnel.probe import Finding

V4, V6 = Family.IPV4, Family.IPV6
NFS = Spec(Service.NFS, "0.0.0.0", 2049)
NFS6 = Spec(Service.NFS, "::", 2049)
MOUNTD = Spec(Service.MOUNTD, "0.0.0.0", 20048)
BOTH = Spec(Service.NFS, "", 2049)
ADDRESSES = ("172.22.0.12", "fd00::c")

SERVING = Finding(ServiceState.SERVING)
DOWN = Finding(ServiceState.HOST_DOWN, "nfs on this host: refused", "rpcinfo -p")
REFUSED = Finding(ServiceState.REFUSED, "port 2049 is taken", "ss -ltn")
Logs = list[MutableMapping[str, Any]]


@pytest.fixture
def logs() -> Iterator[Logs]:
    with capture_logs() as captured:
        yield captured


@pytest.fixture
def board() -> Board:
    board = Board("gw")
    board.expect([NFS], ADDRESSES, 1.0)
    return board


def state(board: Board, service: Service = Service.NFS) -> dict[Family, ServiceState]:
    return {family: view.state for family, view in board.views(service).items()}


def test_what_is_expected_is_waited_for(board: Board) -> None:
    assert board.views(Service.NFS) == {V4: FamilyView(ServiceState.WAITING, 1.0)}
    assert board.views(Service.MOUNTD) == {}


def test_each_family_has_its_state() -> None:
    board = Board("gw")
    board.expect([BOTH], ADDRESSES, 1.0)
    board.record(BOTH, V6, REFUSED, 2.0)

    assert state(board) == {V4: ServiceState.WAITING, V6: ServiceState.REFUSED}
    board.record(BOTH, None, SERVING, 3.0)
    assert state(board) == {V4: ServiceState.SERVING, V6: ServiceState.SERVING}


def test_a_finding_is_shown_with_its_reason_cure_and_instant(board: Board) -> None:
    board.record(NFS, V4, DOWN, 5.0)

    assert board.views(Service.NFS)[V4] == FamilyView(
        ServiceState.HOST_DOWN, 5.0, "nfs on this host: refused", "rpcinfo -p"
    )


def test_since_is_when_the_state_began(board: Board) -> None:
    board.record(NFS, V4, DOWN, 5.0)
    board.record(NFS, V4, Finding(ServiceState.HOST_DOWN, "worded anew"), 6.0)

    assert board.views(Service.NFS)[V4].since == 5.0
    assert board.views(Service.NFS)[V4].error == "worded anew"


def test_what_was_broken_is_so_until_somebody_has_seen_it_mended(board: Board) -> None:
    board.record(NFS, V4, DOWN, 5.0)
    board.record(NFS, V4, Finding(ServiceState.WAITING), 6.0)
    assert state(board) == {V4: ServiceState.HOST_DOWN}

    board.record(NFS, V4, SERVING, 7.0)
    board.record(NFS, V4, Finding(ServiceState.WAITING), 8.0)
    assert state(board) == {V4: ServiceState.WAITING}


def test_what_is_recorded_of_others_changes_nothing(board: Board) -> None:
    board.record(MOUNTD, None, DOWN, 5.0)
    board.record(NFS, V6, DOWN, 5.0)

    assert state(board) == {V4: ServiceState.WAITING}


def test_the_worst_listener_of_a_service_counts() -> None:
    board = Board("gw")
    specific = Spec(Service.NFS, "172.22.0.12", 2049)
    board.expect([NFS, specific], ADDRESSES, 1.0)
    board.record(NFS, V4, SERVING, 2.0)
    board.record(specific, V4, REFUSED, 2.0)

    assert state(board) == {V4: ServiceState.REFUSED}
    board.record(NFS, V4, REFUSED, 2.0)
    board.record(specific, V4, SERVING, 2.0)
    assert state(board) == {V4: ServiceState.REFUSED}


def test_what_is_no_longer_expected_is_forgotten(board: Board) -> None:
    board.record(NFS, V4, SERVING, 2.0)
    board.expect([MOUNTD], ADDRESSES, 3.0)
    assert state(board) == {}

    board.expect([NFS, MOUNTD], ADDRESSES, 4.0)
    assert board.views(Service.NFS) == {V4: FamilyView(ServiceState.WAITING, 4.0)}


def test_what_is_still_expected_keeps_its_state(board: Board) -> None:
    board.record(NFS, V4, SERVING, 2.0)
    board.expect([NFS, MOUNTD], ADDRESSES, 3.0)

    assert board.views(Service.NFS)[V4] == FamilyView(ServiceState.SERVING, 2.0)


def test_losing_the_tunnel_makes_all_wait(board: Board) -> None:
    board.record(NFS, V4, DOWN, 2.0)
    board.forget(3.0)
    assert board.views(Service.NFS)[V4] == FamilyView(ServiceState.WAITING, 3.0)

    board.forget(4.0)
    assert board.views(Service.NFS)[V4].since == 3.0


# -- what is told ------------------------------------------------------------------------------


def test_a_calm_start_is_not_told(board: Board, logs: Logs) -> None:
    for calm in (ServiceState.SERVING, ServiceState.ABSENT):
        fresh = Board("gw")
        fresh.expect([NFS], ADDRESSES, 1.0)
        fresh.record(NFS, V4, Finding(calm), 2.0)

    board.record(NFS, V4, Finding(ServiceState.WAITING), 2.0)
    assert logs == []


def test_what_cannot_be_verified_is_warned_of_though_it_counts_as_ready(
    board: Board, logs: Logs
) -> None:
    board.record(NFS, V4, Finding(ServiceState.UNVERIFIED, "why", "what to do"), 2.0)

    assert [(line["log_level"], line["state"], line["hint"]) for line in logs] == [
        ("warning", "unverified", "what to do")
    ]


def test_trouble_is_told_once_and_its_end_once(board: Board, logs: Logs) -> None:
    for now in range(100):
        board.record(NFS, V4, DOWN, float(now))
    for now in range(100):
        board.record(NFS, V4, SERVING, float(now))

    assert logs == [
        {
            "event": "service_state_changed",
            "log_level": "warning",
            "gateway": "gw",
            "service": "nfs",
            "port": 2049,
            "family": "ipv4",
            "state": "host-down",
            "error": "nfs on this host: refused",
            "hint": "rpcinfo -p",
        },
        {
            "event": "service_state_changed",
            "log_level": "info",
            "gateway": "gw",
            "service": "nfs",
            "port": 2049,
            "family": "ipv4",
            "state": "serving",
            "error": None,
            "hint": None,
        },
    ]


def test_a_tunnel_that_comes_and_goes_tells_nothing_of_its_services(
    board: Board, logs: Logs
) -> None:
    for n in range(100):
        board.record(NFS, V4, SERVING, float(n))
        board.forget(float(n))

    assert logs == []


def test_trouble_that_outlives_the_tunnel_is_not_told_again(board: Board, logs: Logs) -> None:
    for n in range(100):
        board.record(NFS, V4, REFUSED, float(n))
        board.forget(float(n))

    assert [entry["state"] for entry in logs] == ["refused"]


findings = st.sampled_from(ServiceState).map(lambda s: Finding(s, "why"))


@given(st.lists(st.tuples(st.sampled_from([NFS, NFS6, MOUNTD]), st.none() | findings)))
def test_no_state_is_told_twice_in_a_row(steps: list[tuple[Spec, Finding | None]]) -> None:
    board = Board("gw")
    board.expect([NFS, NFS6, MOUNTD], ADDRESSES, 0.0)
    last: dict[tuple[str, str], str] = {}
    with capture_logs() as captured:
        for now, (spec, finding) in enumerate(steps):
            if finding is None:
                board.forget(float(now))
            else:
                board.record(spec, None, finding, float(now))
    for entry in captured:
        key = (entry["service"], entry["family"])
        assert entry["state"] != last.get(key)
        assert entry["state"] != "waiting"
        last[key] = entry["state"]


@pytest.mark.parametrize("state_", ServiceState)
def test_every_state_has_its_rank(state_: ServiceState) -> None:
    board = Board("gw")
    board.expect([NFS, Spec(Service.NFS, "172.22.0.12", 2049)], ADDRESSES, 0.0)
    board.record(NFS, None, SERVING, 1.0)
    board.record(Spec(Service.NFS, "172.22.0.12", 2049), None, Finding(state_), 1.0)

    assert state(board) == {V4: state_}
