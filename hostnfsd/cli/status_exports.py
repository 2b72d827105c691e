"""The exports in the text of ``hostnfsd status``. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from hostnfsd.cli.columns import Cell, Page, Shade
from hostnfsd.exports.verdict import Standing
from hostnfsd.problem import Severity
from hostnfsd.readable import duration
from hostnfsd.snapshot import NOT_APPLIED, ExportsView

_STANDINGS: Final[dict[Standing, Shade]] = {Standing.VALID: "good", Standing.PENDING: "warn"}
_SEVERITIES: Final[dict[Severity, Shade]] = {
    Severity.ERROR: "bad",
    Severity.WARNING: "warn",
    Severity.NOTE: "soft",
}
#: Changes that are shown one by one.
_MOST_CHANGES: Final = 5


def exports(page: Page, view: ExportsView, now: float) -> None:
    """Add what status shows of the exports."""
    page.line(("", "plain"))
    headline: list[Sequence[Cell]] = [
        [
            (f"exports {view.path}", "bold"),
            (": ", "plain"),
            (view.standing, _STANDINGS.get(view.standing, "bad")),
            (f" for {duration(now - view.since)}", "plain"),
        ]
    ]
    headline += [[(text, "plain")] for text in in_effect(view)]
    page.listing(*headline)
    for line in (*_trouble(view), *_changes(view, now), *_applied(view, now), *_problems(view)):
        page.line(line)


def in_effect(view: ExportsView) -> Iterator[str]:
    """What is in effect, in a few words."""
    if view.standing is Standing.PENDING:
        return
    if view.kept:
        yield "what it said before is in effect"
    elif view.standing is Standing.INVALID:
        yield "what the server makes of it is in effect"
    count = len(view.exports)
    yield f"{count} export{'' if count == 1 else 's'}"
    if count:
        yield f"{view.mountable} can be mounted through the tunnel"
    else:
        yield "nobody is admitted by them"


def counted(view: ExportsView) -> str:
    """How many problems there are: ``1 error, 2 warnings``; empty if there are none."""
    numbers = ((severity, view.counts.get(severity, 0)) for severity in Severity)
    return ", ".join(f"{n} {s}{'' if n == 1 else 's'}" for s, n in numbers if n)


def _trouble(view: ExportsView) -> Iterator[Cell]:
    if view.error:
        yield f"  {view.error}", "bad"
    if view.hint:
        yield f"  hint: {view.hint}", "soft"


def _changes(view: ExportsView, now: float) -> Iterator[Cell]:
    if view.changed is None or not view.changes:
        return
    yield f"  changed {duration(now - view.changed)} ago:", "plain"
    texts = [text for change in view.changes for text in change.sentences]
    for text in texts[:_MOST_CHANGES]:
        yield f"    {text}", "plain"
    if len(texts) > _MOST_CHANGES:
        yield f"    and {len(texts) - _MOST_CHANGES} more", "plain"


def _applied(view: ExportsView, now: float) -> Iterator[Cell]:
    applied = view.applied
    if applied is None:
        return
    ago = f"{duration(now - applied.at)} ago"
    if applied.ok:
        yield f"  the server was told {ago}: {applied.text}", "plain"
        return
    yield f"  the server was not told {ago}: {applied.text}", "warn"
    if applied.hint:
        yield f"    hint: {applied.hint}", "soft"


def _problems(view: ExportsView) -> Iterator[Cell]:
    # That the server was not told stands above.
    problems = [problem for problem in view.problems if problem.code != NOT_APPLIED]
    if not problems:
        return
    first, *others = problems
    shade = _SEVERITIES[first.severity]
    yield f"  {counted(view)}{', the first' if others else ''}:", shade
    for line in first.render().splitlines():
        yield f"    {line}", "plain"
    if others:
        yield "    all of them: hostnfsd exports", "soft"
