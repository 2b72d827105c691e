"""The exposition before Prometheus's own judge: ``promtool check metrics``."""

import subprocess

import pytest

from hostnfsd.daemon.metrics import Metrics
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


def test_promtool_would_speak_up() -> None:
    found = promtool(b"# TYPE camelCase_total gauge\ncamelCase_total 1\n")

    assert found.returncode == 3
    assert b"camelCase" in found.stderr + found.stdout
