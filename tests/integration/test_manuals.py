"""The manual pages as both implementations of man read them: mandoc (macOS, BSD) and groff."""

import re
import subprocess
from pathlib import Path

import pytest

from docs.manual_pages import DAEMON, PARTS
from hostnfsd.daemon.metric_table import TABLE

pytestmark = pytest.mark.integration

#: Whether other packages' pages are on this machine says nothing about ours.
ELSEWHERE = ("referenced manual not found", "outdated mandoc.db", "makewhatis")


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.name)
def test_mandoc_has_nothing_to_say(path: Path) -> None:
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "style", path], capture_output=True, text=True, check=False
    )
    lines = (done.stdout + done.stderr).splitlines()
    assert [line for line in lines if not any(words in line for words in ELSEWHERE)] == []


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.name)
def test_groff_has_nothing_to_say(path: Path) -> None:
    command: list[str | Path] = ["groff", "-mandoc", "-ww", "-z", "-T", "utf8", "-K", "utf8", path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.parametrize(
    "command",
    [
        ["mandoc", "-T", "ascii", "-O", "width=200"],
        ["groff", "-mandoc", "-T", "ascii", "-P-cbou", "-rLL=200n"],
    ],
    ids=["mandoc", "groff"],
)
def test_what_people_see_has_every_metric_with_its_labels(command: list[str]) -> None:
    done = subprocess.run([*command, DAEMON], capture_output=True, text=True, check=True)
    shown = re.sub(".\b", "", done.stdout)  # bold, as terminals of paper print it
    for row in TABLE:
        labels = f"{{{','.join(row.labels)}}}" if row.labels else ""
        assert f"{row.name}{labels} ({row.kind})\n" in shown
