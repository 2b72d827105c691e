"""What ``run`` makes of errors at its start. That it serves is shown in tests/shell."""

import argparse
import signal
from collections.abc import Iterator

import pytest

from hostnfsd.cli import load, run
from hostnfsd.errors import (
    AlreadyRunningError,
    CannotWriteError,
    ConfigError,
    FileMissingError,
    HostnfsdError,
    NotPermittedError,
    UsageError,
)


@pytest.fixture(autouse=True)
def _hangup() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


def fail(error: HostnfsdError, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_(_explicit: str | None) -> load.Loaded:
        raise error

    monkeypatch.setattr(load, "load", load_)


def args(*, launchd: bool) -> argparse.Namespace:
    return argparse.Namespace(config=None, launchd=launchd)


@pytest.mark.parametrize(
    "error", [UsageError("no"), FileMissingError("no"), NotPermittedError("no"), ConfigError("no")]
)
def test_under_launchd_what_a_person_must_cure_is_told_and_exits_0(
    error: HostnfsdError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(error, monkeypatch)

    assert run.run(args(launchd=True)) == 0
    assert capsys.readouterr().err == "hostnfsd: no\n"


@pytest.mark.parametrize("error", [AlreadyRunningError("no"), CannotWriteError("no")])
def test_under_launchd_what_a_restart_may_cure_keeps_its_code(
    error: HostnfsdError, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(error, monkeypatch)

    with pytest.raises(type(error)):
        run.run(args(launchd=True))


def test_elsewhere_every_error_keeps_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    fail(ConfigError("no"), monkeypatch)

    with pytest.raises(ConfigError):
        run.run(args(launchd=False))


def test_a_hangup_does_not_end_a_daemon_that_is_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever rotates logs at boot sends one, perhaps before the event loop takes it."""
    seen: list[object] = []

    def load_(_explicit: str | None) -> load.Loaded:
        seen.append(signal.getsignal(signal.SIGHUP))
        raise FileMissingError("no")

    monkeypatch.setattr(load, "load", load_)
    run.run(args(launchd=True))

    assert seen == [signal.SIG_IGN]
