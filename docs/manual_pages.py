"""Writes the made parts of the manual pages in packaging/man: ``python docs/manual_pages.py``.

Commands and options are read off the parser, the rest off the tables the program itself works
with. A test compares, so the pages cannot drift from the program.
"""  # noqa: INP001  # a script beside the pages whose tables it shares, not a package

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from docs import events_table, mdoc, metrics_table  # noqa: E402
from docs.configuration_tables import HEADERS  # noqa: E402
from hostnfsd.cli.main import parser  # noqa: E402
from hostnfsd.config.explain import toml  # noqa: E402
from hostnfsd.config.keys import Key, every  # noqa: E402
from hostnfsd.daemon.metric_table import TABLE  # noqa: E402
from hostnfsd.errors import MEANINGS  # noqa: E402
from hostnfsd.services import FACTS  # noqa: E402

MAN = ROOT / "packaging" / "man"
DAEMON = MAN / "hostnfsd.8"
FILE = MAN / "hostnfsd.toml.5"
_STATE = re.compile(r"^\| `([a-z-]+)` \| (.*) \|(.*)\|$", re.MULTILINE)


# -- hostnfsd(8) -----------------------------------------------------------------------------------


def commands() -> str:
    """Every command with its arguments, as the parser has them."""
    rows = ""
    for name, command in _commands().items():
        arguments = _arguments(command)
        synopsis = " ".join(_in_synopsis(argument) for argument in arguments)
        rows += f".It Ic {name} {synopsis}".rstrip() + "\n"
        rows += mdoc.prose(_sentence(command.description or ""))
        rows += _list(
            f".It {_in_list(argument)}\n{mdoc.prose(_sentence(argument.help or ''))}"
            for argument in arguments
        )
    return _list([rows])


def global_options() -> str:
    """What may stand before the command."""
    return _list(
        f".It {_in_list(argument)}\n{mdoc.prose(_sentence(argument.help or ''))}"
        for argument in _arguments(parser())
    )


def exit_codes() -> str:
    """Exit codes, sysexits(3)."""
    return _list(f".It {code:d}\n{mdoc.prose(_sentence(said))}" for code, said in MEANINGS.items())


def states() -> str:
    """States of a service, from the page that tells of each what cures it."""
    page = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    rows = []
    for state, means, cure in _STATE.findall(page):
        rows.append(f".It Ic {state}\n{mdoc.prose(_sentence(means))}")
        if cure.strip() not in {"", "nothing"}:
            rows.append(f".br\nCure:\n{mdoc.prose(_sentence(cure.strip(), capital=False))}")
    return _list(rows)


def metrics() -> str:
    """Every metric with its labels, and what the closed labels can be."""
    rows = []
    for row in TABLE:
        labels = f" Ns No {{{','.join(row.labels)}}}" if row.labels else ""
        rows.append(f".It Ic {row.name}{labels} Pq {row.kind}\n{mdoc.prose(row.text)}")
    values = (
        f".It {mdoc.argument(label)}\n{mdoc.prose(' '.join(f'`{value}`' for value in known))}"
        for label, known in metrics_table.LABELS.items()
        if label != "procedure"
    )
    return _list(rows) + ".Pp\nValues of the labels:\n" + _list(values)


def events() -> str:
    """Every event with its levels."""
    meanings = events_table.meanings(events_table.PAGE.read_text(encoding="utf-8"))
    levels: dict[str, dict[str, None]] = {}
    for event in events_table.events():
        level = event.level.replace("exception", "error")
        levels.setdefault(event.name, {})[level] = None
    return _list(
        f".It Ic {name} Pq {', '.join(levels[name])}\n{mdoc.prose(_sentence(meanings[name]))}"
        for name in levels
    )


def _commands() -> dict[str, argparse.ArgumentParser]:
    for action in parser()._actions:  # noqa: SLF001  # argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # likewise
            return dict(action.choices)
    raise AssertionError("no commands")


