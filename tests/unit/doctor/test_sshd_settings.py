"""What ``sshd -T`` says, as far as we may ask."""

from hostnfsd.doctor.finding import Outcome
from hostnfsd.doctor.sshd_settings import judge

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
        ("sshd: no hostkeys available -- exiting.\n", "no hostkeys available"),
        ("", "says nothing"),
        ("no listener seen", "no listener seen"),
    ):
        (found,) = judge(text)
        assert found.outcome is Outcome.SKIP
        assert why in found.text
