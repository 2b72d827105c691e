"""What packages are made of agrees with the project."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

import hostnfsd

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
