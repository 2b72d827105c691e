"""The Homebrew formula, as far as it can be held to its word without a Mac.

Homebrew itself does not run here: Ruby reads it, rubocop minds its style, a stub of Homebrew's
words evaluates it.
"""

import hashlib
import json
import plistlib
import re
import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from packaging.requirements import Requirement

import hostnfsd
from hostnfsd.cli.main import parser
from hostnfsd.config.model import Tunnel
from hostnfsd.config.reader import parse
from hostnfsd.install import launchd
from hostnfsd.install.bundled import for_launchd
from hostnfsd.install.plan import Person, Program, WriteFile
from tests.integration.packages.conftest import ROOT, Artefacts

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

STUB = ROOT / "tests/support/formula_stub.rb"
LOCK = (ROOT / "packaging/requirements.lock").read_text(encoding="utf-8")
HOMEBREW_HAS = {
    *("cryptography", "cffi", "pycparser"),
    *("pydantic", "pydantic-core", "annotated-types", "typing-extensions", "typing-inspection"),
}


@pytest.fixture(scope="module")
def told(artefacts: Artefacts) -> dict[str, Any]:
    done = subprocess.run(
        ["ruby", "-w", STUB, artefacts.formula], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_ruby_and_its_linter_have_nothing_to_say(artefacts: Artefacts) -> None:
    read = subprocess.run(
        ["ruby", "-wc", artefacts.formula], capture_output=True, text=True, check=True
    )
    assert (read.stdout, read.stderr) == ("Syntax OK\n", "")
    rules = ROOT / "packaging/homebrew/rubocop.yml"
    minded = subprocess.run(
        ["rubocop", "--config", rules, artefacts.formula],
        capture_output=True,
        text=True,
        check=False,
    )
    assert minded.returncode == 0, minded.stdout


def test_it_installs_this_release(artefacts: Artefacts, told: dict[str, Any]) -> None:
    assert told["sha256"] == hashlib.sha256(artefacts.sdist.read_bytes()).hexdigest()
    assert told["url"].endswith(f"/v{hostnfsd.__version__}/{artefacts.sdist.name}")
    assert told["license"] == "MIT"
    # Homebrew's own rules: no article, no full stop, and short.
    assert re.fullmatch(r"(?!An? |The )[A-Z].{,79}[^.]", told["desc"])
    assert told["test"] is True


def test_everything_locked_is_a_resource_or_homebrews_own(told: dict[str, Any]) -> None:
    blocks = re.split(r"(?m)^(?=[a-z0-9-]+==)", LOCK)[1:]
    locked = {block.partition("==")[0]: block for block in blocks}
    assert set(told["resources"]) == set(locked) - HOMEBREW_HAS
    assert {"cryptography", "pydantic"} <= set(told["depends_on"])
    for name, resource in told["resources"].items():
        version = re.match(r"[^=]+==([^ ;\\]+)", locked[name])
        assert version is not None
        assert resource["url"].endswith(f"-{version[1]}.tar.gz")
        assert f"sha256:{resource['sha256']}" in locked[name]


def test_what_homebrew_has_is_needed_at_all() -> None:
    wanted = {
        Requirement(line.partition("\\")[0].strip()).name
        for line in LOCK.splitlines()
        if re.match(r"[a-z]", line)
    }
    assert wanted >= HOMEBREW_HAS


def test_its_service_is_that_of_hostnfsd_install(told: dict[str, Any]) -> None:
    plan = launchd.install(
        Person("me", 501, PurePosixPath("/Users/me"), PurePosixPath("/Users/me/.config")),
        Program(
            command=("/opt/homebrew/opt/hostnfsd/bin/hostnfsd",),
            config=PurePosixPath("/x"),
            version="1",
            drain_timeout_s=Tunnel().drain_timeout_s,
            needs=(),
        ),
        for_launchd(),
        system=False,
    )
    (text,) = (action.content for action in plan.actions if isinstance(action, WriteFile))
    ours = plistlib.loads(text.encode())
    service = told["service"]
    assert service["run"] == ["/opt/homebrew/opt/hostnfsd/bin/hostnfsd", "run", "--launchd"]
    assert parser().parse_args(service["run"][1:]).launchd is True
    assert service["keep_alive"] == {"successful_exit": ours["KeepAlive"]["SuccessfulExit"]}
    assert service["throttle_interval"] == ours["ThrottleInterval"]
    assert service["stop_timeout"] == ours["ExitTimeOut"]
    assert service["process_type"] == ours["ProcessType"].lower()
    assert service["log_path"] == service["error_log_path"]


def test_manuals_and_completions_come_along(told: dict[str, Any]) -> None:
    assert {"virtualenv": True, "manuals": True} in told["installs"]
    (completions,) = (step["completions"] for step in told["installs"] if "completions" in step)
    assert Path(completions[0]).name == "hostnfsd"
    for shell in ("bash", "zsh", "fish"):
        assert parser().parse_args([*completions[1:], shell]).shell == shell


def test_the_configuration_that_it_advises_is_valid(told: dict[str, Any], tmp_path: Path) -> None:
    (line,) = re.findall(r"echo '(.*)' >", told["caveats"])
    assert parse(line, str(tmp_path)).config is not None
