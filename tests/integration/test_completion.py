"""The scripts of ``hostnfsd completion`` in the real shells: somebody presses TAB."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

pytestmark = pytest.mark.integration

#: How each is started as a person's shell that reads no files, and how the script is loaded.
SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], "PS1='$ '; source <(hostnfsd completion bash)"),
    "zsh": (
        ["-f", "-i"],
        "PS1='$ '; autoload -U compinit; compinit -u -D; source <(hostnfsd completion zsh)",
    ),
    "fish": (["--no-config", "-i"], "hostnfsd completion fish | source"),
}
LINE_BEGIN = "\x01"
LINE_END = "\r"


class Typing:
    """A shell and somebody at its keyboard."""

    def __init__(self, name: str, folder: Path) -> None:
        arguments, load = SHELLS[name]
        self._shell = pexpect.spawn(
            name,
            arguments,
            cwd=folder,
            timeout=20,
            encoding="utf-8",
            dimensions=(50, 200),
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(folder),
                "TERM": "dumb",
                "LANG": "C.UTF-8",
            },
        )
        self._count = 0
        self._do(load)

    def completed(self, typed: str) -> list[str]:
        """The words of the line after TAB: the shell itself prints them."""
        # Pressed at the end of what was typed; then the line becomes an argument of printf.
        return self._do(f"{typed}\t{LINE_BEGIN}printf '<%s>' ")

    def close(self) -> None:
        self._shell.close(force=True)

    def _do(self, keys: str) -> list[str]:
        self._count += 1
        # Written so that what is typed does not look like what is printed.
        mark = f"done-{self._count}-"
        self._shell.send(f"{keys}{LINE_END}")
        self._shell.send(f"echo; echo done-''{self._count}-{LINE_END}")
        self._shell.expect(rf"[\r\n]{mark}[\r\n]")
        lines = re.split(r"[\r\n]+", self._shell.before or "")
        printed = [line for line in lines if line.startswith("<")]
        return re.findall(r"<([^>]*)>", printed[-1]) if printed else []


@pytest.fixture(scope="module", params=SHELLS)
def typing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Typing]:
    folder = tmp_path_factory.mktemp("home")
    (folder / "two.toml").write_text("[gateway.dev-gw]\n[gateway.prod]\n")
    (folder / "a folder").mkdir()
    shell = Typing(request.param, folder)
    yield shell
    shell.close()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("hostnfsd sta", ["hostnfsd", "status"]),
        ("hostnfsd status --wa", ["hostnfsd", "status", "--watch"]),
        ("hostnfsd --config tw", ["hostnfsd", "--config", "two.toml"]),
        (
            "hostnfsd --config two.toml reconnect de",
            ["hostnfsd", "--config", "two.toml", "reconnect", "dev-gw"],
        ),
        (
            "hostnfsd mount --for linux a",
            ["hostnfsd", "mount", "--for", "linux", "a folder/"],
        ),
        ("hostnfsd completion fi", ["hostnfsd", "completion", "fish"]),
        # Nothing to tell: not even a file.
        ("hostnfsd status two", ["hostnfsd", "status", "two"]),
    ],
)
def test_tab_completes(typed: str, words: list[str], typing: Typing) -> None:
    assert typing.completed(typed) == words
