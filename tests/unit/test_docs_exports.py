"""docs/exports.md tells of every code, and shows what the command prints."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostnfsd.cli import exports_text
from hostnfsd.exports import reader
from hostnfsd.exports.access import access
from hostnfsd.exports.explain import Surroundings, explain
from hostnfsd.exports.model import Dialect
from hostnfsd.exports.remarks import CODES
from hostnfsd.exports.source import Source
from hostnfsd.machine import exports as machine_exports
from tests.support.exports_system import MAC
from tests.vectors import exports_vectors as vectors
from tests.vectors.exports_vectors import LOOPBACK

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/exports.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]*?) \| [^|]+ \| [^|]+ \|$", TEXT, re.MULTILINE))
CODE = re.compile(r"[a-z]+(-[a-z]+)+|duplicate|nested")
TOLD = re.compile(r"^exports[^ ]*: (error|warning|note): .*\[([a-z-]+)\]$", re.MULTILINE)
LETTERS = {"darwin": "M", "linux": "L"}
#: Words with hyphens that are no codes.
WORDS = {"address-family"}

EXAMPLE = """# what the example in docs/exports.md shows
/Users/dev/src -maproot=501:20 localhost
/Users/dev/src -ro -network 10.0.0.0 -mask 255.0.0.0
"/Users/dev/a b" -alldirs -mapall=501:20 -network 10.1.2.3 -mask 255.0.0.0
"""


def given(path: Path) -> Iterator[str]:
    """The codes that a module gives to problems: what it passes on that looks like one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        for argument in node.args:
            if isinstance(argument, ast.Call):
                continue
            for part in ast.walk(argument):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    if CODE.fullmatch(part.value):
                        yield part.value
                elif isinstance(part, ast.JoinedStr):
                    yield from (f"bad-{name}" for name in ("anonuid", "anongid"))


MODULES = [*(ROOT / "hostnfsd/exports").rglob("*.py"), Path(machine_exports.__file__)]
GIVEN = {code for path in MODULES for code in given(path)} - WORDS


def severities() -> dict[str, set[str]]:
    """Of each code in the vectors: dialect and severity as the table writes them."""
    found = defaultdict(set)
    for dialect, letter in LETTERS.items():
        for vector in vectors.files(Dialect(dialect)):
            for severity, code in TOLD.findall(vectors.expected(vector)):
                found[code].add(f"{letter} {severity}")
    return found


def test_every_code_is_explained_and_nothing_else() -> None:
    assert set(ROWS) == GIVEN


def test_codes_stand_in_order() -> None:
    assert list(ROWS) == sorted(ROWS)


@pytest.mark.parametrize(("code", "found"), sorted(severities().items()))
def test_the_severity_is_that_of_the_vectors(code: str, found: set[str]) -> None:
    assert found <= set(ROWS[code].split(", "))


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_severity_of_a_remark_is_that_of_its_table(code: str) -> None:
    assert {told.rpartition(" ")[2] for told in ROWS[code].split(", ")} == {CODES[code].value}


def example() -> exports_text.Told:
    reading = reader.read(Dialect.DARWIN, [Source("/etc/exports", EXAMPLE)], MAC)
    rules = access(reading.exports, LOOPBACK)
    around = Surroundings(MAC, LOOPBACK, low_ports=True)
    problems = (*reading.problems, *rules.problems, *explain(reading, around))
    return exports_text.Told(("/etc/exports",), reading, rules, "exports", LOOPBACK, problems)


def test_the_example_is_what_is_printed() -> None:
    lines = ["".join(piece for piece, _ in line).rstrip() for line in exports_text.lines(example())]
    _, _, block = TEXT.partition("<!-- a test prints the same -->\n```\n")

    assert lines == block.partition("\n```\n")[0].split("\n")


def test_every_key_for_programs_is_told() -> None:
    _, _, section = TEXT.partition("## For programs\n")
    section, _, _ = section.partition("\n## ")
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.*) \|$", section, re.MULTILINE))
    document = exports_text.to_json(example())
    inner = document["exports"][0]

    assert set(rows) == set(document)
    assert set(inner) <= set(re.findall(r"`(\w+)`", rows["exports"]))
    # Places are told once for all of them.
    grant = set(inner["grants"][0]) | set(inner["grants"][0]["client"])
    assert grant <= set(re.findall(r"`(\w+)`", rows["exports"]))
    told = set(re.findall(r"`(\w+)`", rows["admitted"])) | {"file", "line", "column"}
    assert set(document["admitted"][0]) <= told
