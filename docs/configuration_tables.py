"""Writes the tables of keys in configuration.md: ``python docs/configuration_tables.py``.

A test compares, so the page cannot drift from the program.
"""  # noqa: INP001  # a script beside the page it writes, not a package

import sys
from pathlib import Path

from hostnfsd.config.explain import toml
from hostnfsd.config.keys import Key, every
from hostnfsd.services import FACTS

PAGE = Path(__file__).with_name("configuration.md")
BEGIN = "<!-- tables: made by docs/configuration_tables.py -->\n"
END = "<!-- end of tables -->\n"

HEADERS: dict[tuple[str, ...], str] = {
    ("gateway", "*"): "`[gateway.NAME]`",
    ("services", "*"): "Long form of a service",
}


def tables() -> str:
    """All tables, in the order of the file."""
    blocks: dict[tuple[str, ...], list[str]] = {}
    for key in every():
        blocks.setdefault(key.table, []).append(_row(key))
    text = ""
    for table, rows in blocks.items():
        if table == ("services", "*"):
            text += _port_set()
        header = HEADERS.get(table, f"`[{'.'.join(table)}]`")
        text += f"### {header}\n\n| key | takes | default | meaning |\n|---|---|---|---|\n"
        text += "".join(rows) + "\n"
    return text


def page(text: str) -> str:
    """The page with its tables as they should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}{END}{after}"


def _row(key: Key) -> str:
    default = "" if key.default is None else f"`{toml(key.default)}`"
    return f"| `{key.name}` | {_cell(key.takes)} | {default} | {_cell(key.meaning)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("\\*\\*", "**")


def _port_set() -> str:
    rows = "".join(
        f"| `{service}` | {facts.program} | `{facts.gateway_port}` |"
        f" {'yes' if facts.required else 'no'} |\n"
        for service, facts in FACTS.items()
    )
    return (
        "### `[services]`\n\n| service | RPC program | default gateway port | required |\n"
        f"|---|---|---|---|\n{rows}\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    sys.exit(0)
