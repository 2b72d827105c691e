"""The manual pages tell what the program has, and stand where installers look for them."""

import argparse
import tomllib
from pathlib import Path

import pytest

from docs.manual_pages import DAEMON, FILE, MAN, PARTS, page
from hostnfsd.cli.main import parser
from hostnfsd.config.keys import every
from hostnfsd.config.reader import parse
from hostnfsd.daemon.metric_table import TABLE
from hostnfsd.errors import Exit
from hostnfsd.snapshot import ServiceState

ROOT = Path(__file__).parents[2]


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def heads(path: Path) -> list[str]:
    """The heads of a page's lists, macros and marks off."""
    lines = (line.removeprefix(".It ") for line in text(path).splitlines())
    return [
        " ".join(w for w in line.split() if w not in {"Ic", "Fl", "Ar", "Ql", "Oo", "Oc"})
        for line in lines
    ]


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.name)
def test_the_made_parts_are_fresh(path: Path) -> None:
    assert page(path, text(path)) == text(path), "run: make generate"


def test_every_page_is_made() -> None:
    assert set(MAN.iterdir()) == set(PARTS)


def test_every_command_and_option_is_told() -> None:
    told = heads(DAEMON)
    for action in parser()._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        for name, command in action.choices.items():
            assert any(head.split(" ")[0] == name for head in told), name
            for option in command._option_string_actions:
                shown = f"-{option.removeprefix('--')}"
                if option not in {"-h", "--help"} and option.startswith("--"):
                    assert any(head.split(" ")[0] == shown for head in told), option


def test_every_key_metric_state_and_exit_code_is_told() -> None:
    told = {head.split(" ")[0] for head in heads(DAEMON)}
    assert {row.name for row in TABLE} <= told
    assert set(ServiceState) - {ServiceState.OFF} <= told
    assert {str(int(code)) for code in Exit} <= told
    assert {key.name for key in every()} <= {head.split(" ")[0] for head in heads(FILE)}


def test_the_example_of_the_file_is_valid() -> None:
    block = text(FILE).partition(".Sh EXAMPLES")[2].partition(".Bd -literal -offset indent\n")[2]
    reading = parse(block.partition(".Ed")[0], "hostnfsd.toml")
    assert reading.problems == () or reading.config is not None, reading.problems


def test_the_wheel_carries_them_to_where_man_looks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    for path in PARTS:
        section = path.name[-1]
        target = f"share/man/man{section}/{path.name}"
        assert carried[str(path.relative_to(ROOT))] == target
