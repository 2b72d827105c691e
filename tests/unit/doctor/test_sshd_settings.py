"""What ``sshd -T`` says, as far as we may ask."""

import pytest

from hostnfsd.doctor.finding import Outcome
from hostnfsd.doctor.sshd_settings import judge
from hostnfsd.services import Service
from hostnfsd.snapshot import FailureKind, GatewayView, ServiceState
from tests.support.snapshots import NOW, gateway, service

# OpenSSH 9.8p1: lines of `sshd -T`.
GOOD = """\
port 22
clientaliveinterval 5
clientalivecountmax 2
unusedconnectiontimeout none
channeltimeout none
persourcepenaltyexemptlist none
persourcepenalties crash:90 authfail:5 noauth:1 grace-exceeded:10 refuseconnection:10 max:600 min:15
"""


def outcomes(text: str | None) -> list[tuple[str, str | None]]:
    return [(found.outcome.value, found.code) for found in judge(text)]


def test_a_good_one() -> None:
    rows = judge(GOOD)

    assert [row.outcome for row in rows] == [Outcome.PASS, Outcome.PASS]
    assert "15 s" in rows[0].text
    assert "nobody is exempt" in rows[1].text


def test_sshds_own_defaults_are_warned_of() -> None:
    text = GOOD.replace("clientaliveinterval 5", "clientaliveinterval 0")

    assert outcomes(text)[0] == ("WARN", "client-alive-off")
    never = GOOD.replace("clientalivecountmax 2", "clientalivecountmax 0")
    assert outcomes(never)[0] == ("WARN", "client-alive-off"), "0 means never (sshd_config(5))"


def test_what_cuts_idle_forwards_is_warned_of() -> None:
    text = GOOD.replace("channeltimeout none", "channeltimeout forwarded-tcpip=5m")

    assert ("WARN", "channel-timeout") in outcomes(text)


def test_exempt_addresses_are_told() -> None:
    text = GOOD.replace("exemptlist none", "exemptlist 172.22.0.1")

    assert judge(text)[-1].text.endswith("exempt: 172.22.0.1")


def test_an_sshd_of_before_penalties() -> None:
    old = "".join(line + "\n" for line in GOOD.splitlines() if "penalt" not in line)

    assert outcomes(old) == [("PASS", None)]


def test_who_may_not_ask_is_told_why() -> None:
    for text, why in (
        (None, "runs no commands"),
        ("sshd: no hostkeys available -- exiting.\n", "which our login may not read"),
        ("", "says nothing"),
        ("no listener seen", "no listener seen"),
    ):
        (found,) = judge(text)
        assert found.outcome is Outcome.SKIP
        assert why in found.text


# -- where sshd does not tell: what a daemon has met ---------------------------------------------

MUTE = "sshd: no hostkeys available -- exiting.\n"
TAKEN = "port 2049 is already taken on the gateway"


def seen(view: GatewayView | None) -> list[tuple[str, str | None, str]]:
    return [(row.outcome.value, row.code, row.text) for row in judge(MUTE, view, NOW)]


def after_a_loss(*, up_s: float = 60, losses: int = 1, error: str = TAKEN) -> GatewayView:
    """A tunnel that came up anew; a port has been refused for a minute."""
    return gateway(
        up_since=NOW - up_s,
        failures={},
        losses={FailureKind.KEEPALIVE: losses},
        services=(service(Service.NFS, ServiceState.REFUSED, error), service(Service.MOUNTD)),
    )


def test_a_daemon_that_met_nothing_leaves_it_unknown() -> None:
    ((outcome, code, text),) = seen(gateway(failures={}, losses={}))

    assert (outcome, code) == ("SKIP", None)
    assert text.endswith("which our login may not read; the daemon has met nothing that speaks"
                         " against them")  # fmt: skip


def test_ports_that_stay_taken_after_a_loss_are_held_against_client_alive() -> None:
    first, (outcome, code, text) = seen(after_a_loss())

    assert first[0] == "SKIP"
    assert (outcome, code) == ("WARN", "client-alive-off")
    assert "since the next came up, 1 min ago, the port of nfs has been taken: if" in text


@pytest.mark.parametrize(
    "view",
    [
        after_a_loss(up_s=10),
        after_a_loss(losses=0),
        after_a_loss(error="the gateway forbids this forward"),
        gateway(
            failures={},
            losses={FailureKind.KEEPALIVE: 1},
            services=(service(Service.NFS, ServiceState.UNREACHABLE, "not there"),),
        ),
    ],
    ids=["not for long", "nothing was lost", "forbidden", "another state"],
)
def test_what_has_other_causes_is_not(view: GatewayView) -> None:
    assert [row[0] for row in seen(view)] == ["SKIP"]


@pytest.mark.parametrize(("times", "words"), [(1, "once"), (7, "7 times")])
def test_to_be_turned_away_is_told(times: int, words: str) -> None:
    busy = {FailureKind.BUSY: times}
    _, (outcome, code, text) = seen(gateway(failures=busy, losses={}, up_since=NOW - 60))

    assert (outcome, code) == ("WARN", "gateway-turns-away")
    assert f"turned the daemon away {words} since it started" in text
    assert len(seen(gateway(failures=busy, losses={}, up_since=None))) == 2
    long_ago = gateway(failures=busy, losses={}, up_since=NOW - 100_000)
    assert [row[0] for row in seen(long_ago)] == ["SKIP"]


def test_settings_that_can_be_read_count_more() -> None:
    assert [row.outcome for row in judge(GOOD, after_a_loss(), NOW)] == [Outcome.PASS, Outcome.PASS]
