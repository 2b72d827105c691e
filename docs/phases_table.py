"""Writes the diagram and the table in phases.md: ``python docs/phases_table.py``.

A test compares, so the page cannot drift from the program.
"""  # noqa: INP001  # a script beside the page it writes, not a package

import sys
from pathlib import Path

from hostnfsd.snapshot import Phase
from hostnfsd.tunnel.machine import ON_ENTRY, TRANSITIONS, Event

PAGE = Path(__file__).with_name("phases.md")
BEGIN = "<!-- transitions: made by docs/phases_table.py -->\n"
END = "<!-- end of transitions -->\n"


def diagram() -> str:
    """A mermaid state diagram; events that change nothing are left to the table."""
    edges: dict[tuple[Phase, Phase], list[str]] = {}
    for (phase, event), (target, _) in TRANSITIONS.items():
        if target is not phase:
            edges.setdefault((phase, target), []).append(event.__name__)
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.STOPPED}"]
    lines += [
        f"    {phase} --> {target}: {', '.join(events)}"
        for (phase, target), events in edges.items()
    ]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def table() -> str:
    """One row per event, one column per phase; a dash where it cannot happen."""
    phases = list(Phase)
    events = list(Event.__args__)
    rows = [
        ["event", *map(str, phases)],
        ["---"] * (len(phases) + 1),
        *([f"`{e.__name__}`", *(_cell(phase, e) for phase in phases)] for e in events),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def commands() -> str:
    """What entering a phase asks of the shell."""
    rows = "".join(
        f"| {phase} | {', '.join(c.name for c in asked)} |\n" for phase, asked in ON_ENTRY.items()
    )
    return f"| on entering | command |\n|---|---|\n{rows}"


def page(text: str) -> str:
    """The page with its made parts as they should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = f"{diagram()}\n{table()}\n{commands()}"
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def _cell(phase: Phase, event: type[Event]) -> str:
    found = TRANSITIONS.get((phase, event))
    if found is None:
        return "–"
    target, effect = found
    if target is not phase:
        return f"**{target}**"
    return "stays" if effect.__name__ == "_keep" else f"stays, {EFFECTS[effect.__name__]}"


#: Effects of events that do not change the phase.
EFFECTS = {
    "_bring_forward": "tries sooner",
    "_bring_forward_unless_busy": "tries sooner unless turned away",
    "_leave": "dials anew",
}


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    sys.exit(0)
