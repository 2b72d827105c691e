"""docs/failures.md, from the catalogue. Pure."""

from collections.abc import Mapping
from typing import Final

from hostnfsd.doctor.catalogue import client, exports, gateway, host, login, tunnel
from hostnfsd.doctor.catalogue.entry import Entry
from hostnfsd.doctor.cure import COMMAND, LINE, PLATFORMS, bare
from hostnfsd.doctor.sources import NOT_MET, SOURCES

_GROUPS: Final = (
    ("Where it is mounted", client.ENTRIES),
    ("At the host", host.ENTRIES),
    ("Exports", exports.ENTRIES),
    ("The way into the gateway", login.ENTRIES),
    ("The gateway", gateway.ENTRIES),
    ("The tunnel, the daemon, the machine", tunnel.ENTRIES),
)


def body(notes: Mapping[str, str]) -> str:
    """What stands between the marks: an index, the entries, and what they were held against.

    Args:
        notes: code -> a sentence that ends its entry.
    """
    parts = [_index()]
    for title, entries in _GROUPS:
        parts.append(f"## {title}\n")
        parts += [f"{_entry(each)}\n{notes[each.code]}\n" for each in entries]
    parts.append(_sources())
    return "\n".join(parts)


def _index() -> str:
    rows = "".join(
        f"| `{_escaped(_example(symptom))}` | {links} |\n"
        for symptom, links in _by_symptom().items()
    )
    return f"| what is printed | what it may be |\n|---|---|\n{rows}"


def _by_symptom() -> dict[str, str]:
    """The first symptoms of each entry, with all entries that have them."""
    every = [each for _, entries in _GROUPS for each in entries]
    shown = dict.fromkeys(symptom for each in every for symptom in each.symptoms[:2])
    return {
        symptom: " ".join(_link(each) for each in every if symptom in each.symptoms)
        for symptom in shown
    }


def _link(each: Entry) -> str:
    return f"[{each.code}](#{each.code})"


def _entry(each: Entry) -> str:
    symptoms = "\n".join(f"    {_example(symptom)}" for symptom in each.symptoms)
    return (
        f"### {each.code}\n\n{each.title[0].upper()}{each.title[1:]}.\n\n{symptoms}\n\n"
        f"**Why.** {each.cause}\n\n**Cure.** {_cure(each)}\n"
    )


def _cure(each: Entry) -> str:
    parts = []
    for step in each.cure:
        if step.startswith((COMMAND, LINE)):
            parts.append(f"    {bare(step)}")
        elif step in PLATFORMS:
            parts.append(step)
        else:
            end = "" if step.endswith((".", ":")) else "."
            parts.append(f"{step[0].upper()}{step[1:]}{end}")
    return "\n\n".join(parts)


def _example(symptom: str) -> str:
    """A symptom with words in capitals for what differs."""
    for name in ("host", "path", "port", "n", "any"):
        symptom = symptom.replace(f"{{{name}}}", "…" if name == "any" else name.upper())
    return symptom


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _sources() -> str:
    text = "## What it was held against\n\n| | known to go wrong | entries |\n|---|---|---|\n"
    for source, what in SOURCES.items():
        codes = [each.code for _, entries in _GROUPS for each in entries if source in each.sources]
        text += f"| {source} | {what} | {' '.join(f'[{c}](#{c})' for c in codes)} |\n"
    for source, why in NOT_MET.items():
        text += f"| {source} | {why} | |\n"
    return text
