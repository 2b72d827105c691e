"""The text of ``hostnfsd status``: a snapshot laid out in lines. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, TypeVar

from hostnfsd import health
from hostnfsd.cli import access_text
from hostnfsd.cli.columns import Cell, Page, Shade
from hostnfsd.cli.status_exports import exports
from hostnfsd.readable import duration, size
from hostnfsd.rpc_view import HANGING_S
from hostnfsd.services import Service
from hostnfsd.snapshot import (
    ClientView,
    FamilyView,
    GatewayView,
    Phase,
    RefusedView,
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
    ("HOST", "right"),
    ("STATE", "left"),
    ("SINCE", "left"),
    ("CONNS", "right"),
    ("TO HOST", "right"),
    ("TO CLIENTS", "right"),
)
_CLIENT_HEADS: Final = (
    ("CLIENT", "left"),
    ("SINCE", "left"),
    ("CALLS", "right"),
    ("OLDEST", "right"),
    ("TO HOST", "right"),
    ("TO CLIENT", "right"),
)
_REFUSED_HEADS: Final = (
    ("REFUSED", "left"),
    ("REASON", "left"),
    ("TIMES", "right"),
    ("LAST", "left"),
)
_EMPTY: Final[Cell] = ("", "plain")
_SERVICES: Final = tuple(Service)
#: Letters of an endpoint that has its place in the table; all of IPv4 are shorter.
_ENDPOINT_MOST: Final = 21

_Party = TypeVar("_Party", ClientView, RefusedView)


def _service_rows(view: ServiceView, now: float) -> Iterator[Sequence[Cell]]:
    """One row where all families fare alike; else each has a row of its own below."""
    families = tuple(view.families.values())
    alike = len({(each.state, each.error, each.hint) for each in families}) == 1
    newest = max(families, key=lambda each: each.since)
    yield [
        (view.service, "plain" if view.required else "soft"),
        (str(view.port), "plain"),
        (str(view.host_port), "plain"),
        (newest.state if alike else "", _state_shade(view, newest)),
        (duration(now - newest.since) if alike else "", "plain"),
        (str(view.connections), "plain"),
        (size(view.bytes_to_host), "plain"),
        (size(view.bytes_to_client), "plain"),
    ]
    if alike:
        yield from _trouble(view, newest)
    else:
        for family, met in view.families.items():
            state, since = (met.state, _state_shade(view, met)), duration(now - met.since)
            name: Cell = (f"  {family}", "soft")
            yield [name, _EMPTY, _EMPTY, state, (since, "plain"), _EMPTY, _EMPTY, _EMPTY]
            yield from _trouble(view, met)
    rpc = view.rpc
    if rpc is not None and rpc.hangs:
        waits = duration(rpc.oldest_call_s or 0.0)
        yield [(f"      {rpc.in_flight} unanswered, the oldest call for {waits}", "warn")]


def _trouble(view: ServiceView, met: FamilyView) -> Iterator[Sequence[Cell]]:
    # A column of its own would make every line too long for a terminal.
    if met.error:
        yield [(f"      {met.error}", _state_shade(view, met))]
    if met.hint:
        yield [(f"      hint: {met.hint}", "soft")]


def _state_shade(view: ServiceView, met: FamilyView) -> Shade:
    return _STATES.get(met.state, "bad" if view.required else "warn")


def dialled(view: GatewayView) -> list[Sequence[Cell]]:
    """What clients dial, as items of a listing; none if that is not known."""
    if not view.client_address:
        return []
    first, *others = view.client_address
    return [[(text, "plain")] for text in (f"clients dial {first}", *others)]


def _gateway(page: Page, view: GatewayView, now: float) -> None:
    headline: list[Sequence[Cell]] = [
        [
            (view.name, "bold"),
            (": ", "plain"),
            (view.phase, _PHASES.get(view.phase, "warn")),
            (f" for {duration(now - view.since)}", "plain"),
        ]
    ]
    if view.retry_at is not None:
        headline.append([(f"next attempt in {duration(view.retry_at - now)}", "plain")])
    headline.append([(view.address, "plain")])
    headline += dialled(view)
    if view.optional:
        headline.append([("optional", "soft")])
    page.line(_EMPTY)
    page.listing(*headline)
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
    now = snapshot.now
    if snapshot.clients:
        clients = sorted(snapshot.clients, key=lambda client: client.since)
        page.table(_CLIENT_HEADS, [*_by_service(clients, lambda one: _client_rows(one, now))])
    if snapshot.refused:
        rows = _by_service(snapshot.refused, lambda one: _refused_rows(one, now))
        page.table(_REFUSED_HEADS, [*rows])
    for line in access_text.lines(snapshot):
        page.line(*line)


def _by_service(
    parties: Iterable[_Party], rows: Callable[[_Party], Iterable[Sequence[Cell]]]
) -> Iterator[Sequence[Cell]]:
    """The rows of each, below the gateway and service they are of; each of these in its order."""

    def place(party: _Party) -> tuple[str, int]:
        return party.gateway, _SERVICES.index(party.service)

    for (gateway, index), group in groupby(sorted(parties, key=place), place):
        yield [(f"  {gateway} {_SERVICES[index]}:", "soft")]
        for party in group:
            yield from rows(party)


def _client_rows(client: ClientView, now: float) -> Iterator[Sequence[Cell]]:
    endpoint = _endpoint(client.host, client.port)
    if len(endpoint) > _ENDPOINT_MOST:
        yield [(f"  {endpoint}", "plain")]
        endpoint = ""
    yield [
        (endpoint, "plain"),
        (duration(now - client.since), "plain"),
        _calls(client.calls),
        _age(client.oldest_call_s),
        (size(client.bytes_to_host), "plain"),
        (size(client.bytes_to_client), "plain"),
    ]


def _refused_rows(refused: RefusedView, now: float) -> Iterator[Sequence[Cell]]:
    yield [
        (refused.host, "plain"),
        (refused.reason, "warn"),
        (str(refused.count), "plain"),
        (f"{duration(now - refused.last)} ago", "plain"),
    ]


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
    if snapshot.awake is not None and (kept := snapshot.awake.sentence(snapshot.now)):
        page.line((kept, "plain"))
    if snapshot.version != command_version:
        page.line(
            (f"this command is {command_version}: restart the daemon to run the same", "warn")
        )
    for gateway in snapshot.gateways:
        _gateway(page, gateway, snapshot.now)
    if snapshot.exports is not None:
        exports(page, snapshot.exports, snapshot.now)
    if clients:
        _clients(page, snapshot)
    _configuration(page, snapshot)
    for advice in snapshot.advice:
        page.line(("", "plain"))
        page.line((advice.text, "warn"))
        page.line((f"    hint: {advice.hint}", "soft"))
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
