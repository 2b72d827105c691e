"""hostnfsd.daemon.lock_calls."""

import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon import lock_calls
from hostnfsd.daemon.lock_calls import HINT, LockCalls


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
