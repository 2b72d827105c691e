"""docs/portmapper.md says what the portmapper does and `ports` prints."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from hostnfsd.cli.ports_text import render
from hostnfsd.daemon.relay.portmap_side import IDLE_S
from hostnfsd.server.finding import Origin
from hostnfsd.services import Service
from hostnfsd.snapshot import GatewayView, ServiceState
from hostnfsd.sunrpc import portmap, rpc, rpcbind
from hostnfsd.sunrpc.portmapper import PortmapView, answer
from hostnfsd.sunrpc.xdr import encode
from tests.support.snapshots import gateway, service, snapshot, with_service

TEXT = (Path(__file__).parents[2] / "docs/portmapper.md").read_text(encoding="utf-8")
NAMES = {2: portmap.Procedure, 3: rpcbind.Procedure, 4: rpcbind.Procedure}


def shown() -> GatewayView:
    """The gateway of the example: a macOS host."""
    view = gateway()
    for name, port, origin, versions in (
        (Service.RPCBIND, 111, Origin.RPCBIND, (2, 3, 4)),
        (Service.NFS, 2049, Origin.RPCBIND, (3,)),
        (Service.MOUNTD, 958, Origin.RPCBIND, (1, 3)),
        (Service.NLOCKMGR, 1017, Origin.RPCBIND, (0, 1, 3, 4)),
        (Service.STATUS, 662, Origin.CONFIGURED, (1,)),
        (Service.RQUOTAD, 875, Origin.ASSUMED, ()),
    ):
        state = ServiceState.SERVING if versions else ServiceState.ABSENT
        found = replace(
            service(name, state), host_port=port, host_port_origin=origin, versions=versions
        )
        view = with_service(view, found)
    return view


def test_the_example_is_what_is_printed() -> None:
    assert f"```\n{render(snapshot(shown()), colour=False)}```\n" in TEXT


def test_every_origin_is_explained() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", TEXT, re.MULTILINE) == [str(o) for o in Origin]


@pytest.mark.parametrize("version", NAMES)
def test_exactly_the_procedures_told_are_answered(version: int) -> None:
    found = re.search(rf"^\| {version} \| (.*) \|$", TEXT, re.MULTILINE)
    assert found is not None
    answered = []
    for procedure in NAMES[version]:
        raw = answer(encode(rpc.Call(1, portmap.PROGRAM, version, procedure)), PortmapView(()))
        assert raw is not None
        message = rpc.decode_message(raw)
        assert isinstance(message, rpc.Accepted)
        if message.outcome != rpc.Failure(rpc.AcceptStat.PROC_UNAVAIL):
            answered.append(procedure.name)

    assert found[1].split(", ") == answered


def test_the_time_told_is_the_one_in_force() -> None:
    assert f"without a byte for {IDLE_S:g} s" in TEXT
