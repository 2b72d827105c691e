"""The daemon as the doctor meets it."""

from dataclasses import replace

import pytest

from hostnfsd.doctor.daemon_verdict import Mute, Why, absent, mute, running, stopped
from hostnfsd.doctor.finding import Outcome
from tests.support.snapshots import snapshot


def test_one_that_answers() -> None:
    now = replace(snapshot(), pid=77, started=1000.0, now=1065.0)

    assert running(now, usable=True).text == "process 77, for 1 min 5 s"
    assert "read before" in running(now, usable=False).text


def test_where_none_runs_nobody_keeps_the_tunnel() -> None:
    found = absent(None, usable=True)

    assert (found.outcome, found.code) == (Outcome.WARN, "daemon-not-running")
    assert found.commands == ("hostnfsd install",)


def test_an_installed_service_is_started_not_installed() -> None:
    assert absent(("$ systemctl --user start hostnfsd",), usable=True).commands == (
        "systemctl --user start hostnfsd",
    )


def test_without_a_configuration_none_can_run() -> None:
    found = absent(None, usable=False)

    assert (found.outcome, found.code) == (Outcome.SKIP, None)


def test_one_that_does_not_admit_us_may_well_be_at_work() -> None:
    found = mute(Mute("/run/c.sock: this user may not", Why.FORBIDDEN))

    assert (found.outcome, found.code) == (Outcome.WARN, "daemon-mute")
    assert found.commands == ("sudo hostnfsd doctor",)


@pytest.mark.parametrize(
    ("pid", "was_stopped", "command"),
    [(77, True, ("kill -CONT 77",)), (77, False, ("kill -ABRT 77",)), (None, False, ())],
)
def test_one_that_is_silent_serves_nobody(
    pid: int | None, was_stopped: bool, command: tuple[str, ...]
) -> None:
    found = mute(Mute("it does not answer", Why.SILENT, pid), was_stopped=was_stopped)

    assert (found.outcome, found.code) == (Outcome.FAIL, "daemon-mute")
    assert found.commands == command
    assert found.cure


def test_what_is_no_daemon_has_no_ports() -> None:
    foreign = Mute("what answers is no hostnfsd", Why.FOREIGN, hint="set [control] socket")

    assert not foreign.a_daemon
    assert Mute("x", Why.SILENT).a_daemon
    assert mute(foreign).cure == ("set [control] socket",)
    assert mute(replace(foreign, hint=None)).cure


@pytest.mark.parametrize(
    ("ps", "expected"), [("T\n", True), ("Tsl+\n", True), ("Ssl\n", False), ("", False)]
)
def test_what_ps_says_of_a_process(ps: str, expected: bool) -> None:
    assert stopped(ps) is expected
