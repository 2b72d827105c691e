"""The gateway's failures, named and cured, with a daemon and without."""

from typing import Any

import pytest

from tests.bed.bed import Bed
from tests.bed.daemon import Daemon, merge
from tests.bed.waiting import wait_until
from tests.integration.doctor.faults import (
    PLAIN,
    Fault,
    Report,
    ask,
    dev_gw,
    injected,
    is_named_and_cured,
    nothing_left,
    sshd,
    well,
)
from tests.integration.doctor.gateway_faults import FAULTS, GATEWAY_TURNS_AWAY


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_failure_is_named_and_its_cure_cures_it(shared: Bed, fault: Fault) -> None:
    is_named_and_cured(shared, fault)


@pytest.mark.produces("client-alive-off", "channel-timeout")
def test_the_gateways_settings_are_told_to_whom_may_see_them(shared: Bed) -> None:
    doctor = shared.daemon(merge(dict(PLAIN), dev_gw(user="root")), start=False)

    assert ask(doctor).codes() == {"client-alive-off"}

    cure = {"client_alive_interval_s": 5, "client_alive_count_max": 2}
    assert (
        "ClientAliveInterval 5 and ClientAliveCountMax 2"
        in ask(doctor).row("client-alive-off")["cure"][0]
    )
    undo = sshd(**cure)(shared)
    try:
        report = ask(doctor)
        well(report)
        assert any("15 s" in c["text"] for c in report.checks if c["check"] == "sshd")
        cuts = ("ChannelTimeout forwarded-tcpip=5m", "UnusedConnectionTimeout 1h")
        end = sshd(extra=cuts)(shared)
        assert ask(doctor).codes() == {"channel-timeout"}
        end()
        well(ask(doctor))
    finally:
        undo()


def test_where_sshd_does_not_tell_what_the_daemon_met_counts(shared: Bed) -> None:
    def of_sshd(report: Report) -> list[dict[str, Any]]:
        return [c for c in report.checks if c["check"] == "sshd"]

    def failed(daemon: Daemon) -> dict[str, int]:
        (gateway,) = daemon.status()["gateways"]
        failures: dict[str, int] = gateway["failures"]
        return failures

    with injected(shared, GATEWAY_TURNS_AWAY) as undo:
        daemon = shared.daemon(PLAIN)
        try:
            daemon.await_phase("backoff")
            wait_until(lambda: failed(daemon).get("busy", 0) > 0, "it to be turned away")
            undo()
            daemon.command("reconnect", check=True)  # it would wait, not to be penalised
            daemon.await_ready()

            unknown, turned_away = of_sshd(ask(daemon))
            assert unknown["outcome"] == "SKIP"
            assert (turned_away["outcome"], turned_away["code"]) == ("WARN", "gateway-turns-away")

            daemon.restart()
            daemon.await_ready()
            (unknown,) = of_sshd(ask(daemon))
            assert unknown["outcome"] == "SKIP"
            assert "met nothing that speaks against them" in unknown["text"]
        finally:
            daemon.close()


@pytest.mark.produces("service-not-serving")
def test_a_service_that_waits_for_a_frozen_sshd_serves_soon(shared: Bed) -> None:
    patient = {"services": {"rquotad": False}, "tunnel": {"keepalive_interval_s": 20}}
    daemon = shared.daemon(merge(dict(PLAIN), patient))
    try:
        daemon.await_ready()
        shared.gateway.freeze_sessions()
        daemon.change(services={"rquotad": None})
        daemon.command("reload", check=True)

        row = ask(daemon).row("service-not-serving")

        assert (row["outcome"], row["subject"]) == ("WARN", "dev-gw/rquotad")
        wait, command = row["cure"]
        assert wait.startswith("wait ten seconds")
        daemon.wait_until(
            lambda: "875    875  serving" in daemon.command(*command.split()[2:]).output,
            "the status to say that it serves",
            timeout_s=30,
        )
        daemon.await_ready()
        well(ask(daemon))
    finally:
        shared.gateway.thaw()
        daemon.close()
    nothing_left(shared)
