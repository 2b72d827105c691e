"""What is probed, and what a probe's end says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.server.finding import Denial, HostFinding, Origin, Place, Reached
from hostnfsd.services import Service
from hostnfsd.snapshot import Family, ServiceState
from hostnfsd.tunnel.forward import Answer, Spec, Verdict
from hostnfsd.tunnel.probe import (
    Crossing,
    End,
    Finding,
    Target,
    at_gateway,
    at_host,
    denied,
    expected,
    expected_families,
    refused,
    targets,
    unaddressed,
)

V4, V6 = Family.IPV4, Family.IPV6
BOTH = ("172.22.0.12", "fd00::c")


def nfs(listen: str) -> Spec:
    return Spec(Service.NFS, listen, 2049)


def places(listen: str, *addresses: str) -> list[tuple[Family, str]]:
    return [(t.family, t.address) for t in targets([nfs(listen)], addresses)]


@pytest.mark.parametrize("listen", ["", "*"])
def test_a_listener_on_all_addresses_is_tried_in_each_family(listen: str) -> None:
    assert places(listen, *BOTH) == [(V4, "172.22.0.12"), (V6, "fd00::c")]


@pytest.mark.parametrize(
    ("listen", "family", "address"), [("0.0.0.0", V4, "172.22.0.12"), ("::", V6, "fd00::c")]
)
def test_a_wildcard_of_one_family_is_tried_in_that(
    listen: str, family: Family, address: str
) -> None:
    assert places(listen, *BOTH) == [(family, address)]


def test_a_family_is_tried_once() -> None:
    assert places("0.0.0.0", "10.0.0.1", "10.0.0.2") == [(V4, "10.0.0.1")]


def test_a_name_stands_for_the_family_the_listener_asks_for() -> None:
    assert places("0.0.0.0", "dev-gw") == [(V4, "dev-gw")]
    assert places("::", "dev-gw") == [(V6, "dev-gw")]
    assert places("", "dev-gw") == [(V4, "dev-gw")]


@pytest.mark.parametrize(
    ("listen", "family"), [("127.0.0.1", V4), ("172.22.0.13", V4), ("::1", V6), ("localhost", V4)]
)
def test_a_listener_on_one_address_is_tried_there(listen: str, family: Family) -> None:
    assert places(listen, *BOTH) == [(family, listen)]


def test_without_an_address_there_is_nothing_to_try() -> None:
    assert places("0.0.0.0") == []


def test_listeners_are_tried_in_order() -> None:
    several = [nfs("::"), Spec(Service.MOUNTD, "0.0.0.0", 20048), nfs("0.0.0.0")]

    assert [t.spec for t in targets(several, BOTH)] == sorted(several)


def test_a_family_is_expected_where_it_can_be_tried() -> None:
    assert expected_families(nfs(""), BOTH) == (V4, V6)
    assert expected_families(nfs(""), ("172.22.0.12",)) == (V4,)


@given(
    st.sampled_from(["", "*", "0.0.0.0", "::", "localhost", "10.0.0.1", "::1"]),
    st.lists(st.sampled_from([*BOTH, "dev-gw", "10.0.0.1"])).map(tuple),
)
def test_at_least_one_family_is_expected_and_each_is_asked_for(
    listen: str, addresses: tuple[str, ...]
) -> None:
    families = expected_families(nfs(listen), addresses)

    assert len(set(families)) == len(families) >= 1
    assert set(families) <= nfs(listen).families


def test_a_family_that_clients_have_no_address_in_is_not_expected() -> None:
    both = (nfs("0.0.0.0"), nfs("::"))

    assert expected(both, ("172.22.0.12",)) == {(both[0], V4)}
    assert expected(both, BOTH) == {(both[0], V4), (both[1], V6)}
    # What nobody can try is told of all the same, once for each listener.
    assert expected(both, ()) == {(both[0], V4), (both[1], V6)}
    assert expected((both[1],), ("172.22.0.12",)) == {(both[1], V6)}


# -- at the host -------------------------------------------------------------------------------


def host(reached: Reached, origin: Origin = Origin.RPCBIND, hint: str | None = None) -> HostFinding:
    text = None if reached is Reached.ANSWERED else "it did so"
    return HostFinding(reached, Place("127.0.0.1", 1023, origin), text, hint)


def judged(
    found: HostFinding, *, optional: bool = False, seen: bool = False, name: Service = Service.NFS
) -> Finding:
    finding = at_host(name, found, optional=optional, seen=seen)
    assert finding is not None
    return finding


AT_HOST = {
    Reached.DOWN: ServiceState.HOST_DOWN,
    Reached.FOREIGN: ServiceState.HOST_DOWN,
    Reached.HUNG_UP: ServiceState.DENIED,
    Reached.DENIED: ServiceState.DENIED,
    Reached.SILENT: ServiceState.STALLED,
}


def test_a_service_that_answers_at_the_host_is_not_judged_by_that() -> None:
    assert at_host(Service.NFS, host(Reached.ANSWERED), optional=True, seen=False) is None


@pytest.mark.parametrize("reached", AT_HOST)
def test_trouble_at_the_host_means_a_state_with_its_place_reason_and_cure(
    reached: Reached,
) -> None:
    finding = judged(host(reached))

    assert finding.state is AT_HOST[reached]
    assert finding.text == "nfs on this host (127.0.0.1:1023): it did so"
    assert finding.hint


@pytest.mark.parametrize("reached", AT_HOST)
def test_a_hint_of_whoever_looked_is_passed_on(reached: Reached) -> None:
    assert judged(host(reached, hint="do that")).hint == "do that"


def test_every_way_of_reaching_a_service_is_judged() -> None:
    assert {*AT_HOST, Reached.ANSWERED} == set(Reached)


@pytest.mark.parametrize("origin", Origin)
def test_an_optional_service_that_was_never_there_is_absent(origin: Origin) -> None:
    finding = judged(host(Reached.DOWN, origin), optional=True, name=Service.STATUS)

    assert finding == Finding(ServiceState.ABSENT, "this host runs no status")


def test_another_program_at_a_port_that_was_only_assumed_is_no_service_either() -> None:
    assert judged(host(Reached.FOREIGN, Origin.ASSUMED), optional=True).state is ServiceState.ABSENT


@pytest.mark.parametrize("origin", set(Origin) - {Origin.ASSUMED})
def test_another_program_where_the_service_was_said_to_be_is_told(origin: Origin) -> None:
    assert judged(host(Reached.FOREIGN, origin), optional=True).state is ServiceState.HOST_DOWN


@pytest.mark.parametrize("reached", [Reached.DOWN, Reached.FOREIGN])
@pytest.mark.parametrize(("optional", "seen"), [(True, True), (False, False), (False, True)])
def test_a_service_that_must_be_there_or_was_is_down(
    reached: Reached, optional: bool, seen: bool
) -> None:
    finding = judged(host(reached, Origin.ASSUMED), optional=optional, seen=seen)

    assert finding.state is ServiceState.HOST_DOWN


@pytest.mark.parametrize("reached", [Reached.HUNG_UP, Reached.DENIED, Reached.SILENT])
def test_an_optional_service_that_runs_is_not_absent(reached: Reached) -> None:
    assert judged(host(reached), optional=True).state is AT_HOST[reached]


def test_an_ipv6_place_is_told_in_brackets() -> None:
    found = HostFinding(Reached.DOWN, Place("::1", 2049, Origin.CONFIGURED), "refused")

    assert "([::1]:2049)" in (judged(found).text or "")


# -- from the gateway's side -------------------------------------------------------------------

TARGET = Target(nfs("0.0.0.0"), V4, "172.22.0.12")
TARGET6 = Target(nfs("::"), V6, "fd00::c")

#: What an end means when the call was seen here, when something that may be it was, and when not.
SEEN, MAYBE, NOTHING = (True, True), (False, True), (False, False)
AT_GATEWAY = {
    (End.REPLIED, SEEN): ServiceState.SERVING,
    (End.REPLIED, MAYBE): ServiceState.REFUSED,
    (End.REPLIED, NOTHING): ServiceState.REFUSED,
    (End.REJECTED, SEEN): ServiceState.DENIED,
    (End.REJECTED, MAYBE): ServiceState.REFUSED,
    (End.REJECTED, NOTHING): ServiceState.REFUSED,
    (End.HUNG_UP, SEEN): ServiceState.DENIED,
    (End.HUNG_UP, MAYBE): ServiceState.DENIED,
    (End.HUNG_UP, NOTHING): ServiceState.REFUSED,
    (End.SILENT, SEEN): ServiceState.STALLED,
    (End.SILENT, MAYBE): ServiceState.STALLED,
    (End.SILENT, NOTHING): ServiceState.REFUSED,
    (End.GARBAGE, SEEN): ServiceState.HOST_DOWN,
    (End.GARBAGE, MAYBE): ServiceState.HOST_DOWN,
    (End.GARBAGE, NOTHING): ServiceState.REFUSED,
    **{(End.NOT_REACHED, s): ServiceState.UNREACHABLE for s in (SEEN, MAYBE, NOTHING)},
    **{(End.FORBIDDEN, s): ServiceState.UNVERIFIED for s in (SEEN, MAYBE, NOTHING)},
}


@pytest.mark.parametrize("target", [TARGET, TARGET6])
@pytest.mark.parametrize(("end", "seen"), AT_GATEWAY)
def test_an_end_means_a_state_with_its_reason_and_cure(
    end: End, seen: tuple[bool, bool], target: Target
) -> None:
    finding = at_gateway(target, Crossing(end, *seen, text="it said so"))

    assert finding.state is AT_GATEWAY[end, seen]
    if finding.state is ServiceState.SERVING:
        assert finding == Finding(ServiceState.SERVING)
    else:
        assert finding.text
        assert finding.hint


def test_every_end_is_judged() -> None:
    assert {end for end, _ in AT_GATEWAY} == set(End)


@pytest.mark.parametrize(
    ("end", "seen"), [k for k, v in AT_GATEWAY.items() if v is not ServiceState.REFUSED][1:]
)
def test_what_was_seen_is_told(end: End, seen: tuple[bool, bool]) -> None:
    finding = at_gateway(TARGET, Crossing(end, *seen, text="it said so"))

    assert (finding.text or "").endswith("it said so")


@pytest.mark.parametrize(
    ("target", "where"), [(TARGET, "172.22.0.12:2049"), (TARGET6, "[fd00::c]:2049")]
)
@pytest.mark.parametrize("end", set(End) - {End.REPLIED, End.FORBIDDEN})
def test_the_place_that_was_tried_is_told(target: Target, where: str, end: End) -> None:
    assert where in (at_gateway(target, Crossing(end, text="x")).text or "")


@pytest.mark.parametrize(
    ("target", "said", "hints"),
    [
        (TARGET, "connection refused", ["GatewayPorts"]),
        (TARGET, "no route to host", ["client_address", "GatewayPorts"]),
        (TARGET6, "connection refused", ["AddressFamily any", "GatewayPorts", "client_address"]),
    ],
)
def test_what_may_be_wrong_with_the_way_in_is_told(
    target: Target, said: str, hints: list[str]
) -> None:
    hint = at_gateway(target, Crossing(End.NOT_REACHED, text=said)).hint or ""

    assert [word for word in hints if word in hint] == hints
    assert ("client_address" in hint) == ("client_address" in hints)


def test_a_process_that_reaches_an_rpc_service_is_told_from_one_that_only_holds_the_port() -> None:
    replies, holds = (at_gateway(TARGET, Crossing(e)) for e in (End.REPLIED, End.SILENT))

    assert "even reaches" in (replies.text or "")
    assert "RemoteForward 2049" in (replies.hint or "")
    assert "even reaches" not in (holds.text or "")
    assert "ss -ltnp 'sport = :2049'" in (replies.hint or "")
    assert "ss -ltnp 'sport = :2049'" in (holds.hint or "")


@pytest.mark.parametrize("end", [End.HUNG_UP, End.SILENT, End.GARBAGE])
def test_a_service_that_was_not_reached_for_the_call_is_down(end: End) -> None:
    crossing = Crossing(end, arrived=True, text="closed it", failure="connection refused")
    finding = at_gateway(TARGET, crossing)

    assert finding.state is ServiceState.HOST_DOWN
    assert (finding.text or "").endswith("connection refused")


@pytest.mark.parametrize(("end", "seen"), AT_GATEWAY)
def test_only_what_came_in_can_have_failed_behind_the_forward(
    end: End, seen: tuple[bool, bool]
) -> None:
    crossing = Crossing(end, *seen)

    assert crossing.failed_behind == (
        seen[1] and end in {End.REJECTED, End.HUNG_UP, End.SILENT, End.GARBAGE}
    )


def test_a_gateway_that_no_longer_answers_looks_like_some_ends() -> None:
    assert {(e, s) for e, s in AT_GATEWAY if Crossing(e, *s).doubtful} == {
        (end, seen) for end in (End.SILENT, End.NOT_REACHED) for seen in (SEEN, MAYBE, NOTHING)
    }


def test_a_denial_is_told_as_it_is() -> None:
    assert denied(Denial("no export admits 127.0.0.1", "let one")) == Finding(
        ServiceState.DENIED, "no export admits 127.0.0.1", "let one"
    )


def test_an_unknown_address_is_unverified_and_names_the_key() -> None:
    assert unaddressed().state is ServiceState.UNVERIFIED
    assert "client_address" in (unaddressed().hint or "")


@pytest.mark.parametrize("verdict", [Verdict.BUSY, Verdict.POLICY, Verdict.NO_RIGHT])
def test_a_refused_forward_keeps_its_reason(verdict: Verdict) -> None:
    assert refused(Answer(verdict, "so it is", "do that")) == Finding(
        ServiceState.REFUSED, "so it is", "do that"
    )


def test_a_bound_forward_is_not_refused() -> None:
    with pytest.raises(AssertionError):
        refused(Answer(Verdict.BOUND))
