"""Sleep settings as commands print them."""

import pytest

from hostnfsd.doctor.finding import Outcome
from hostnfsd.doctor.machine_state import of_pmset, of_systemd

# pmset(1), macOS 14, a MacBook: `pmset -g custom`.
PMSET = """\
Battery Power:
 Sleep On Power Button 1
 lowpowermode         0
 standby              1
 hibernatemode        3
 powernap             0
 disksleep            10
 sleep                1
 displaysleep         2
AC Power:
 Sleep On Power Button 1
 womp                 1
 disksleep            10
 sleep                {minutes}
 displaysleep         10
"""


def test_a_mac_that_falls_asleep_whoever_works() -> None:
    found = of_pmset(PMSET.format(minutes=10), "never")

    assert (found.outcome, found.code) == (Outcome.WARN, "host-sleeps")
    assert "10 idle minutes" in found.text
    assert 'host.keep_awake = "never"' in found.text


@pytest.mark.parametrize(
    ("mode", "when"),
    [("while-connected", "not while clients work"), ("always", "not while the daemon runs")],
)
def test_a_mac_that_is_kept_awake_when_it_matters(mode: str, when: str) -> None:
    found = of_pmset(PMSET.format(minutes=10), mode)

    assert found.outcome is Outcome.PASS
    assert when in found.text


def test_a_mac_that_cannot_be_kept_awake() -> None:
    found = of_pmset(PMSET.format(minutes=10), "while-connected", "caffeinate is gone")

    assert (found.outcome, found.code) == (Outcome.WARN, "host-sleeps")
    assert "caffeinate is gone" in found.text


def test_a_mac_that_stays_awake_on_mains() -> None:
    assert of_pmset(PMSET.format(minutes=0), "never").outcome is Outcome.PASS


def test_a_desktop_has_no_battery() -> None:
    desktop = PMSET.partition("AC Power")[1] + PMSET.partition("AC Power")[2]
    assert of_pmset(desktop.format(minutes=3), "never").code == "host-sleeps"


def test_what_pmset_does_not_tell_is_not_told() -> None:
    assert of_pmset("", "while-connected").outcome is Outcome.SKIP


def test_a_linux_laptop_that_cannot_be_kept_awake() -> None:
    found = of_systemd(0, "static\nstatic\n", "", "always", "Failed to inhibit: Access denied")

    assert (found.outcome, found.code) == (Outcome.WARN, "host-sleeps")
    assert "Access denied" in found.text


def test_one_that_never_sleeps_need_not_be_kept_awake() -> None:
    assert of_systemd(1, "masked\nmasked\n", "", "always", "Access denied").outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("status", "output", "outcome"),
    [
        (1, "masked\nmasked\n", Outcome.PASS),
        (0, "static\nstatic\n", Outcome.PASS),
        (None, "", Outcome.SKIP),
        (1, "System has not been booted with systemd as init system\n", Outcome.SKIP),
        (4, "not-found\n", Outcome.SKIP),
    ],
)
def test_systemd(status: int | None, output: str, outcome: Outcome) -> None:
    found = of_systemd(status, output, "", "while-connected")

    assert found.outcome is outcome
    assert found.text


# busctl(1) of systemd 252, asked as wakelock.IDLE_ACTION does.
@pytest.mark.parametrize(
    ("idle", "outcome"),
    [
        ('s "suspend"\n', Outcome.WARN),
        ('s "suspend-then-hibernate"\n', Outcome.WARN),
        ('s "ignore"\n', Outcome.PASS),
        ('s "lock"\n', Outcome.PASS),
        ("Failed to connect to bus\n", Outcome.PASS),
    ],
)
def test_what_logind_does_with_an_idle_machine(idle: str, outcome: Outcome) -> None:
    assert of_systemd(0, "static\nstatic\n", idle, "never").outcome is outcome


def test_a_machine_whose_targets_are_masked_does_not_sleep_whatever_logind_wants() -> None:
    assert of_systemd(1, "masked\nmasked\n", 's "suspend"\n', "never").outcome is Outcome.PASS


def test_a_linux_machine_that_is_kept_awake_when_it_matters() -> None:
    found = of_systemd(0, "static\nstatic\n", 's "suspend"\n', "while-connected")

    assert found.outcome is Outcome.PASS
    assert "(suspend), but not while clients work" in found.text
