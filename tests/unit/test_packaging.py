"""What packages are made of agrees with the project."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

import hostnfsd
from tests.bed.rights import PROGRAMS

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "packaging/requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def locked() -> dict[str, Version]:
    return {
        name: Version(version)
        for name, version in re.findall(r"(?m)^([a-z0-9-]+)==([^ ;\\]+)", LOCK)
    }


def test_the_lock_has_what_the_project_needs() -> None:
    versions = locked()
    wanted = [Requirement(text) for text in PROJECT["dependencies"]]
    unmet = [str(r) for r in wanted if not r.specifier.contains(versions.get(r.name, Version("0")))]
    assert unmet == [], "run: make lock"


def test_everything_locked_has_hashes() -> None:
    blocks = re.split(r"(?m)^(?=[a-z0-9-]+==)", LOCK)[1:]
    assert len(blocks) == len(locked()) > 10
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_debian_package_is_of_this_version() -> None:
    changelog = (ROOT / "packaging/debian/changelog").read_text(encoding="utf-8")
    assert changelog.startswith(f"hostnfsd ({hostnfsd.__version__}-1) ")


def test_the_changelog_has_a_heading_for_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {hostnfsd.__version__} - " in changelog


def test_the_workflow_is_one_that_github_understands() -> None:
    workflow = ROOT / ".github/workflows/ci.yml"
    command = [sys.executable, "-m", "check_jsonschema", str(workflow)]
    schema = ["--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, *schema], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_workflow_runs_what_is_there() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    scripts = re.findall(r"run: ((?:\.ci|tests)/[\w./]+)", text)
    assert scripts == [".ci/run", "tests/macos/verify.sh"]
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)
    targets = {word for line in re.findall(r"run: make ([\w -]+)", text) for word in line.split()}
    assert targets >= {"dist", "lint", "test-quick"}
    assert all(re.search(rf"(?m)^{target}:", makefile) for target in targets)
    classifiers = set(re.findall(r'"(3\.\d+)"', text))
    assert min(classifiers, key=Version) == PROJECT["requires-python"].removeprefix(">=")


def test_the_demo_installs_what_its_parts_are() -> None:
    text = (ROOT / "packaging/apt-packages.txt").read_text(encoding="utf-8")
    demo, heading, tests = text.partition("\n[tests]\n")
    assert heading
    # python3-venv is asked for by the Makefile, modprobe by the kernel client.
    needed = {*PROGRAMS.values(), "python3-venv", "kmod", "unpack:user-mode-linux@amd64"}
    assert needed <= set(demo.splitlines())
    assert "lintian" in tests.splitlines()
