"""The exposition before Prometheus's own judge: ``promtool check metrics``."""

import subprocess
from pathlib import Path

import pytest

from docs.metrics_table import PAGE
from hostnfsd.daemon.endpoints.metrics import Metrics
from hostnfsd.services import Service
from hostnfsd.snapshot import Snapshot
from tests.support.snapshots import snapshot, troubled

pytestmark = pytest.mark.integration


def promtool(body: bytes) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        ["promtool", "check", "metrics"], input=body, capture_output=True, check=False
    )


@pytest.mark.parametrize("whole", [snapshot(), troubled()], ids=["healthy", "troubled"])
def test_promtool_finds_nothing_to_say(whole: Snapshot) -> None:
    metrics = Metrics()
    metrics.recovered("dev-gw", 0.3)
    metrics.probed("dev-gw", Service.NFS, "host", 0.01)
    body, _ = metrics.render(whole)

    found = promtool(body)

    assert (found.returncode, found.stdout, found.stderr) == (0, b"", b"")


def test_the_alerts_in_the_documentation_are_valid(tmp_path: Path) -> None:
    _, _, after = PAGE.read_text().partition("What deserves an alert:\n\n```yaml\n")
    rules = tmp_path / "rules.yml"
    rules.write_text(after.partition("```")[0])

    found = subprocess.run(
        ["promtool", "check", "rules", str(rules)], capture_output=True, check=False
    )

    assert found.returncode == 0, found.stdout + found.stderr
    assert b"5 rules found" in found.stdout


def test_promtool_would_speak_up() -> None:
    found = promtool(b"# TYPE camelCase_total gauge\ncamelCase_total 1\n")

    assert found.returncode == 3
    assert b"camelCase" in found.stderr + found.stdout
