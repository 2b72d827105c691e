"""The text of ``hostnfsd status``: a snapshot laid out in lines. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from hostnfsd import health
from hostnfsd.cli.columns import Cell, Page, Shade
from hostnfsd.readable import duration, size
from hostnfsd.snapshot import (
    HANGING_S,
    Family,
    FamilyView,
    GatewayView,
    Phase,
    ServiceState,
    ServiceView,
    Snapshot,
)

_PHASES: Final[dict[Phase, Shade]] = {
    Phase.UP: "good",
    Phase.BACKOFF: "bad",
    Phase.BLOCKED: "bad",
}
_STATES: Final[dict[ServiceState, Shade]] = {
    ServiceState.SERVING: "good",
    ServiceState.WAITING: "warn",
    ServiceState.UNVERIFIED: "warn",
    ServiceState.ABSENT: "soft",
    ServiceState.OFF: "soft",
}
_HEADS: Final = (
    ("SERVICE", "left"),
    ("PORT", "right"),
    ("HOST PORT", "right"),
    ("STATE", "left"),
    ("SINCE", "left"),
    ("CONNECTIONS", "right"),
    ("TO HOST", "right"),
    ("TO CLIENTS", "right"),
)
_CLIENT_HEADS: Final = (
    ("CLIENT", "left"),
    ("GATEWAY", "left"),
    ("SERVICE", "left"),
    ("SINCE", "left"),
    ("CALLS", "right"),
    ("OLDEST CALL", "right"),
    ("TO HOST", "right"),
    ("TO CLIENT", "right"),
)
_REFUSED_HEADS: Final = (
    ("REFUSED", "left"),
    ("GATEWAY", "left"),
    ("SERVICE", "left"),
    ("REASON", "left"),
    ("TIMES", "right"),
    ("LAST", "left"),
)


def _service_rows(view: ServiceView, now: float) -> Iterator[Sequence[Cell]]:
    for index, (family, met) in enumerate(view.families.items()):
        first = index == 0
        yield [
            (view.service if first else "", "plain" if view.required else "soft"),
            (str(view.port) if first else "", "plain"),
            (str(view.host_port) if first else "", "plain"),
            (_state_text(view, family, met), _state_shade(view, met)),
            (duration(now - met.since), "plain"),
            (str(view.connections) if first else "", "plain"),
            (size(view.bytes_to_host) if first else "", "plain"),
            (size(view.bytes_to_client) if first else "", "plain"),
        ]
        # A column of its own would make every line too long for a terminal.
        if met.error:
            yield [(f"      {met.error}", _state_shade(view, met))]
        if met.hint:
            yield [(f"      hint: {met.hint}", "soft")]
    rpc = view.rpc
    if rpc is not None and rpc.hangs:
        waits = duration(rpc.oldest_call_s or 0.0)
        yield [(f"      {rpc.in_flight} unanswered, the oldest call for {waits}", "warn")]


def _state_text(view: ServiceView, family: Family, met: FamilyView) -> str:
    alike = len({each.state for each in view.families.values()}) == 1
    return met.state if alike and len(view.families) == 1 else f"{met.state} ({family})"


def _state_shade(view: ServiceView, met: FamilyView) -> Shade:
    return _STATES.get(met.state, "bad" if view.required else "warn")


def _gateway(page: Page, view: GatewayView, now: float) -> None:
    headline: list[Cell] = [
        (view.name, "bold"),
        (": ", "plain"),
        (view.phase, _PHASES.get(view.phase, "warn")),
        (f" for {duration(now - view.since)}", "plain"),
    ]
    if view.retry_at is not None:
        headline.append((f", next attempt in {duration(view.retry_at - now)}", "plain"))
    headline.append((f", {view.address}", "plain"))
    if view.client_address:
        headline.append((f", clients dial {', '.join(view.client_address)}", "plain"))
    if view.optional:
        headline.append((", optional", "soft"))
    page.line(("", "plain"))
    page.line(*headline)
    if view.error:
        page.line((f"  {view.error}", "bad"))
    if view.hint:
        page.line((f"  hint: {view.hint}", "soft"))
    page.table(_HEADS, [row for s in view.services for row in _service_rows(s, now)])
    if view.off:
        page.line((f"  off: {', '.join(view.off)} (switched off in the configuration)", "soft"))


def _clients(page: Page, snapshot: Snapshot) -> None:
    page.line(("", "plain"))
    count = len(snapshot.clients)
    page.line((f"{count} of at most {snapshot.connections_limit} connections", "bold"))
    if snapshot.clients:
        page.table(
            _CLIENT_HEADS,
            [
                [
                    (_endpoint(client.host, client.port), "plain"),
                    (client.gateway, "plain"),
                    (client.service, "plain"),
                    (duration(snapshot.now - client.since), "plain"),
                    _calls(client.calls),
                    _age(client.oldest_call_s),
                    (size(client.bytes_to_host), "plain"),
                    (size(client.bytes_to_client), "plain"),
                ]
                for client in snapshot.clients
            ],
        )
    if snapshot.refused:
        page.table(
            _REFUSED_HEADS,
            [
                [
                    (refused.host, "plain"),
                    (refused.gateway, "plain"),
                    (refused.service, "plain"),
                    (refused.reason, "warn"),
                    (str(refused.count), "plain"),
                    (f"{duration(snapshot.now - refused.last)} ago", "plain"),
                ]
                for refused in snapshot.refused
            ],
        )


def _calls(calls: int | None) -> Cell:
    return ("?", "soft") if calls is None else (str(calls), "plain")


def _age(seconds: float | None) -> Cell:
    if seconds is None:
        return "", "plain"
    return duration(seconds), "warn" if seconds >= HANGING_S else "plain"


def _endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _configuration(page: Page, snapshot: Snapshot) -> None:
    if snapshot.reload.successful:
        return
    page.line(("", "plain"))
    page.line(("the last reload was rejected; the configuration before it runs on:", "bad"))
    for problem in snapshot.reload.problems:
        for line in problem.render().splitlines():
            page.line((f"  {line}", "plain"))


def render(snapshot: Snapshot, *, command_version: str, colour: bool, clients: bool) -> str:
    """The text, with a final newline; the line that matters most is the last.

    Args:
        snapshot: what the daemon said.
        command_version: ours; told when the daemon's is another.
        colour: use the terminal's colours.
        clients: show who is connected and who was refused.
    """
    page = Page(colour=colour)
    running = duration(snapshot.now - snapshot.started)
    page.line(
        (f"hostnfsd {snapshot.version}", "bold"),
        (f", process {snapshot.pid}, running for {running}", "plain"),
    )
    page.line((f"configuration {snapshot.config_path}, log {snapshot.log_destination}", "plain"))
    if snapshot.version != command_version:
        page.line(
            (f"this command is {command_version}: restart the daemon to run the same", "warn")
        )
    for gateway in snapshot.gateways:
        _gateway(page, gateway, snapshot.now)
    if clients:
        _clients(page, snapshot)
    _configuration(page, snapshot)
    for advice in snapshot.advice:
        page.line(("", "plain"))
        page.line((advice.text, "warn"))
        page.line((f"    hint: {advice.hint}", "soft"))
    if snapshot.notices:
        keys = ", ".join(notice.partition(":")[0] for notice in snapshot.notices)
        page.line(("", "plain"))
        page.line(("not built yet: ", "warn"), (keys, "plain"))
        page.line(("    what is in effect instead: hostnfsd check", "soft"))
    page.line(("", "plain"))
    page.line(_verdict(snapshot))
    return "\n".join(page.lines) + "\n"


def _verdict(snapshot: Snapshot) -> Cell:
    verdict = health.verdict(snapshot)
    if snapshot.stopping:
        return "stopping", "warn"
    if verdict.ready:
        return "ready", "good"
    return f"not ready: {', '.join(reason.brief for reason in verdict.reasons)}", "bad"
