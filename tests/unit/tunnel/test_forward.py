"""What the answer to a request for a listener means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.services import Service
from hostnfsd.snapshot import Family
from hostnfsd.tunnel.forward import (
    BUSY_RETRY_S,
    FORBIDDEN_RETRY_S,
    POLICY_TEXTS,
    Answer,
    Spec,
    Verdict,
    judge_covered,
    judge_refusal,
    judge_success,
)
from hostnfsd.tunnel.gateway import Survey

NFS = Spec(Service.NFS, "0.0.0.0", 2049)
RPCBIND = Spec(Service.RPCBIND, "0.0.0.0", 111)
#: What sshd 9.2 sends as debug messages on every login.
LOGIN_TEXTS = (
    "/home/admin/.ssh/authorized_keys:1: key options: agent-forwarding port-forwarding pty",
    "/home/admin/.ssh/authorized_keys:1: key options: command user-rc x11-forwarding",
)
FREE = Survey(uid=1000, lowest_port=0, listeners=frozenset({(Family.IPV4, 22)}))


def taken(port: int, *families: Family, lowest: int = 0) -> Survey:
    return Survey(
        uid=1000, lowest_port=lowest, listeners=frozenset((family, port) for family in families)
    )


@pytest.mark.parametrize(
    ("listen", "families"),
    [
        ("0.0.0.0", {Family.IPV4}),
        ("172.22.0.12", {Family.IPV4}),
        ("::", {Family.IPV6}),
        ("::1", {Family.IPV6}),
        ("", set(Family)),
        ("*", set(Family)),
        ("localhost", set(Family)),
    ],
)
def test_a_listener_asks_for_families(listen: str, families: set[Family]) -> None:
    assert Spec(Service.NFS, listen, 2049).families == families


@pytest.mark.parametrize(
    ("listen", "shown"), [("0.0.0.0", "nfs at 0.0.0.0:2049"), ("::1", "nfs at [::1]:2049")]
)
def test_a_listener_is_shown_with_its_address(listen: str, shown: str) -> None:
    assert str(Spec(Service.NFS, listen, 2049)) == shown


# -- granted -----------------------------------------------------------------------------------


@pytest.mark.parametrize("texts", [(), LOGIN_TEXTS, POLICY_TEXTS])
def test_a_granted_request_is_bound(texts: tuple[str, ...]) -> None:
    answer = judge_success(NFS, texts)

    assert answer == Answer(Verdict.BOUND)
    assert (answer.stands, answer.retry_s) == (True, None)


def test_an_overridden_address_is_told() -> None:
    spec = Spec(Service.NFS, "127.0.0.1", 2049)
    text = 'Forwarding listen address "127.0.0.1" overridden by server GatewayPorts'
    answer = judge_success(spec, (*LOGIN_TEXTS, text))

    assert answer.verdict is Verdict.BOUND
    assert answer.text == "the gateway bound 2049 on all addresses instead of 127.0.0.1"
    assert "GatewayPorts clientspecified" in (answer.hint or "")


def test_a_covered_listener_stands_and_names_the_one_that_covers_it() -> None:
    answer = judge_covered(NFS, Spec(Service.NFS, "::", 2049))

    assert (answer.verdict, answer.stands, answer.retry_s) == (Verdict.COVERED, True, None)
    assert answer.text == "nfs at 0.0.0.0:2049 is covered by nfs at [::]:2049"


# -- refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["Server has disabled port forwarding.", "port forwarding refused"]
)
@pytest.mark.parametrize("survey", [None, FREE, taken(2049, Family.IPV4)])
def test_a_policy_text_says_forbidden_whatever_else_is_known(
    text: str, survey: Survey | None
) -> None:
    answer = judge_refusal(NFS, (*LOGIN_TEXTS, text), survey)

    assert (answer.verdict, answer.retry_s) == (Verdict.POLICY, FORBIDDEN_RETRY_S)
    assert text in (answer.text or "")
    assert (answer.hint or "").endswith("includes *:2049; then: hostnfsd reconnect")


@pytest.mark.parametrize("family", Family)
def test_a_taken_port_is_busy_and_asked_for_again_soon(family: Family) -> None:
    answer = judge_refusal(NFS, LOGIN_TEXTS, taken(2049, family))

    assert (answer.verdict, answer.retry_s, answer.stands) == (Verdict.BUSY, BUSY_RETRY_S, False)
    assert answer.text == f"port 2049 is already taken on the gateway ({family})"
    assert "sport = :2049" in (answer.hint or "")


def test_both_families_are_named() -> None:
    answer = judge_refusal(NFS, (), taken(2049, *Family))

    assert "(ipv4 and ipv6)" in (answer.text or "")


def test_a_listener_of_ipv4_is_not_in_the_way_of_one_of_ipv6() -> None:
    answer = judge_refusal(Spec(Service.NFS, "::", 2049), (), taken(2049, Family.IPV4))

    assert "it does not say why" in (answer.text or "")


@pytest.mark.parametrize("holders", [(), (Family.IPV4,)])
def test_a_missing_right_is_told_even_where_the_port_is_taken(holders: tuple[Family, ...]) -> None:
    answer = judge_refusal(RPCBIND, LOGIN_TEXTS, taken(111, *holders, lowest=1024))

    assert (answer.verdict, answer.retry_s) == (Verdict.NO_RIGHT, FORBIDDEN_RETRY_S)
    assert answer.text == (
        "the login on the gateway (uid 1000) may not bind port 111: the lowest it may is 1024"
    )
    assert "ip_unprivileged_port_start=0" in (answer.hint or "")


def test_at_the_lowest_port_no_right_is_missing() -> None:
    survey = Survey(uid=1000, lowest_port=111, listeners=FREE.listeners)

    assert judge_refusal(RPCBIND, (), survey).verdict is Verdict.BUSY


@pytest.mark.parametrize(
    "survey", [None, Survey(), FREE, Survey(uid=1000, listeners=FREE.listeners)]
)
@pytest.mark.parametrize(
    ("spec", "guess"),
    [(RPCBIND, "taken, or below the lowest port our login may bind"), (NFS, "taken")],
)
def test_an_unknown_reason_is_said_to_be_unknown(
    survey: Survey | None, spec: Spec, guess: str
) -> None:
    answer = judge_refusal(spec, LOGIN_TEXTS, survey)

    assert answer.verdict is Verdict.BUSY
    assert answer.text == (
        f"the gateway would not bind port {spec.port}; it does not say why: {guess}"
    )


specs = st.builds(
    Spec,
    st.sampled_from(Service),
    st.sampled_from(["0.0.0.0", "::", "", "*", "localhost", "172.22.0.12"]),
    st.integers(1, 65535),
)
ports = st.tuples(st.sampled_from(Family), st.integers(1, 65535))
surveys = st.builds(
    Survey,
    uid=st.none() | st.integers(0, 2**32 - 1),
    lowest_port=st.none() | st.integers(0, 65535),
    listeners=st.none() | st.frozensets(ports),
)
texts = st.lists(st.one_of(st.sampled_from([*POLICY_TEXTS, *LOGIN_TEXTS]), st.text())).map(tuple)


@given(specs, texts, st.none() | surveys)
def test_every_refusal_has_a_reason_a_cure_and_another_try(
    spec: Spec, debug_texts: tuple[str, ...], survey: Survey | None
) -> None:
    answer = judge_refusal(spec, debug_texts, survey)

    assert answer.text
    assert answer.hint
    assert answer.retry_s is not None
    assert not answer.stands
    forbidden = any(known in text for known in POLICY_TEXTS for text in debug_texts)
    assert (answer.verdict is Verdict.POLICY) == forbidden
