"""docs/metrics.md lists what the program exports; docs/endpoints.md's command makes a user."""

import re
import subprocess
import sys
from pathlib import Path

from docs.metrics_table import LABELS, PAGE, page
from hostnfsd.daemon.endpoints.basic_auth import parse
from hostnfsd.daemon.metric_table import TABLE

TEXT = PAGE.read_text(encoding="utf-8")
ENDPOINTS = Path(PAGE).with_name("endpoints.md").read_text(encoding="utf-8")


def test_the_tables_are_fresh() -> None:
    assert page(TEXT) == TEXT, "run: python docs/metrics_table.py"


def test_every_closed_label_is_explained() -> None:
    labels = {label for row in TABLE for label in row.labels}
    explained = {label.split(" ")[0] for label in LABELS}

    assert labels - explained == {"gateway", "version", "python", "asyncssh"}


def test_metrics_named_in_the_text_exist() -> None:
    names = {row.name for row in TABLE}

    assert set(re.findall(r"hostnfsd_[a-z_]+[a-z]", TEXT.partition("<!--")[0])) <= names


def test_the_documented_command_prints_a_user() -> None:
    match = re.search(r"```sh\npython3 (-c '.*?')\n```", ENDPOINTS, re.DOTALL)
    assert match is not None
    code = match[1].removeprefix("-c '").removesuffix("'")
    asked = "import getpass; getpass.getpass = lambda: 'sécret'\n"

    made = subprocess.run(
        [sys.executable, "-c", asked + code], check=True, capture_output=True, text=True
    ).stdout

    users, problems = parse(made, "/f")
    assert problems == ()
    assert users["prometheus"].matches("sécret")


def test_the_documented_endpoints_are_served() -> None:
    documented = set(re.findall(r"^\| `(/[a-z]*)`", ENDPOINTS, re.MULTILINE))

    assert documented == {"/metrics", "/healthz", "/readyz", "/status", "/"}
