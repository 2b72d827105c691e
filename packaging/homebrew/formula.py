"""Prints the Homebrew formula of a release.

Usage: ``python formula.py SDIST PYLOCK [URL]``. SDIST is the file that URL, where it is published,
gives; PYLOCK (PEP 751) tells where the sources of everything that hostnfsd needs are, with hashes.
"""  # noqa: INP001  # a script of the build

import hashlib
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from packaging.markers import Marker

from hostnfsd.config.model import Tunnel
from hostnfsd.install.template import fill, stop_timeout_s

HOMEPAGE: Final = "https://github.com/hostnfsd/hostnfsd"
#: What Homebrew's own cryptography and pydantic bring along.
HOMEBREW_HAS: Final = frozenset(
    {
        *("cryptography", "cffi", "pycparser"),
        *("pydantic", "pydantic-core", "annotated-types", "typing-extensions", "typing-inspection"),
    }
)
_MACOS: Final = {
    "sys_platform": "darwin",
    "platform_system": "Darwin",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "python_version": "3.14",
    "python_full_version": "3.14.0",
}


def formula(sdist: Path, lock: Mapping[str, Any], url: str) -> str:
    """The formula's text.

    Raises:
        ValueError: something that is needed has no source distribution.
    """
    template = Path(__file__).with_name("hostnfsd.rb.in").read_text(encoding="utf-8")
    values = {
        "HOMEPAGE": HOMEPAGE,
        "URL": url,
        "HASH": hashlib.sha256(sdist.read_bytes()).hexdigest(),
        "RESOURCES": "\n".join(_resources(lock)),
        "STOP_TIMEOUT_S": str(stop_timeout_s(Tunnel().drain_timeout_s)),
    }
    return fill(template, values)


def _resources(lock: Mapping[str, Any]) -> Iterator[str]:
    for package in sorted(lock["packages"], key=lambda found: str(found["name"])):
        marker = package.get("marker")
        if package["name"] in HOMEBREW_HAS or (marker and not Marker(marker).evaluate(_MACOS)):
            continue
        sdist = package.get("sdist")
        if sdist is None:
            raise ValueError(f"{package['name']} has no source distribution")
        yield (
            f'  resource "{package["name"]}" do\n'
            f'    url "{sdist["url"]}"\n'
            f'    sha256 "{sdist["hashes"]["sha256"]}"\n'
            "  end\n"
        )


if __name__ == "__main__":
    source, pylock, *more = sys.argv[1:]
    name = Path(source).name
    version = name.removeprefix("hostnfsd-").removesuffix(".tar.gz")
    published = more[0] if more else f"{HOMEPAGE}/releases/download/v{version}/{name}"
    document = tomllib.loads(Path(pylock).read_text(encoding="utf-8"))
    sys.stdout.write(formula(Path(source), document, published))
