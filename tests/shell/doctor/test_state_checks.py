"""What the doctor says of the sessions that are remembered."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hostnfsd.daemon.gateway.session_book import NOT_REMEMBERED
from hostnfsd.daemon.gateway.session_store import SessionStore
from hostnfsd.doctor.check import Check
from hostnfsd.doctor.daemon_verdict import Mute, Why
from hostnfsd.doctor.finding import Finding, Outcome
from hostnfsd.doctor.scene import Scene
from hostnfsd.doctor.state_checks import checks
from hostnfsd.snapshot import Advice
from hostnfsd.tunnel.own_session import OwnSession
from tests.support.snapshots import snapshot
from tests.support.supervising import read

SESSION = OwnSession("SHA256:x", "admin@gw:22", 1000.0, frozenset({2049}))


@pytest.fixture
def store(tmp_path: Path) -> SessionStore:
    return SessionStore(tmp_path / "state", "machine", "/x.toml")


@pytest.fixture
def scene(store: SessionStore) -> Scene:
    made = Scene(read({"gateway": {"gw": {}}}), "/x.toml")
    made.store = store
    return made


def found(scene: Scene) -> Finding:
    async def work(check: Check) -> Sequence[Finding]:
        assert check.work is not None
        return await check.work()

    (check,) = checks(scene, "This machine")
    (finding,) = asyncio.run(work(check))
    return finding


def test_before_the_first_run_it_says_where_they_will_be(scene: Scene, store: SessionStore) -> None:
    finding = found(scene)

    assert finding.outcome is Outcome.PASS
    assert str(store.folder) in finding.text
    assert not store.folder.exists()


def test_what_an_ended_daemon_left_is_counted(scene: Scene, store: SessionStore) -> None:
    store.take()
    store.write({"gw": (SESSION,), "other": (SESSION, replace(SESSION, since=2.0))}, "1")
    store.release()

    assert found(scene).text == f"1 with gw, 2 with other ({store.path})"


def test_sessions_that_stand_are_nobodys_dead_ones(scene: Scene, store: SessionStore) -> None:
    """A daemon that this command cannot see has the file."""
    store.take()
    store.write({"gw": (SESSION,)}, "1")

    assert asyncio.run(scene.remembered()) == {}
    store.release()


def test_a_folder_that_cannot_be_believed_is_told_with_the_command(
    scene: Scene, store: SessionStore
) -> None:
    store.folder.mkdir()
    store.folder.chmod(0o777)
    finding = found(scene)

    assert (finding.outcome, finding.code) == (Outcome.WARN, "state-unusable")
    assert finding.cure == (f"$ chmod go-w {store.folder}",)


def test_a_daemon_that_runs_is_believed(scene: Scene) -> None:
    scene.snapshot = snapshot()
    assert found(scene).outcome is Outcome.PASS

    advice = Advice(f"{NOT_REMEMBERED}: /s belongs to another user", "chown it")
    scene.snapshot = replace(scene.snapshot, advice=(advice,))
    finding = found(scene)

    assert (finding.code, finding.text, finding.cure) == (
        "state-unusable",
        advice.text,
        (advice.hint,),
    )


def test_of_a_daemon_that_is_silent_nothing_is_known(scene: Scene) -> None:
    scene.mute = Mute("it does not answer", Why.SILENT)

    assert found(scene).outcome is Outcome.SKIP


def test_where_none_are_remembered_it_is_so_configured(scene: Scene) -> None:
    scene.config = read({"gateway": {"gw": {"reclaim": "never"}}})

    assert found(scene).outcome is Outcome.SKIP
