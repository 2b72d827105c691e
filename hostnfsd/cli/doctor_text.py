"""What ``hostnfsd doctor`` prints, from its rows. Pure."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from hostnfsd.cli.columns import WIDTH, Page, Shade
from hostnfsd.doctor import cure, report
from hostnfsd.doctor.catalogue import entry
from hostnfsd.doctor.catalogue.entry import Entry
from hostnfsd.doctor.check import Row
from hostnfsd.doctor.cure import COMMAND
from hostnfsd.doctor.explain import Match
from hostnfsd.doctor.finding import Finding, Outcome, skipped
from hostnfsd.readable import printable

_SHADES: Final[dict[Outcome, Shade]] = {
    Outcome.PASS: "good",
    Outcome.WARN: "warn",
    Outcome.FAIL: "bad",
    Outcome.SKIP: "soft",
}
_WORDS: Final = {
    Outcome.FAIL: ("failed", "failed"),
    Outcome.WARN: ("warning", "warnings"),
    Outcome.PASS: ("passed", "passed"),
    Outcome.SKIP: ("not looked at", "not looked at"),
}
#: Columns of a row: two blanks, the outcome, two blanks, the title, two blanks.
_TITLE: Final = 18
_LEFT: Final = 2 + 4 + 2 + _TITLE + 2
#: Rows that one failure has left out are one line from so many on.
_SUMMED_UP: Final = 3


class DoctorPage:
    """Rows as they come, and the verdict after the last.

    Args:
        colour: whether the terminal takes colours.
        width: columns to fill.
        config: the file given with ``--config``, which commands of cures are to use as well.
    """

    def __init__(self, *, colour: bool, width: int = WIDTH, config: str | None = None) -> None:
        self._colour = colour
        self._width = width
        self._config = config
        self._section: str | None = None
        self._held: list[Row] = []

    def row(self, row: Row) -> str:
        """The lines of one check, under its section's head if it is the first there.

        Rows that one failure has left out are held back until they can be summed up.
        """
        page = Page(colour=self._colour)
        if self._held and not _alike(self._held[-1], row):
            self._flush(page)
        if row.blocked_by is None:
            self._lines(page, row)
        else:
            self._held.append(row)
        return _joined(page)

    def rest(self) -> str:
        """What is still held back."""
        page = Page(colour=self._colour)
        self._flush(page)
        return _joined(page)

    def _flush(self, page: Page) -> None:
        held, self._held = self._held, []
        if len(held) >= _SUMMED_UP:
            names = ", ".join(row.check.title for row in held)
            text = f"{held[0].findings[0].text} ({names})"
            check = replace(held[0].check, title=f"{len(held)} checks")
            held = [replace(held[0], check=check, findings=(skipped(text),))]
        for row in held:
            self._lines(page, row)

    def _lines(self, page: Page, row: Row) -> None:
        if row.check.section != self._section:
            if self._section is not None:
                page.line()
            page.line((row.check.section, "bold"))
            self._section = row.check.section
        for number, finding in enumerate(row.findings):
            title = row.check.title if number == 0 else ""
            _finding(page, title, self._for_here(finding), self._width)

    def _for_here(self, finding: Finding) -> Finding:
        return replace(finding, cure=cure.for_config(finding.cure, self._config))

    def verdict(self, rows: Sequence[Row], seconds: float) -> str:
        """The count, and what to mend first: its cure is the last line."""
        page = Page(colour=self._colour)
        counts = report.count(rows)
        told = [
            f"{counts[outcome]} {_WORDS[outcome][counts[outcome] != 1]}"
            for outcome in _WORDS
            if counts[outcome]
        ]
        page.line()
        worst = report.worst(rows)
        page.line((", ".join(told), _SHADES[worst]), (f" in {seconds:.1f} s", "soft"))
        first = report.first_failure(rows)
        if first is not None:
            row, finding = first
            # Of several gateways each has such a check.
            twins = sum(each.check.title == row.check.title for each in rows) > 1
            title = f"{row.check.section}, {row.check.title}" if twins else row.check.title
            _first(page, title, self._for_here(finding), self._width)
        return _joined(page)


def _alike(one: Row, other: Row) -> bool:
    """Whether the same failure has left out both, in one section."""
    return (one.check.section, one.blocked_by) == (other.check.section, other.blocked_by)


def _finding(page: Page, title: str, finding: Finding, width: int) -> None:
    code = f" [{finding.code}]" if finding.code else ""
    place = f"{finding.place}: " if finding.place and finding.place.path else ""
    lines = _wrapped(f"{place}{finding.text}{code}", _LEFT, width)
    words: Shade = "soft" if finding.outcome is Outcome.SKIP else "plain"
    for number, line in enumerate(lines):
        if number == 0:
            shade = _SHADES[finding.outcome]
            page.line(
                ("  ", "plain"),
                (finding.outcome.value, shade),
                (f"  {title:<{_TITLE}}  ", "plain"),
                (line, words),
            )
        else:
            page.line((" " * _LEFT, "plain"), (line, words))
    _steps(page, finding.cure, _LEFT, width)


def _steps(page: Page, steps: Iterable[str], left: int, width: int) -> None:
    for step in steps:
        if step.startswith(COMMAND):
            # A command is copied, and so is a line for a file: they are never divided.
            page.line((" " * left, "plain"), (cure.bare(step), "bold"))
        elif step.startswith(cure.LINE):
            page.line((" " * left, "plain"), (cure.bare(step), "plain"))
        else:
            for line in _wrapped(step, left, width):
                page.line((" " * left + line, "soft"))


def _first(page: Page, title: str, finding: Finding, width: int) -> None:
    page.line()
    for number, line in enumerate(_wrapped(f"Mend first: {title}: {finding.text}", 2, width)):
        page.line(("  " * (number > 0) + line, "bold"))
    if finding.code is not None:
        for line in _wrapped(entry(finding.code).cause, 2, width):
            page.line((f"  {line}", "plain"))
    steps = list(finding.cure)
    if finding.commands:
        # The command that begins the cure comes last, where a terminal shows it.
        last = next(number for number, step in enumerate(steps) if step.startswith(COMMAND))
        tail = steps[last:]
        after = [step for step in tail if not step.startswith(COMMAND)]
        _steps(page, (*steps[:last], *after), 2, width)
        commands = [step.removeprefix(COMMAND) for step in tail if step.startswith(COMMAND)]
        page.line((" && ".join(commands), "bold"))
    elif steps:
        *before, words = steps
        _steps(page, before, 2, width)
        if words.startswith(cure.LINE):
            page.line((cure.bare(words), "bold"))
        else:
            for line in _wrapped(words, 0, width):
                page.line((line, "bold"))


def explanation(
    matches: Sequence[Match], *, colour: bool, platform: str, width: int = WIDTH
) -> str:
    """What ``--explain`` prints."""
    page = Page(colour=colour)
    if not matches:
        page.line(("Nothing like this is in the failure catalogue.", "bold"))
        page.line(("To look for what is wrong: hostnfsd doctor", "plain"))
        return _joined(page)
    if len(matches) > 1:
        page.line((f"It may be one of {len(matches)}; `hostnfsd doctor` tells which.", "plain"))
        page.line()
    for number, match in enumerate(matches):
        if number:
            page.line()
        _entry(page, match.entry, platform, width)
    return _joined(page)


def _entry(page: Page, each: Entry, platform: str, width: int) -> None:
    for line in _wrapped(f"{each.title[0].upper()}{each.title[1:]} [{each.code}]", 0, width):
        page.line((line, "bold"))
    for line in _wrapped(each.cause, 2, width):
        page.line((f"  {line}", "plain"))
    page.line(("  Cure:", "good"))
    _steps(page, cure.for_platform(each.cure, platform), 4, width)


def _wrapped(text: str, left: int, width: int) -> list[str]:
    """Lines that fit right of ``left`` columns; commands and paths are never divided."""
    return textwrap.wrap(
        printable(text),
        width - left,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def _joined(page: Page) -> str:
    return "".join(f"{line.rstrip()}\n" for line in page.lines)