def _arguments(of: argparse.ArgumentParser) -> list[argparse.Action]:
    return [
        action
        for action in of._actions  # noqa: SLF001  # argparse has no other way to ask
        if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction)  # noqa: SLF001
        and action.help != argparse.SUPPRESS
    ]


def _in_synopsis(argument: argparse.Action) -> str:
    shown = _in_list(argument, first_only=True)
    required = argument.required and argument.nargs != "?"
    return shown if required else f"Oo {shown} Oc"


def _in_list(argument: argparse.Action, *, first_only: bool = False) -> str:
    choices = "|".join(map(str, argument.choices or ()))
    value = str(argument.metavar or choices or argument.dest.upper())
    if not argument.option_strings:
        return f"Ar {mdoc.argument(value)}"
    names = argument.option_strings[-1:] if first_only else argument.option_strings
    return mdoc.option(names, None if argument.nargs == 0 else value)


# -- hostnfsd.toml(5) ------------------------------------------------------------------------------


def keys() -> str:
    """Every key, table by table, in the order of the file."""
    blocks: dict[tuple[str, ...], list[Key]] = {}
    for key in every():
        blocks.setdefault(key.table, []).append(key)
    made = ""
    for table, members in blocks.items():
        header = HEADERS.get(table, f"[{'.'.join(table)}]").strip("`")
        # A bracket at the end would be taken for a delimiter.
        end = "\\&" if header.endswith("]") else ""
        if table == ("services", "*"):
            made += ".Ss [services]\\&\n" + _port_set()
        made += f".Ss {mdoc.argument(header)}{end}\n" + _list(map(_key, members))
    return made


def _key(key: Key) -> str:
    # What is empty stands for something that the meaning tells.
    default = f"Default: `{toml(key.default)}`. " if key.default not in {None, (), ""} else ""
    meaning = _sentence(key.meaning, capital=False)
    takes = mdoc.prose(_sentence(f"{default}Takes {key.takes}", capital=False))
    return f".It Ic {mdoc.argument(key.name)}\n{mdoc.prose(meaning)}.br\n{takes}"


def _port_set() -> str:
    rows = (
        f".It Ic {service} Ta {facts.program} Ta {facts.gateway_port}"
        f" Ta {'yes' if facts.required else 'no'}\n"
        for service, facts in FACTS.items()
    )
    return (
        '.Bl -column "nlockmgr" "program" "gateway port" "required" -offset indent\n'
        ".It Em service Ta Em program Ta Em gateway port Ta Em required\n" + "".join(rows) + ".El\n"
    )


# -- the pages -------------------------------------------------------------------------------------

PARTS: dict[Path, dict[str, Callable[[], str]]] = {
    DAEMON: {
        "options": global_options,
        "commands": commands,
        "states": states,
        "exit codes": exit_codes,
        "metrics": metrics,
        "events": events,
    },
    FILE: {"keys": keys},
}


def page(path: Path, written: str) -> str:
    """A page with its made parts as they should be."""
    for name, make in PARTS[path].items():
        begin = f'.\\" begin {name}: made by docs/manual_pages.py\n'
        end = f'.\\" end {name}\n'
        before, rest = written.split(begin)
        after = rest.split(end)[1]
        written = f"{before}{begin}{make()}{end}{after}"
    return written


def _list(rows: Iterator[str] | list[str]) -> str:
    made = "".join(rows)
    return f".Bl -tag -width Ds\n{made}.El\n" if made else ""


def _sentence(words: str, *, capital: bool = True) -> str:
    """A sentence with a capital, where it begins with a word, and an end."""
    words = words.strip()
    if not words:
        return ""
    begun = words[0].upper() + words[1:] if capital else words
    return begun if begun[-1] in ".!?:" else f"{begun}."


if __name__ == "__main__":
    for target in PARTS:
        target.write_text(page(target, target.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
