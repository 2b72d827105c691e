"""Finds the entries of the catalogue that a pasted message may belong to. Pure.

What differs from machine to machine (hosts, paths, ports), case, line breaks and what stands around
the message make no difference.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import log
from typing import Final

from hostnfsd.doctor.catalogue import BY_CODE, CATALOGUE
from hostnfsd.doctor.catalogue.entry import Entry

#: Matches that are shown at most.
MOST: Final = 4
#: A match that says this much less than the best one is not told.
_WORTH: Final = 0.6
#: Share of a symptom's words, by weight, that must be there where it is not there as a whole.
_ENOUGH: Final = 0.75
#: Fixed words that a message must have that was cut off.
_CUT_WORDS: Final = 3
#: A program's name before its message.
_PROGRAM: Final = re.compile(r"^[a-z][a-z0-9._-]*: ")
#: Characters of a text that are looked at, the last: a log of some pages.
MAX_CHARS: Final = 20_000

_PLACEHOLDER: Final = re.compile(r"\{(host|path|port|n|any)\}")
_PATTERNS: Final = {
    "host": r"\S{1,255}?",
    "path": r"\S{1,1024}?",
    "port": r"\d{1,5}",
    "n": r"[\d.]{1,12}",
    "any": r".{1,120}?",
}
_QUOTES: Final = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "`": "'"})
_WORD: Final = re.compile(r"[a-z][a-z0-9_.+-]*[a-z0-9]|[a-z]")


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that a message may belong to.

    Attributes:
        entry: the entry.
        symptom: which of its symptoms was found.
        score: how much of the message it explains; comparable within one message.
    """

    entry: Entry
    symptom: str
    score: float


def normal(text: str) -> str:
    """The text in one line of small letters with plain quotes."""
    return " ".join(text[-MAX_CHARS:].translate(_QUOTES).lower().split())


def explain(text: str) -> tuple[Match, ...]:
    """The best few matches, the best first; none if nothing is known of such a message.

    Args:
        text: what a client, a command or a log printed; or a code of the catalogue.
    """
    said = normal(text)
    code = said.strip("[] ")
    if code in BY_CODE:
        return (Match(BY_CODE[code], code, float(len(code))),)
    found = _best(_whole(said)) or _best(_cut_off(said)) or _best(_in_part(said))
    return tuple(found[:MOST])


def _whole(said: str) -> Iterable[Match]:
    """Symptoms that are in the text as they stand."""
    for entry in CATALOGUE:
        for symptom in entry.symptoms:
            if _pattern(symptom).search(said):
                yield Match(entry, symptom, _weight(symptom))


def _cut_off(said: str) -> Iterable[Match]:
    """Symptoms of which the text has the beginning only, at its end."""
    words = said.split()
    for entry in CATALOGUE:
        for symptom in entry.symptoms:
            for begun in _beginnings(symptom):
                literal = _begun(words, begun)
                if len(literal) >= _CUT_WORDS and any(map(_telling, literal)):
                    yield Match(entry, symptom, float(sum(map(len, literal))))
                    break


def _telling(text: str) -> bool:
    """Whether it has a word of few entries: ``failed to mount`` begins too many."""
    rarity = _rarity()
    return any(rarity.get(word, 0.0) >= log(1 + len(CATALOGUE) / MOST) for word in _words(text))


def _begun(words: Sequence[str], symptom: Sequence[re.Pattern[str]]) -> tuple[str, ...]:
    """The longest end of a text that a symptom begins with: the words of it that are fixed."""
    for length in range(min(len(words), len(symptom)), _CUT_WORDS - 1, -1):
        pairs = list(zip(words[-length:], symptom[:length], strict=True))
        if all(pattern.fullmatch(word) for word, pattern in pairs):
            return tuple(word for word, pattern in pairs if pattern.pattern == re.escape(word))
    return ()


@cache
def _beginnings(symptom: str) -> tuple[tuple[re.Pattern[str], ...], ...]:
    """A symptom word by word, also without the program's name before it."""
    plain = normal(symptom)
    texts = dict.fromkeys((plain, _PROGRAM.sub("", plain)))
    return tuple(tuple(re.compile(_expression(w)) for w in text.split()) for text in texts)


def _in_part(said: str) -> Iterable[Match]:
    """Symptoms most of whose words are in the text."""
    words = set(_words(said))
    rarity = _rarity()
    for entry in CATALOGUE:
        for symptom in entry.symptoms:
            wanted = set(_words(_PLACEHOLDER.sub(" ", symptom.lower())))
            there = wanted & words
            whole = sum(rarity[word] for word in wanted)
            part = sum(rarity[word] for word in there)
            if len(there) > 2 and part >= _ENOUGH * whole:  # noqa: PLR2004  # two words say nothing
                yield Match(entry, symptom, part * part / whole)


def _best(matches: Iterable[Match]) -> list[Match]:
    """The best match of each entry, those that are worth telling, the best first."""
    best: dict[str, Match] = {}
    for match in matches:
        before = best.get(match.entry.code)
        if before is None or match.score > before.score:
            best[match.entry.code] = match
    top = max((match.score for match in best.values()), default=0.0)
    worth = (match for match in best.values() if match.score >= _WORTH * top)
    return sorted(worth, key=lambda match: -match.score)


@cache
def _pattern(symptom: str) -> re.Pattern[str]:
    text = normal(symptom)
    made = _expression(text)
    edge = r"(?<![a-z0-9_])" if made[:1].isalnum() else ""
    return re.compile(edge + made + (r"(?![a-z0-9_])" if text[-1:].isalnum() else ""))


def _expression(text: str) -> str:
    """A regular expression for a symptom or a word of it."""
    parts = _PLACEHOLDER.split(text)
    return "".join(
        _PATTERNS[part] if number % 2 else re.escape(part) for number, part in enumerate(parts)
    )


def _weight(symptom: str) -> float:
    """Characters that must be there as they stand."""
    return float(len(_PLACEHOLDER.sub("", symptom)))


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


@cache
def _rarity() -> Mapping[str, float]:
    """What a word tells: the more, the fewer entries have it."""
    entries = Counter[str]()
    for entry in CATALOGUE:
        said = " ".join(_PLACEHOLDER.sub(" ", symptom.lower()) for symptom in entry.symptoms)
        entries.update(set(_words(said)))
    return {word: log(1 + len(CATALOGUE) / count) for word, count in entries.items()}
