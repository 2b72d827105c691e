"""The gate: what changes it, what it tells, and whom it keeps waiting."""

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from hostnfsd.access_view import Remedy
from hostnfsd.daemon.relay import gate
from hostnfsd.services import Service
from hostnfsd.snapshot import Refusal, RefusedView
from hostnfsd.tunnel.admission import Verdict, Why
from tests.support.conditions import never
from tests.support.gates import AccessRules

GATEWAY = "dev-gw"
POD = "172.22.0.14"
NETWORKS = ("172.22.0.0/16",)


@pytest.fixture
def rules() -> AccessRules:
    """The default: exports decide, and are not known yet."""
    return AccessRules()


def admitted(rules: AccessRules, host: str = POD) -> bool:
    return rules.gate.verdict(GATEWAY, host, 700).admitted


def test_each_of_its_sources_changes_it(rules: AccessRules) -> None:
    assert rules.gate.verdict(GATEWAY, POD, 700).pending
    rules.export("/srv/src 127.0.0.1(rw)\n")
    assert rules.gate.verdict(GATEWAY, POD, 700).pending
    rules.gate.attached(GATEWAY, NETWORKS)
    assert admitted(rules)
    rules.export("/srv/src 127.0.0.1(rw) 10.0.0.0/8(rw)\n")
    assert not admitted(rules)
    assert admitted(rules, "10.0.0.7")
    rules.change(allow=(POD,))
    assert admitted(rules)
    assert not admitted(rules, "10.0.0.7")
    rules.change(allow="any")
    assert admitted(rules, "UNKNOWN")


def test_what_changed_is_told_once(rules: AccessRules) -> None:
    with capture_logs() as logs:
        rules.export("/srv/src 127.0.0.1(rw)\n")
        rules.gate.attached(GATEWAY, NETWORKS)
        rules.gate.attached(GATEWAY, NETWORKS)
        rules.export("/srv/src 127.0.0.1(rw)\n")
        rules.gate.apply()
        rules.export("# nothing\n")
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("access_changed", "info"),
        ("access_denied_to_all", "warning"),
    ]
    (rule,) = logs[0]["admitted"]
    assert rule == "172.22.0.0/16, by /srv/src (exports:1:1; it names only this host)"
    assert logs[1]["error"] == "/etc/exports exports nothing"


async def test_who_waits_is_woken_by_a_change(rules: AccessRules) -> None:
    waiting = asyncio.create_task(rules.gate.decide(GATEWAY, POD, 700))
    await never(waiting.done, "decided", for_s=0.05)
    rules.export("/srv/src 127.0.0.1(rw)\n")
    await never(waiting.done, "decided", for_s=0.05)
    rules.gate.attached(GATEWAY, ())
    assert (await waiting).why is Why.NO_NETWORKS


async def test_nobody_waits_for_ever(rules: AccessRules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "UNDECIDED_S", 0.05)
    assert (await rules.gate.decide(GATEWAY, POD, 700)).pending


def test_another_machine_of_the_same_name_is_asked_anew(rules: AccessRules) -> None:
    rules.export("/srv/src 127.0.0.1(rw)\n")
    rules.gate.attached(GATEWAY, NETWORKS)
    rules.gate.forget(GATEWAY)
    assert not rules.gate.knows(GATEWAY)
    assert rules.gate.verdict(GATEWAY, POD, 700).pending
    rules.gate.attached(GATEWAY, NETWORKS)
    assert admitted(rules)


def refuse(rules: AccessRules, host: str) -> None:
    verdict = rules.gate.verdict(GATEWAY, host, 700)
    rules.gate.refused(GATEWAY, host, Service.NFS, verdict)


def test_an_originator_is_named_once_a_minute(
    rules: AccessRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    rules.change(allow=NETWORKS)
    with capture_logs() as logs:
        for _ in range(5):
            refuse(rules, "10.9.8.7")
        now += 61
        refuse(rules, "10.9.8.7")
    assert [line["times"] for line in logs] == [1, 5]
    assert logs[0]["hint"] == 'to let him in: [access] allow = ["172.22.0.0/16", "10.9.8.7"]'


def test_and_again_when_the_rules_have_changed(rules: AccessRules) -> None:
    rules.change(allow=NETWORKS)
    refuse(rules, "10.9.8.7")
    with capture_logs() as logs:
        rules.change(allow=("172.22.0.0/24",))
        refuse(rules, "10.9.8.7")
    assert [line["event"] for line in logs] == ["access_changed", "client_not_admitted"]


def test_a_flood_of_addresses_does_not_flood_the_log(
    rules: AccessRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    rules.change(allow=NETWORKS)
    with capture_logs() as logs:
        for number in range(200):
            refuse(rules, f"fd00::{number:x}")
        now += 61
        refuse(rules, "fd00::1:1")
    assert len(logs) == gate.NAMED_MOST + 1


def test_who_was_refused_comes_with_what_would_let_him_in_now(rules: AccessRules) -> None:
    rules.change(allow=NETWORKS)
    view = RefusedView(GATEWAY, Service.NFS, "10.9.8.7", Refusal.NOT_ADMITTED, 1, 0.0, "why")
    full = RefusedView(GATEWAY, Service.NFS, "10.9.8.7", Refusal.LIMIT, 1, 0.0)

    first, second = rules.gate.explained((view, full))
    assert first.remedy == Remedy('allow = ["172.22.0.0/16", "10.9.8.7"]')
    assert second == full
    rules.change(allow=("10.9.8.7",))
    (since,) = rules.gate.explained((view,))
    assert since.remedy == Remedy()


def test_status_is_told_where_nobody_may_come_in(rules: AccessRules) -> None:
    assert rules.gate.advice() == ()
    rules.export("/srv/src 127.0.0.1(rw)\n")
    assert rules.gate.advice() == ()
    rules.gate.attached(GATEWAY, ())
    (advice,) = rules.gate.advice()
    assert advice.text.startswith("nobody may come in at dev-gw: /srv/src names only this host")
    assert "[access] allow" in advice.hint
    assert rules.gate.view(GATEWAY).error is not None
    rules.gate.attached(GATEWAY, NETWORKS)
    assert rules.gate.advice() == ()
    assert rules.gate.view(GATEWAY).admitted


def test_who_hears_of_a_change_may_ask_at_once() -> None:
    heard: list[Verdict] = []
    made = gate.Gate(
        gateways=lambda: (GATEWAY,),
        allow=lambda: "any",
        changed=lambda: heard.append(made.verdict(GATEWAY, POD, 1)),
    )
    made.apply()
    assert [verdict.admitted for verdict in heard] == [True]
