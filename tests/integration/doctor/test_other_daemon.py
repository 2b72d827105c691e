"""A daemon of another configuration has the ports: it is thought of, and no session is blamed."""

from tests.bed.bed import Bed
from tests.integration.doctor.faults import PLAIN, ask


def test_another_daemon_here_is_named_and_nothing_is_to_be_killed(shared: Bed) -> None:
    daemon, other = shared.daemon(PLAIN), shared.daemon(PLAIN, start=False)
    try:
        daemon.await_ready()
        report = ask(other)
    finally:
        daemon.close()

    busy = [each for each in report.checks if each["code"] == "port-busy"]
    assert len(busy) == 6, report.describe()
    for row in busy:
        assert f"--config {daemon.config_file} run" in row["cure"][0]
        assert not any("kill" in step for step in row["cure"]), row
