"""What is probed, and what a probe's end says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.services import Service
from hostnfsd.snapshot import Family, ServiceState
from hostnfsd.tunnel.forward import Answer, Spec, Verdict
from hostnfsd.tunnel.probe import (
    Finding,
    Outcome,
    Target,
    expected_families,
    find,
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


# -- outcomes ----------------------------------------------------------------------------------

TARGET = Target(nfs("0.0.0.0"), V4, "172.22.0.12")
TARGET6 = Target(nfs("::"), V6, "fd00::c")

STATES = {
    Outcome.ACCEPTED: ServiceState.SERVING,
    Outcome.SERVICE_FAILED: ServiceState.HOST_DOWN,
    Outcome.NOT_REACHED: ServiceState.UNREACHABLE,
    Outcome.FORBIDDEN: ServiceState.UNVERIFIED,
    Outcome.HELD: ServiceState.REFUSED,
    Outcome.ASTRAY: ServiceState.UNVERIFIED,
    Outcome.SILENT: ServiceState.STALLED,
}


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("target", [TARGET, TARGET6])
def test_an_outcome_means_a_state_with_its_reason_and_cure(
    outcome: Outcome, target: Target
) -> None:
    finding = find(target, outcome, "it said so", absent=False)

    assert finding.state is STATES[outcome]
    if outcome is Outcome.ACCEPTED:
        assert finding == Finding(ServiceState.SERVING)
    else:
        assert finding.text
        assert finding.hint


@pytest.mark.parametrize(
    "outcome", [Outcome.SERVICE_FAILED, Outcome.NOT_REACHED, Outcome.FORBIDDEN]
)
def test_what_the_failing_side_said_is_told(outcome: Outcome) -> None:
    assert (find(TARGET, outcome, "it said so", absent=False).text or "").endswith(": it said so")


@pytest.mark.parametrize(
    ("target", "where"), [(TARGET, "172.22.0.12:2049"), (TARGET6, "[fd00::c]:2049")]
)
@pytest.mark.parametrize("outcome", [Outcome.NOT_REACHED, Outcome.HELD])
def test_the_place_that_was_tried_is_told(target: Target, where: str, outcome: Outcome) -> None:
    assert where in (find(target, outcome, "x", absent=False).text or "")


def test_an_optional_service_that_was_never_there_is_absent() -> None:
    finding = find(TARGET, Outcome.SERVICE_FAILED, "refused", absent=True)

    assert finding == Finding(ServiceState.ABSENT, "this host runs no nfs")


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.SERVICE_FAILED])
def test_an_absent_service_changes_no_other_outcome(outcome: Outcome) -> None:
    assert find(TARGET, outcome, "x", absent=True) == find(TARGET, outcome, "x", absent=False)


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
