"""Wheel and sdist: what is in them, and what people do with them."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import hostnfsd
from hostnfsd.errors import Exit
from tests.integration.packages.conftest import ROOT, Artefacts

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

NAME = f"hostnfsd-{hostnfsd.__version__}"


def test_the_wheel_has_the_program_and_nothing_else(artefacts: Artefacts) -> None:
    with zipfile.ZipFile(artefacts.wheel) as wheel:
        names = set(wheel.namelist())
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"hostnfsd", f"{NAME}.data", f"{NAME}.dist-info"}
    sources = {str(p.relative_to(ROOT)) for p in (ROOT / "hostnfsd").rglob("*.py")}
    templates = {
        f"hostnfsd/install/templates/{p.relative_to(ROOT)}"
        for folder in ("launchd", "systemd")
        for p in (ROOT / folder).rglob("*")
        if p.is_file()
    }
    inside = {name for name in names if name.startswith("hostnfsd/")}
    assert inside == {*sources, *templates, "hostnfsd/py.typed"}
    assert f"{NAME}.dist-info/licenses/LICENSE" in names
    assert f"{NAME}.data/data/share/man/man8/hostnfsd.8" in names


def test_it_says_what_it_is(artefacts: Artefacts) -> None:
    with zipfile.ZipFile(artefacts.wheel) as wheel:
        metadata = Parser().parsestr(wheel.read(f"{NAME}.dist-info/METADATA").decode())
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


def test_the_sdist_has_what_everything_else_is_made_of(artefacts: Artefacts) -> None:
    with tarfile.open(artefacts.sdist) as sdist:
        names = {name.removeprefix(f"{NAME}/") for name in sdist.getnames()}
    wanted = ("Makefile", "LICENSE", "packaging/debian/rules", "packaging/requirements.lock")
    assert {*wanted, "tests/conftest.py", "systemd/system/hostnfsd.service.in"} <= names
    assert [n for n in names if re.search(r"__pycache__|\.pyc$|\.venv|^dist/|^build/", n)] == []


def test_the_wheel_is_the_same_when_it_is_built_again(artefacts: Artefacts, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / artefacts.wheel.name).read_bytes() == artefacts.wheel.read_bytes()


class Installed:
    """A program that somebody has installed, far from this checkout."""

    def __init__(self, command: Path, home: Path) -> None:
        self.command = command
        self._home = home

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.command, *arguments],
            cwd="/",
            env={"PATH": os.defpath, "HOME": str(self._home)},
            capture_output=True,
            text=True,
            check=False,
        )


def assert_works(program: Installed, config: Path) -> None:
    """What somebody does with it on the first day."""
    assert program.run("--version").stdout == f"hostnfsd {hostnfsd.__version__}\n"
    # What this machine exports is not asked.
    config.write_text(
        '[gateway.dev-gw]\n[host]\nexports = "none"\n[access]\nallow = "any"\n',
    )
    checked = program.run("--config", str(config), "check")
    assert checked.returncode == Exit.OK, checked.stderr
    planned = program.run("--config", str(config), "install", "--dry-run")
    assert planned.returncode == Exit.OK, planned.stderr
    assert f"ExecStart={program.command} --config {config} run" in planned.stdout
    assert "complete" in program.run("completion", "bash").stdout
    config.write_text("[gateway.dev-gw]\nprot = 22\n")
    assert program.run("--config", str(config), "check").returncode == Exit.CONFIG_INVALID


def test_pipx_installs_it_with_its_manuals(artefacts: Artefacts, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
        "PIPX_DEFAULT_BACKEND": "pip",
    }
    command = [sys.executable, "-m", "pipx", "install", "--python", sys.executable]
    subprocess.run([*command, artefacts.wheel], check=True, capture_output=True, env=environ)

    assert_works(Installed(tmp_path / "bin" / "hostnfsd", tmp_path), tmp_path / "hostnfsd.toml")
    for page in ("man8/hostnfsd.8", "man5/hostnfsd.toml.5"):
        assert (tmp_path / "man" / page).read_text().startswith('.\\" hostnfsd')


def test_uv_installs_it_as_a_tool(artefacts: Artefacts, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    command = [sys.executable, "-m", "uv", "tool", "install", "--python", sys.executable]
    subprocess.run([*command, artefacts.wheel], check=True, capture_output=True, env=environ)

    assert_works(Installed(tmp_path / "bin" / "hostnfsd", tmp_path), tmp_path / "hostnfsd.toml")
