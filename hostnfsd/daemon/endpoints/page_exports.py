"""The exports on the page for people; see :mod:`hostnfsd.daemon.endpoints.page`."""

from collections.abc import Iterator
from html import escape
from typing import Final

from hostnfsd.exports.verdict import Standing
from hostnfsd.problem import Severity
from hostnfsd.readable import duration, printable
from hostnfsd.snapshot import NOT_APPLIED, ExportsView

_STANDINGS: Final = {Standing.VALID: "good", Standing.PENDING: "warn"}
_SEVERITIES: Final = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: "soft"}
#: Exports and changes that are shown one by one.
_MOST: Final = 20


def exports(view: ExportsView, now: float) -> Iterator[str]:
    """The section."""
    yield '<section><div class="head"><h2>Exports</h2>'
    yield _span(_STANDINGS.get(view.standing, "bad"), view.standing)
    yield _span("soft", f"for {duration(now - view.since)}")
    yield f"<code>{_text(view.path)}</code>"
    if view.kept:
        yield _span("warn", "what it said before is in effect")
    yield "</div>"
    if view.error or view.hint:
        hint = _span("soft", view.hint) if view.hint else ""
        yield f'<p class="error">{_text(view.error or "")}{hint}</p>'
    yield from _in_effect(view)
    yield from _changes(view, now)
    yield from _applied(view, now)
    yield from _problems(view)
    yield "</section>"


def _in_effect(view: ExportsView) -> Iterator[str]:
    if view.standing is Standing.PENDING:
        return
    if not view.exports:
        yield f'<p class="error">{_span("bad", "no exports: nobody is admitted by them")}</p>'
        return
    yield "<ul>"
    for export in view.exports[:_MOST]:
        note = "" if export.mountable else " " + _span("soft", "not through the tunnel")
        yield f"<li><code>{_text(export.path)}</code>{note}</li>"
    yield from _more(len(view.exports))
    yield "</ul>"


def _changes(view: ExportsView, now: float) -> Iterator[str]:
    if view.changed is None or not view.changes:
        return
    texts = [text for change in view.changes for text in change.sentences]
    yield f'<p class="soft">changed {duration(now - view.changed)} ago:</p><ul>'
    for text in texts[:_MOST]:
        yield f"<li>{_text(text)}</li>"
    yield from _more(len(texts))
    yield "</ul>"


def _applied(view: ExportsView, now: float) -> Iterator[str]:
    applied = view.applied
    if applied is None:
        return
    kind, word = ("soft", "told") if applied.ok else ("warn", "not told")
    told = f"the server was {word} {duration(now - applied.at)} ago: {applied.text}"
    hint = _span("soft", f"hint: {applied.hint}") if applied.hint else ""
    yield f'<p class="error">{_span(kind, told)}{hint}</p>'


def _problems(view: ExportsView) -> Iterator[str]:
    if not view.problems:
        return
    yield "<ul>"
    for problem in view.problems:
        if problem.code == NOT_APPLIED:
            continue  # it stands above
        severity = _span(_SEVERITIES[problem.severity], problem.severity)
        yield f"<li>{severity} <code>{_text(problem.render(), lines=True)}</code></li>"
    total = sum(view.counts.values())
    yield from _more(total, len(view.problems))
    yield '</ul><p class="soft">all of it: <code>hostnfsd exports</code></p>'


def _more(count: int, shown: int = _MOST) -> Iterator[str]:
    if count > shown:
        yield f"<li>and {count - shown} more</li>"


def _span(kind: str, text: str) -> str:
    return f'<span class="{kind}">{_text(text)}</span>'


def _text(text: str, *, lines: bool = False) -> str:
    return escape(printable(text, lines=lines))
