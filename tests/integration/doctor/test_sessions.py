"""Sessions of a daemon that is gone: who still holds the ports, and what is remembered of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.bed.bed import Bed
from tests.bed.daemon import Daemon, merge
from tests.bed.waiting import wait_until
from tests.integration.doctor.faults import PLAIN, ask, dev_gw, well


@pytest.fixture
def bed(shared: Bed) -> Iterator[Bed]:
    """The module's, given back without daemons and sessions."""
    yield shared
    for daemon in shared.daemons:
        daemon.close()
    shared.network.heal()
    shared.gateway.kill_sessions()
    wait_until(lambda: not shared.gateway.sessions(), "all sessions to end")


def crashed(bed: Bed, **keys: Any) -> Daemon:
    """A daemon that is gone, and the gateway has not heard of it."""
    daemon = bed.daemon(merge(dict(PLAIN), dev_gw(**keys)))
    daemon.await_ready()
    daemon.wait_until(
        lambda: list((daemon.folder / "state").glob("*.json")), "the session to be remembered"
    )
    assert bed.network.strand() > 0
    daemon.kill()
    return daemon


@pytest.mark.produces("stale-session")
def test_without_a_daemon_its_dead_session_is_named_and_left_alone(bed: Bed) -> None:
    daemon = crashed(bed)
    (dead,) = bed.gateway.sessions()

    report = ask(daemon)

    row = report.row("stale-session")
    assert "the session we recorded there" in row["text"]
    assert "hostnfsd ends it when it runs" in row["text"]
    assert report.codes("FAIL") == {"stale-session"}
    assert dead.pid in [each.pid for each in bed.gateway.sessions()]

    daemon.start()
    daemon.await_ready()
    assert dead.pid not in [each.pid for each in bed.gateway.sessions()]
    well(ask(daemon))


@pytest.mark.produces("stale-session")
def test_a_daemon_that_may_not_end_it_says_what_lets_it(bed: Bed) -> None:
    daemon = crashed(bed, reclaim="wait")
    daemon.start()
    daemon.await_service("nfs", "refused")

    row = ask(daemon).row("stale-session")
    assert 'reclaim = "wait" leaves it to the gateway\'s time-out' in row["text"]
    assert 'set reclaim = "auto"' in row["cure"][0]

    daemon.change(**dev_gw(reclaim="auto"))
    daemon.command("reload", check=True)
    daemon.await_ready()
    well(ask(daemon))


@pytest.mark.produces("state-unusable")
def test_a_folder_that_others_may_write_to_is_named_and_mended(bed: Bed) -> None:
    daemon = bed.daemon(PLAIN, start=False)
    folder = daemon.folder / "state"
    folder.mkdir()
    folder.chmod(0o777)

    report = ask(daemon)
    assert report.codes() == {"state-unusable"}
    (command,) = report.commands("state-unusable")
    daemon.start()
    daemon.await_ready()
    assert ask(daemon).codes() == {"state-unusable"}

    bed.network.host.run(*command.split())

    daemon.restart()
    daemon.await_ready()
    well(ask(daemon))
