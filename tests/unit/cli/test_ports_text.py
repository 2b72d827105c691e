"""The text of ``hostnfsd ports``: compared as a whole, for its layout is what people read."""

import json
import re
from dataclasses import replace

import pytest

from hostnfsd.cli.ports_text import NOT_CARRIED, RELAYED, render, to_json, versions_text
from hostnfsd.services import Service
from hostnfsd.snapshot import GatewayView, ServiceState, ServiceView, Snapshot
from tests.support.snapshots import gateway, service, snapshot, with_service

HEALTHY = """\
dev-gw: up, clients dial 172.22.0.2
  SERVICE   PROGRAM  GATEWAY  VERSIONS   HOST  FROM        VERSIONS  STATE
  rpcbind    100000      111  2-4         111  configured  -         serving
  nfs        100003     2049  3,4       20490  rpcbind     3,4       serving
  mountd     100005    20048  1,3       40123  last-known  1,3       host-down
  nlockmgr   100021    32803  0,1,3,4   32803  rpcbind     0,1,3,4   serving
  status     100024      662  1           662  rpcbind     1         serving
  rquotad    100011      875  -           875  assumed     -         absent
"""

RELAYED_TEXT = f"""\
dev-gw: up, clients dial 172.22.0.2
  SERVICE   PROGRAM  GATEWAY  VERSIONS   HOST  FROM        VERSIONS  STATE
  rpcbind    100000      111  2-4         111  rpcbind     2-4       serving
  nfs        100003     2049  3,4       20490  rpcbind     3,4       serving
  mountd     100005    20048  1,3       40123  last-known  1,3       host-down
  nlockmgr   100021    32803  0,1,3,4   32803  rpcbind     0,1,3,4   serving
  status     100024      662  1           662  rpcbind     1         serving
  rquotad    100011      875  -           875  assumed     -         absent
  {RELAYED}
"""


def found(
    name: Service,
    port: int,
    origin: str,
    *versions: int,
    state: ServiceState = ServiceState.SERVING,
) -> ServiceView:
    """A service as it was found on the host."""
    view = service(name, state)
    return replace(view, host_port=port, host_port_origin=origin, versions=versions)


def whole(*changed: ServiceView) -> GatewayView:
    """A gateway with a host whose ports have moved."""
    view = gateway()
    for each in (
        found(Service.NFS, 20490, "rpcbind", 3, 4),
        found(Service.MOUNTD, 40123, "last-known", 1, 3, state=ServiceState.HOST_DOWN),
        found(Service.NLOCKMGR, 32803, "rpcbind", 0, 1, 3, 4),
        found(Service.STATUS, 662, "rpcbind", 1),
        found(Service.RQUOTAD, 875, "assumed", state=ServiceState.ABSENT),
        *changed,
    ):
        view = with_service(view, each)
    return view


RELAY = replace(found(Service.RPCBIND, 111, "rpcbind", 2, 3, 4), mode="relay")


def without_rpcbind() -> GatewayView:
    view = whole()
    return replace(view, services=view.services[1:])


def test_gateway_and_host_side_by_side() -> None:
    assert render(snapshot(whole()), colour=False) == HEALTHY


def test_many_addresses_wrap() -> None:
    long = "2001:db8:1234:5678:9abc:def0:1234:5678"
    view = replace(whole(), client_address=("172.22.0.2", "fd22::12", long, "gw.example.org"))
    lines = render(snapshot(view), colour=False).splitlines()

    assert lines[0] == "dev-gw: up, clients dial 172.22.0.2, fd22::12,"
    assert lines[1] == f"    {long}, gw.example.org"
    assert max(map(len, lines)) <= 80


def test_a_relayed_rpcbind_is_seen_to_lie() -> None:
    assert render(snapshot(whole(RELAY)), colour=False) == RELAYED_TEXT


def test_without_rpcbind_nobody_is_told_anything() -> None:
    lines = render(snapshot(without_rpcbind()), colour=False).splitlines()

    assert [line.split()[3] for line in lines[2:-1]] == ["-"] * 5
    assert lines[-1].strip() == NOT_CARRIED


def test_every_gateway_is_shown() -> None:
    other = gateway("other", client_address=())
    lines = render(snapshot(whole(), other), colour=False).splitlines()

    assert lines[lines.index("") + 1] == "other: up"


def test_the_longest_words_fit_into_80_columns() -> None:
    longest = found(Service.NLOCKMGR, 65535, "configured", 0, 1, 3, 4)
    worst = replace(longest, families=service(Service.NFS, ServiceState.UNREACHABLE).families)

    assert max(map(len, render(snapshot(whole(worst)), colour=False).splitlines())) <= 80


def test_colours_change_nothing_but_colours() -> None:
    for view in (whole(), whole(RELAY), without_rpcbind()):
        plain = render(snapshot(view), colour=False)
        coloured = render(snapshot(view), colour=True)

        assert coloured != plain
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


@pytest.mark.parametrize(
    ("versions", "text"),
    [
        ((), "-"),
        ((3,), "3"),
        ((1, 2), "1,2"),
        ((2, 3, 4), "2-4"),
        ((4, 3), "3,4"),
        ((0, 1, 3, 4), "0,1,3,4"),
        ((1, 2, 3, 7), "1-3,7"),
    ],
)
def test_versions_in_few_letters(versions: tuple[int, ...], text: str) -> None:
    assert versions_text(versions) == text


def json_of(whole: Snapshot) -> tuple[str | None, dict[str, dict[str, object]]]:
    document = json.loads(json.dumps(to_json(whole)))
    assert document["schema"] == 1
    (one,) = document["gateways"]
    assert (one["name"], one["phase"], one["client_address"]) == ("dev-gw", "up", ["172.22.0.2"])
    return one["portmapper"], {each["service"]: each for each in one["services"]}


def test_the_document_of_a_virtual_portmapper() -> None:
    mode, shown = json_of(snapshot(whole()))

    assert mode == "virtual"
    assert shown["mountd"] == {
        "service": "mountd",
        "program": 100005,
        "required": True,
        "state": "host-down",
        "gateway": {"port": 20048, "told": {"port": 20048, "versions": [1, 3]}},
        "host": {"port": 40123, "origin": "last-known", "versions": [1, 3]},
    }
    assert shown["rpcbind"]["gateway"] == {
        "port": 111,
        "told": {"port": 111, "versions": [2, 3, 4]},
    }
    assert shown["rquotad"]["gateway"] == {"port": 875, "told": None}


def test_the_document_of_a_relayed_one_tells_what_the_hosts_says() -> None:
    mode, shown = json_of(snapshot(whole(RELAY, found(Service.STATUS, 662, "configured", 1))))

    assert mode == "relay"
    assert shown["nfs"]["gateway"] == {"port": 2049, "told": {"port": 20490, "versions": [3, 4]}}
    assert shown["status"]["gateway"] == {"port": 662, "told": {"port": None, "versions": [1]}}


def test_the_document_without_rpcbind() -> None:
    mode, shown = json_of(snapshot(without_rpcbind()))

    assert mode is None
    assert shown["nfs"]["gateway"] == {"port": 2049, "told": None}
