"""hostnfsd.daemon.relay.lock_calls."""

import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon.relay import lock_calls
from hostnfsd.daemon.relay.lock_calls import HINT, SHOWN_S, LockCalls


def test_an_originator_is_told_of_once() -> None:
    calls = LockCalls()
    with capture_logs() as logs:
        for _ in range(3):
            calls.note("dev-gw", "172.22.0.9")
            calls.note("dev-gw", "172.22.0.10")
            calls.note("other", "172.22.0.9")

    assert logs == [
        {
            "event": "nlm_calls",
            "log_level": "warning",
            "gateway": gateway,
            "originator": originator,
            "hint": HINT,
        }
        for gateway, originator in (
            ("dev-gw", "172.22.0.9"),
            ("dev-gw", "172.22.0.10"),
            ("other", "172.22.0.9"),
        )
    ]
    assert "nolock" in HINT


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_calls, "_MOST", 2)
    calls = LockCalls()
    with capture_logs() as logs:
        for originator in ("a", "b", "a", "c", "a", "b"):
            calls.note("dev-gw", originator)

    assert [line["originator"] for line in logs] == ["a", "b", "c", "b"]


def test_status_tells_of_them_for_an_hour() -> None:
    now = 0.0
    calls = LockCalls(clock=lambda: now)
    assert calls.advice() == ()
    calls.note("dev-gw", "172.22.0.9")
    (advice,) = calls.advice()
    assert advice.text == "172.22.0.9 asks for locks, which cannot work through the tunnel"
    assert advice.hint == HINT

    now = SHOWN_S
    assert calls.advice()
    now += 1
    assert calls.advice() == ()


def test_only_the_latest_are_named() -> None:
    calls = LockCalls(clock=lambda: 0.0)
    for number in range(5):
        calls.note("dev-gw", f"172.22.0.{number}")
        calls.note("other", f"172.22.0.{number}")

    (advice,) = calls.advice()
    assert advice.text.startswith("172.22.0.4, 172.22.0.3, 172.22.0.2 and 2 more ask for locks")
