"""What README and docs tell people to type exists, and what they show is what they get."""

import argparse
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from hostnfsd.cli.main import parser
from hostnfsd.config.reader import parse
from hostnfsd.mount import machines
from hostnfsd.mount.plan import Server, decide
from hostnfsd.tunnel.ssh_config import read_alias

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("tests/bed/*.md")])


def indented(text: str) -> Iterator[str]:
    """Lines of code blocks, comments and prompts off."""
    for line in text.splitlines():
        if line.startswith("    "):
            yield line.strip().partition(" #")[0].removeprefix("$ ").strip()


def told() -> list[str]:
    """Every hostnfsd command line that a page shows, in a block or between backquotes."""
    found: set[str] = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        quoted = re.findall(r"`([^`\n]+)`", text)
        for line in (*indented(text), *quoted):
            command = line.removeprefix("sudo ").strip()
            if re.match(r"hostnfsd( --config \S+)? [a-z]", command):
                found.add(command)
    return sorted(found)


def test_some_commands_are_told() -> None:
    assert len(told()) > 10


@pytest.mark.parametrize("command", told())
def test_told_commands_exist(command: str) -> None:
    words = shlex.split(command.partition("|")[0].replace("[GATEWAY]", "dev-gw"))[1:]

    args = parser().parse_args(words)

    assert isinstance(args, argparse.Namespace)


def test_linked_files_exist() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_smallest_file_of_the_readme_is_valid() -> None:
    (line,) = re.findall(r"echo '(\[gateway\.[^']+)' > ", README)

    assert parse(line, "hostnfsd.toml").config is not None


def test_mount_line_of_the_readme_is_what_mount_prints() -> None:
    config = parse("[gateway.dev-gw]", "hostnfsd.toml").config
    assert config is not None

    server = Server("dev-gw", ("dev-gw",), config.carried("dev-gw"))
    printed = machines.linux(decide(server, "/Users/me/src"))

    commands = [line for line in printed.text.splitlines() if not line.startswith("#")]
    assert commands[-1] in README


def test_ssh_config_of_the_readme_means_what_it_says(tmp_path: Path) -> None:
    block = README[README.index("Host dev-gw") :]
    lines = block.splitlines()
    file = tmp_path / "config"
    file.write_text("\n".join(lines[: lines.index("")]))

    command = ["ssh", "-F", str(file), "-G", "dev-gw"]
    alias = read_alias(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert (str(alias), alias.identity_files) == ("admin@127.0.0.1:122", ("~/.ssh/id_ed25519",))
