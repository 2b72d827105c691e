"""The page for people at ``/``: the status as HTML. Everything that is shown is escaped.

No script and nothing from elsewhere: one inline style sheet, which the Content-Security-Policy
names by its hash, and a refresh by the browser itself.
"""

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from typing import Final

from hostnfsd import health
from hostnfsd.daemon.endpoints.page_exports import exports
from hostnfsd.readable import duration, size
from hostnfsd.snapshot import (
    Family,
    FamilyView,
    GatewayView,
    Phase,
    ServiceState,
    ServiceView,
    Snapshot,
)

REFRESH_S: Final = 5

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60666d; --line: #e2e5e9; --card: #fff;
  --back: #f4f5f7; --good: #18794e; --warn: #9a5b00; --bad: #c6281c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #9aa1a9; --line: #2e3338;
  --card: #1b1e22; --back: #121417; --good: #4cc38a; --warn: #f0b252; --bad: #ff8b80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; }
h1 { font-size: 1.35rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  margin-top: 1rem; padding: 1rem 1.1rem; }
.head { display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem .8rem; }
.soft { color: var(--soft); }
.good, .warn, .bad { font-weight: 600; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.error { margin: .5rem 0 0; } .error .soft { display: block; }
.wide { overflow-x: auto; margin-top: .7rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; font-size: .8rem; color: var(--soft); }
th, td { padding: .35rem 1.2rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
th:last-child, td:last-child { padding-right: 0; }
th.number, td.number { text-align: right; }
tr.above td { border-bottom: 0; padding-bottom: 0; }
td.text { white-space: normal; padding-top: 0; }
td.text .soft { display: block; }
li code { white-space: pre-wrap; }
ul { margin: .5rem 0 0; padding-left: 1.2rem; }
code { font: .9em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
footer { margin-top: 1.2rem; font-size: .85rem; }
footer p { margin: .15rem 0; }
a { color: inherit; }
"""
_DIGEST: Final = hashlib.sha256(_STYLE.encode()).digest()
STYLE_HASH: Final = "sha256-" + base64.b64encode(_DIGEST).decode()

_PHASES: Final = {Phase.UP: "good", Phase.BLOCKED: "bad", Phase.BACKOFF: "bad"}
_STATES: Final = {
    ServiceState.SERVING: "good",
    ServiceState.WAITING: "warn",
    ServiceState.UNVERIFIED: "warn",
    ServiceState.ABSENT: "soft",
    ServiceState.OFF: "soft",
}


def _span(kind: str, text: str) -> str:
    return f'<span class="{kind}">{escape(text)}</span>'


def _error(error: str | None, hint: str | None) -> str:
    if error is None and hint is None:
        return ""
    return escape(error or "") + (_span("soft", hint) if hint else "")


def _row(view: ServiceView, family: Family, met: FamilyView, now: float) -> Iterator[str]:
    first = next(iter(view.families)) is family
    kind = _STATES.get(met.state, "bad" if view.required else "warn")
    state = _span(kind, met.state)
    if len(view.families) > 1:
        state = f"{state} {_span('soft', family)}"
    optional = "" if view.required else f" {_span('soft', 'optional')}"
    error = _error(met.error, met.hint)
    yield '<tr class="above">' if error else "<tr>"
    yield f"<td>{escape(view.service) + optional if first else ''}</td><td>{state}</td>"
    yield f"<td>{duration(now - met.since)}</td>"
    numbers = (
        f"{view.port} → {view.host_port}",
        str(view.connections),
        "" if view.rpc is None else str(view.rpc.calls),
        size(view.bytes_to_host),
        size(view.bytes_to_client),
    )
    for text in numbers:
        yield f'<td class="number">{text if first else ""}</td>'
    yield "</tr>"
    if error:
        yield f'<tr><td></td><td colspan="7" class="text">{error}</td></tr>'


def _hanging(view: ServiceView) -> Iterator[str]:
    if view.rpc is not None and view.rpc.hangs:
        waits = duration(view.rpc.oldest_call_s or 0.0)
        text = _span("warn", f"{view.rpc.in_flight} unanswered, the oldest call for {waits}")
        yield f'<tr><td></td><td colspan="7" class="text">{text}</td></tr>'


def _services(gateway: GatewayView, now: float) -> str:
    heads = (
        ("service", ""),
        ("state", ""),
        ("since", ""),
        ("gateway port → host port", "number"),
        ("connections", "number"),
        ("calls", "number"),
        ("to host", "number"),
        ("to clients", "number"),
    )
    head = "".join(f'<th scope="col" class="{kind}">{text}</th>' for text, kind in heads)
    rows = "".join(
        "".join(part)
        for view in gateway.services
        for part in (
            *(_row(view, family, met, now) for family, met in view.families.items()),
            _hanging(view),
        )
    )
    table = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    return f'<div class="wide"><table>{table}</table></div>'


def _gateway(gateway: GatewayView, now: float) -> Iterator[str]:
    yield '<section><div class="head">'
    yield f"<h2>{escape(gateway.name)}</h2>"
    yield _span(_PHASES.get(gateway.phase, "warn"), gateway.phase)
    yield _span("soft", f"for {duration(now - gateway.since)}")
    if gateway.retry_at is not None:
        yield f"<span>next attempt in {duration(gateway.retry_at - now)}</span>"
    yield f"<code>{escape(gateway.address)}</code>"
    if gateway.client_address:
        addresses = escape(", ".join(gateway.client_address))
        yield f'<span class="soft">clients dial <code>{addresses}</code></span>'
    if gateway.optional:
        yield _span("soft", "optional")
    yield "</div>"
    if gateway.error or gateway.hint:
        yield f'<p class="error">{_error(gateway.error, gateway.hint)}</p>'
    yield _services(gateway, now)
    if gateway.off:
        yield f'<p class="soft">off: {escape(", ".join(gateway.off))}</p>'
    yield "</section>"


def _reload(snapshot: Snapshot) -> Iterator[str]:
    reload = snapshot.reload
    if reload.successful:
        return
    yield '<section><div class="head"><h2>Configuration</h2>'
    yield _span("bad", "the last reload was rejected")
    yield _span("soft", "the daemon runs with the configuration it had before")
    yield "</div><ul>"
    for problem in reload.problems:
        yield f"<li><code>{escape(problem.render())}</code></li>"
    yield "</ul></section>"


def _notices(snapshot: Snapshot) -> Iterator[str]:
    if not snapshot.advice:
        return
    yield '<section><div class="head"><h2>Notices</h2></div><ul>'
    for advice in snapshot.advice:
        yield f"<li>{escape(advice.text)}<br>{_span('soft', f'hint: {advice.hint}')}</li>"
    yield "</ul></section>"


def _headline(snapshot: Snapshot) -> str:
    verdict = health.verdict(snapshot)
    if snapshot.stopping:
        return _span("warn", "stopping")
    if verdict.ready:
        return _span("good", "ready")
    return _span("bad", f"not ready: {', '.join(reason.brief for reason in verdict.reasons)}")


def _footer(snapshot: Snapshot) -> Iterator[str]:
    yield '<footer class="soft">'
    yield f"<p>hostnfsd {escape(snapshot.version)}, Python {escape(snapshot.python)}, asyncssh "
    yield f"{escape(snapshot.asyncssh)}, process {snapshot.pid}, running for "
    yield f"{duration(snapshot.now - snapshot.started)}</p>"
    yield f"<p>configuration <code>{escape(snapshot.config_path)}</code>, "
    yield f"log <code>{escape(snapshot.log_destination)}</code></p>"
    if snapshot.awake is not None and (kept := snapshot.awake.sentence(snapshot.now)):
        yield f"<p>{escape(kept)}</p>"
    yield '<p><a href="/metrics">/metrics</a> <a href="/healthz">/healthz</a> '
    yield '<a href="/readyz">/readyz</a> <a href="/status">/status</a></p></footer>'


def _body(snapshot: Snapshot) -> Iterator[str]:
    yield f"<header><h1>hostnfsd</h1>{_headline(snapshot)}</header>"
    yield from _reload(snapshot)
    for gateway in snapshot.gateways:
        yield from _gateway(gateway, snapshot.now)
    if snapshot.exports is not None:
        yield from exports(snapshot.exports, snapshot.now)
    yield from _notices(snapshot)
    yield from _footer(snapshot)


def render(snapshot: Snapshot) -> str:
    """The whole page."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="{REFRESH_S}">'
        f"<title>hostnfsd</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(_body(snapshot))}</main></body></html>\n"
    )
