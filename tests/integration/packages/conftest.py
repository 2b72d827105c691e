"""What a release consists of, built once."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Artefacts:
    wheel: Path
    sdist: Path
    deb: Path
    formula: Path


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    """What ``make dist`` builds."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [ROOT / "packaging" / "build-dist.sh", folder],
        check=True,
        env={**os.environ, "PYTHON": sys.executable, "CI": "true"},
    )
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    (deb,) = folder.glob("*.deb")
    return Artefacts(wheel, sdist, deb, folder / "hostnfsd.rb")
