"""What clients meet at the gateway: each state, and each cause of one state, by its name."""

import pytest

from hostnfsd.doctor.finding import Outcome
from hostnfsd.doctor.forward_verdict import code, judge
from hostnfsd.server.finding import Denial
from hostnfsd.services import Service
from hostnfsd.snapshot import Family, FamilyView, ServiceState
from hostnfsd.tunnel import probe
from hostnfsd.tunnel.forward import Spec, judge_refusal
from hostnfsd.tunnel.gateway import Survey
from hostnfsd.tunnel.own_session import OwnSession
from hostnfsd.tunnel.probe import Crossing, End, Finding, Target
from hostnfsd.tunnel.reclaim import Suspicion, Why, explain

SPEC = Spec(Service.NFS, "0.0.0.0", 204)
TARGET = Target(SPEC, Family.IPV4, "172.22.0.12")
LISTENING = Survey(uid=0, lowest_port=1, listeners=frozenset({(Family.IPV4, 204)}))


def gateway(crossing: Crossing) -> Finding:
    return probe.at_gateway(TARGET, crossing)


#: Made by the very functions that the daemon's states come from: their words may not drift.
MADE = {
    "forwarding-forbidden": probe.refused(
        judge_refusal(SPEC, ("Server has disabled port forwarding.",), None)
    ),
    "low-port-forbidden": probe.refused(
        judge_refusal(SPEC, (), Survey(uid=1000, lowest_port=1024))
    ),
    "port-busy": probe.refused(judge_refusal(SPEC, (), LISTENING)),
    "stale-session": probe.refused(
        explain(
            judge_refusal(SPEC, (), LISTENING),
            Suspicion(OwnSession("SHA256:x", "gw", 0.0, frozenset({204})), Why.UNTOLD),
            60.0,
        )
    ),
    "foreign-holder": gateway(Crossing(End.REPLIED)),
    "gateway-ports-no": gateway(Crossing(End.NOT_REACHED, text="connection refused")),
    "unverified": gateway(Crossing(End.FORBIDDEN, text="prohibited")),
    "address-unknown": probe.unaddressed(),
    "exports-deny": probe.denied(Denial("no export admits 127.0.0.1", "hint")),
    "reserved-port": probe.denied(Denial("refuses MNT: AUTH_ERROR, AUTH_TOOWEAK", "hint")),
    "service-frozen": gateway(Crossing(End.SILENT, True, True, "did not answer")),
    "service-down": gateway(Crossing(End.HUNG_UP, True, True, "x", "refused")),
}


@pytest.mark.parametrize("name", MADE)
def test_every_cause_has_its_name(name: str) -> None:
    finding = MADE[name]

    assert code(finding.state, finding.text) == name


def test_a_port_that_sshd_would_not_bind_is_busy_though_it_does_not_say_so() -> None:
    finding = probe.refused(judge_refusal(SPEC, (), None))
    assert code(finding.state, finding.text) == "port-busy"


def test_words_that_are_not_known_have_a_name_all_the_same() -> None:
    assert code(ServiceState.REFUSED, "of a later version") == "service-not-serving"
    assert code(ServiceState.REFUSED, None) == "service-not-serving"


def view(state: ServiceState, error: str | None = None, hint: str | None = None) -> FamilyView:
    return FamilyView(state, 0.0, error, hint)


SERVING = view(ServiceState.SERVING)
BUSY = view(ServiceState.REFUSED, "port 204 is already taken on the gateway (ipv4)", "hint")


def test_families_that_fare_alike_share_a_row() -> None:
    both = {Family.IPV4: SERVING, Family.IPV6: SERVING}
    (found,) = judge(204, both, required=True)

    assert found.outcome is Outcome.PASS
    assert found.text.startswith("ipv4 and ipv6: ")


def test_a_family_that_differs_has_its_own() -> None:
    rows = judge(204, {Family.IPV4: SERVING, Family.IPV6: BUSY}, required=True)

    assert [row.outcome for row in rows] == [Outcome.PASS, Outcome.FAIL]
    assert rows[1].text.startswith("ipv6: ")


def test_what_mounts_do_without_only_warns() -> None:
    (found,) = judge(204, {Family.IPV4: BUSY}, required=False)

    assert found.outcome is Outcome.WARN


def test_nobody_is_claimed_to_hold_a_port() -> None:
    plain = judge(204, {Family.IPV4: BUSY}, required=True)[0]
    told = judge(204, {Family.IPV4: BUSY}, required=True, holders=["a", "b"], end=["$ kill 7"])[0]
    seen = judge(204, {Family.IPV4: BUSY}, required=True, holders=["a"])[0]

    assert plain.commands == ("ss -ltnp 'sport = :204'",)
    assert told.cure == ("it may be: a; b", "if it is, end it:", "$ kill 7")
    assert seen.cure[0] == "it may be: a"
    assert seen.commands == plain.commands


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (ServiceState.ABSENT, Outcome.SKIP),
        (ServiceState.WAITING, Outcome.WARN),
        (ServiceState.UNVERIFIED, Outcome.WARN),
        (ServiceState.UNREACHABLE, Outcome.FAIL),
    ],
)
def test_other_states(state: ServiceState, outcome: Outcome) -> None:
    assert judge(204, {Family.IPV4: view(state)}, required=True)[0].outcome is outcome


def test_what_nobody_knows_is_not_told() -> None:
    assert judge(204, {}, required=True)[0].outcome is Outcome.SKIP


def test_what_we_did_not_wait_for_to_the_end_is_slow() -> None:
    waiting = {Family.IPV4: view(ServiceState.WAITING), Family.IPV6: SERVING}
    slow, well = judge(204, waiting, required=True, within_s=4.0)

    assert (slow.outcome, slow.code) == (Outcome.WARN, "gateway-slow")
    assert slow.text.endswith("within 4 s")
    assert well.outcome is Outcome.PASS
    assert judge(204, waiting, required=True)[0].code == "service-not-serving"
