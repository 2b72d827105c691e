"""Writes the table in events.md: ``python docs/events_table.py``. Meanings are kept from the page.

Events are read off the program's text, so the page cannot drift from it; a test compares.
"""  # noqa: INP001  # a script beside the page it writes, not a package

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).with_name("events.md")
SOURCES = Path(__file__).parents[1] / "hostnfsd"
BEGIN = "<!-- events: made by docs/events_table.py -->\n"
END = "<!-- end of events -->\n"
LEVELS = ("debug", "info", "warning", "error", "exception")
_ROW = re.compile(r"^\| `(\w+)` \| [^|]* \| [^|]* \| (.*) \|$", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Event:
    """One place that logs.

    Attributes:
        name: the event; empty where the program does not name it as a constant.
        level: of its lines.
        module: where it is logged, below ``hostnfsd``.
        line: there.
    """

    name: str
    level: str
    module: str
    line: int


def events() -> list[Event]:
    """Every place in the program that logs."""
    found: list[Event] = []
    for path in sorted(SOURCES.rglob("*.py")):
        module = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
        text = path.read_text(encoding="utf-8")
        # Others have errors and warnings, too: those of configuration and exports files.
        if "structlog" in text:
            found += _events(ast.parse(text), module)
    return sorted(found)


def _events(tree: ast.Module, module: str) -> Iterator[Event]:
    aliases = {
        target.id: _levels(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and not isinstance(node.value, ast.Call)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        asked = node.func
        levels = aliases.get(asked.id, []) if isinstance(asked, ast.Name) else _levels(asked)
        names = _names(node.args[0])
        for n, level in enumerate(levels):
            # A choice of levels goes with a choice of events, one for one, or with one event.
            yield Event(names[n % len(names)], level, module, node.lineno)


def _levels(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return _levels(node.body) + _levels(node.orelse)
    return [node.attr] if isinstance(node, ast.Attribute) and node.attr in LEVELS else []


def _names(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return _names(node.body) + _names(node.orelse)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    return [""]


def meanings(text: str) -> dict[str, str]:
    """What the page says of each event."""
    return dict(_ROW.findall(text))


def page(text: str) -> str:
    """The page with its table as it should be."""
    known = meanings(text)
    places: dict[str, list[Event]] = {}
    for event in events():
        places.setdefault(event.name, []).append(event)
    rows = "".join(
        f"| `{name}` | {_unique(e.level.replace('exception', 'error') for e in at)}"
        f" | {_unique(e.module for e in at)} | {known.get(name, '')} |\n"
        for name, at in places.items()
    )
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    header = "| event | level | logged by | means |\n|---|---|---|---|\n"
    return f"{before}{BEGIN}\n{header}{rows}\n{END}{after}"


def _unique(words: Iterator[str]) -> str:
    return ", ".join(dict.fromkeys(words))


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
