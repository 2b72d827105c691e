"""What ``hostnfsd ports`` prints: gateway and host side by side, from a snapshot. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from hostnfsd.cli.columns import Cell, Page, Shade
from hostnfsd.cli.status_text import dialled
from hostnfsd.services import FACTS, Service
from hostnfsd.snapshot import GatewayView, ServiceState, ServiceView, Snapshot
from hostnfsd.sunrpc import portmap, rpcbind

SCHEMA: Final = 1
_HEADS: Final = (
    ("SERVICE", "left"),
    ("PROGRAM", "right"),
    ("GATEWAY", "right"),
    ("VERSIONS", "left"),
    ("HOST", "right"),
    ("FROM", "left"),
    ("VERSIONS", "left"),
    ("STATE", "left"),
)
_NOTHING: Final = "-"
#: Those of the portmapper that answers at the gateway itself.
_VIRTUAL: Final = (portmap.VERSION, *rpcbind.VERSIONS)
_CALM: Final = frozenset({ServiceState.ABSENT, ServiceState.OFF})
RELAYED: Final = "rpcbind is relayed: whoever asks it is told the host's ports, not the gateway's"
NOT_CARRIED: Final = "rpcbind is not carried: clients must name the ports"


@dataclass(frozen=True, slots=True)
class Told:
    """What a client that asks the gateway's portmapper for a service is told.

    Attributes:
        port: where to dial; None where the host's rpcbind is relayed and its word is not known.
        versions: the service's.
    """

    port: int | None
    versions: tuple[int, ...]


def mode(gateway: GatewayView) -> str | None:
    """Who answers as the portmapper: ``virtual``, ``relay``, or nobody (None)."""
    return next((view.mode for view in gateway.services if view.service is Service.RPCBIND), None)


def told(view: ServiceView, mode: str | None) -> Told | None:
    """What is told of a service; None: that it is not registered, or nobody answers."""
    if mode is None:
        return None
    if mode == "virtual":
        versions = _VIRTUAL if view.service is Service.RPCBIND else view.versions
        return Told(view.port, versions) if versions else None
    known = view.host_port_origin in {"rpcbind", "last-known"}
    return Told(view.host_port if known else None, view.versions) if view.versions else None


def to_json(snapshot: Snapshot) -> dict[str, Any]:
    """The document of ``ports --json``."""
    return {
        "schema": SCHEMA,
        "gateways": [
            {
                "name": gateway.name,
                "phase": str(gateway.phase),
                "client_address": list(gateway.client_address),
                "portmapper": mode(gateway),
                "services": [_service(view, mode(gateway)) for view in gateway.services],
            }
            for gateway in snapshot.gateways
        ],
    }


def _service(view: ServiceView, mode: str | None) -> dict[str, Any]:
    said = told(view, mode)
    return {
        "service": str(view.service),
        "program": FACTS[view.service].program,
        "required": view.required,
        "state": str(view.worst.state),
        "gateway": {
            "port": view.port,
            "told": None if said is None else {"port": said.port, "versions": list(said.versions)},
        },
        "host": {
            "port": view.host_port,
            "origin": view.host_port_origin,
            "versions": list(view.versions),
        },
    }


def versions_text(versions: tuple[int, ...]) -> str:
    """Versions in few letters: ``2-4``, ``1,3``; ``-`` for none."""
    runs: list[list[int]] = []
    for version in sorted(set(versions)):
        if runs and version == runs[-1][-1] + 1:
            runs[-1].append(version)
        else:
            runs.append([version])
    texts = [_run(run) for run in runs]
    return ",".join(texts) or _NOTHING


def _run(run: list[int]) -> str:
    first, last = run[0], run[-1]
    return f"{first}-{last}" if len(run) > 2 else ",".join(map(str, run))  # noqa: PLR2004  # 1,2 is as short as 1-2


def render(snapshot: Snapshot, *, colour: bool) -> str:
    """The text, with a final newline.

    Args:
        snapshot: what the daemon said.
        colour: use the terminal's colours.
    """
    page = Page(colour=colour)
    for index, gateway in enumerate(snapshot.gateways):
        if index:
            page.line(("", "plain"))
        _gateway(page, gateway)
    return "\n".join(page.lines) + "\n"


def _gateway(page: Page, gateway: GatewayView) -> None:
    name: list[Cell] = [(gateway.name, "bold"), (f": {gateway.phase}", "plain")]
    page.listing(name, *dialled(gateway))
    who = mode(gateway)
    page.table(_HEADS, [_row(view, told(view, who)) for view in gateway.services])
    if who != "virtual" and gateway.services:
        page.line((f"  {NOT_CARRIED if who is None else RELAYED}", "warn"))


def _row(view: ServiceView, said: Told | None) -> list[Cell]:
    elsewhere = said is not None and said.port not in {view.port, None}
    return [
        (view.service, "plain" if view.required else "soft"),
        (str(FACTS[view.service].program), "plain"),
        (str(view.port), "plain"),
        (versions_text(() if said is None else said.versions), "plain"),
        (str(view.host_port), "warn" if elsewhere else "plain"),
        (view.host_port_origin, "plain"),
        (versions_text(view.versions), "plain"),
        (view.worst.state, _shade(view)),
    ]


def _shade(view: ServiceView) -> Shade:
    state = view.worst.state
    if state is ServiceState.SERVING:
        return "good"
    if state in _CALM:
        return "soft"
    return "bad" if view.required and not state.ready else "warn"
