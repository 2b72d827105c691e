"""The text of ``hostnfsd status``: compared as a whole, for its layout is what people read."""

import re
from dataclasses import replace
from itertools import permutations

from hostnfsd.cli.status_text import render
from hostnfsd.services import Service
from hostnfsd.snapshot import (
    Advice,
    ClientView,
    Family,
    FamilyView,
    Refusal,
    RefusedView,
    ServiceState,
    Snapshot,
)
from tests.support.snapshots import NOW, gateway, service, snapshot, troubled, with_service

HEALTHY = """\
hostnfsd 0.1.0, process 4242, running for 2 h 6 min
configuration /etc/hostnfsd/hostnfsd.toml, log journal

dev-gw: up for 2 h 5 min, admin@127.0.0.1:122, clients dial 172.22.0.2
  SERVICE    PORT   HOST  STATE    SINCE  CONNS  TO HOST  TO CLIENTS
  rpcbind     111    111  serving  1 min      0      0 B         0 B
  nfs        2049   2049  serving  1 min      0      0 B         0 B
  mountd    20048  20048  serving  1 min      0      0 B         0 B
  nlockmgr  32803  32803  serving  1 min      0      0 B         0 B
  status      662    662  serving  1 min      0      0 B         0 B
  rquotad     875    875  serving  1 min      0      0 B         0 B

ready
"""

TROUBLED = """\
hostnfsd 0.1.0, process 4242, running for 2 h 6 min
configuration /etc/hostnfsd/hostnfsd.toml, log journal
this machine has been kept awake for 12 min: clients worked 20 s ago
this command is 0.2.0: restart the daemon to run the same

dev-gw: up for 2 h 5 min, admin@127.0.0.1:122, clients dial 172.22.0.2
  SERVICE    PORT   HOST  STATE        SINCE      CONNS  TO HOST  TO CLIENTS
  rpcbind     111    111  serving      1 min          0      0 B         0 B
  nfs        2049  20490                              2  1.5 KiB     256 MiB
    ipv4                  serving      3 s
    ipv6                  unreachable  1 min 5 s
      [fd00::2]:2049: connection refused
      hint: set "AddressFamily any" in sshd_config
      1 unanswered, the oldest call for 42 s
  mountd    20048  20048  host-down    1 min          0      0 B         0 B
      127.0.0.1:20048: <refused> & gone
  nlockmgr  32803  32803  serving      1 min          0      0 B         0 B
  status      662    662  serving      1 min          0      0 B         0 B
  rquotad     875    875  absent       1 min          0      0 B         0 B

büro & <b>: backoff for 5 s, next attempt in 4 s, root@[::1]:22, optional
  connect to ::1 port 22: connection refused
  hint: start sshd on the gateway
  SERVICE    PORT   HOST  STATE    SINCE  CONNS  TO HOST  TO CLIENTS
  rpcbind     111    111  waiting  1 min      0      0 B         0 B
  nfs        2049   2049  waiting  1 min      0      0 B         0 B
  mountd    20048  20048  waiting  1 min      0      0 B         0 B
  nlockmgr  32803  32803  waiting  1 min      0      0 B         0 B
  status      662    662  waiting  1 min      0      0 B         0 B
  rquotad     875    875  waiting  1 min      0      0 B         0 B

exports /etc/exports: invalid for 1 h, what it said before is in effect,
    2 exports, 1 can be mounted through the tunnel
  it cannot be read within 15 s
  hint: what was in effect stays
  changed 1 min 30 s ago:
    /srv/a altered: now for everybody, read
    /srv/c removed
  the server was not told 1 min 20 s ago: exit status 1: no <etab>
    hint: run it
  1 error, 2 warnings, the first:
    /etc/exports:3:9: error: rv: no <option> [bad-option]
        hint: did you mean rw?
    all of them: hostnfsd exports

2 of at most 1024 connections
  CLIENT          SINCE  CALLS  OLDEST  TO HOST  TO CLIENT
  dev-gw nfs:
  172.22.0.9:801  40 s      17    42 s  1.0 KiB    2.0 KiB
  [fd00::9]:802   4 s        ?            512 B    256 MiB
  REFUSED      REASON        TIMES  LAST
  dev-gw nfs:
  172.22.0.66  limit             4  9 s ago
  dev-gw mountd:
  10.9.8.7     not-admitted      2  3 s ago
admitted at dev-gw:
  172.22.0.0/16, by /srv/src (/etc/exports:1:10)
nobody is admitted at büro & <b>:
  /etc/exports exports nothing
  hint: hostnfsd exports tells why
10.9.8.7 was not admitted at dev-gw:
  /srv/src admits 172.22.0.0/16, not 10.9.8.7
  to admit it, [access] in /etc/hostnfsd/hostnfsd.toml:
    allow = ["172.22.0.0/16", "10.9.8.7"]
  or in /etc/exports:1, beside what is there:
    172.22.0.0/16(rw) 10.9.8.7(rw)

the last reload was rejected; the configuration before it runs on:
  /etc/hostnfsd/hostnfsd.toml:3:1: error: tunnel.keepalive: unknown key (<b>) [unknown-key]
      hint: did you mean "keepalive_interval_s"?
  /x: warning: host.exports: is not there [no-file]

not ready: dev-gw nfs unreachable (ipv6), dev-gw mountd host-down (ipv4)
"""


def text(
    whole: Snapshot, *, version: str = "0.1.0", colour: bool = False, clients: bool = False
) -> str:
    return render(whole, command_version=version, colour=colour, clients=clients)


def test_a_healthy_daemon() -> None:
    assert text(snapshot()) == HEALTHY


def test_everything_that_can_be_wrong() -> None:
    assert text(troubled(), version="0.2.0", clients=True) == TROUBLED


def test_colours_change_nothing_but_colours() -> None:
    coloured = text(troubled(), version="0.2.0", colour=True, clients=True)

    assert "\x1b[32mserving\x1b[0m" in coloured
    assert "\x1b[1;31mhost-down\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == TROUBLED


def test_services_that_are_switched_off_are_named() -> None:
    shown = text(snapshot(gateway(off=(Service.STATUS, Service.RQUOTAD))))

    assert "  off: status, rquotad (switched off in the configuration)\n" in shown


def both(
    state: ServiceState = ServiceState.SERVING, error: str | None = None
) -> dict[Family, FamilyView]:
    return {
        Family.IPV4: FamilyView(ServiceState.SERVING, NOW - 86_399),
        Family.IPV6: FamilyView(state, NOW - 3599, error),
    }


def test_families_that_fare_alike_share_a_row() -> None:
    nfs = replace(service(Service.NFS), families=both())
    shown = text(snapshot(with_service(gateway(), nfs)))

    assert "\n  nfs        2049   2049  serving  59 min 59 s      0 " in shown
    assert "ipv" not in shown


def test_families_that_fail_for_different_reasons_do_not() -> None:
    nfs = replace(service(Service.NFS), families=both(error="odd"))
    lines = text(snapshot(with_service(gateway(), nfs))).splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("  nfs"))

    assert [line.split()[:2] for line in lines[at + 1 : at + 3]] == [
        ["ipv4", "serving"],
        ["ipv6", "serving"],
    ]
    assert lines[at + 3] == "      odd"


def test_an_ordinary_terminal_is_wide_enough() -> None:
    """Two families, long addresses, and numbers as large as they get."""
    services = [
        replace(
            service(name),
            families=both(ServiceState.UNREACHABLE),
            connections=99_999,
            bytes_to_host=1023 << 30,
            bytes_to_client=1023 << 40,
        )
        for name in Service
    ]
    long = "2001:db8:1234:5678:9abc:def0:1234:5678"
    busy = gateway(
        services=tuple(services),
        client_address=("172.22.0.2", "fd22::12", long, "gateway.example.org"),
        optional=True,
        since=NOW - 86_399,
    )
    clients = [
        ClientView("dev-gw", Service.NFS, host, 54321, NOW - 86_399, 10**9, 10**12, 10**7, 3599.0)
        for host in ("172.122.100.122", long)
    ]
    refused = RefusedView("dev-gw", Service.NFS, long, Refusal.SOURCE_PORT, 10**5, NOW - 86_399)
    whole = snapshot(busy, clients=tuple(clients), refused=(refused,))
    lines = text(whole, clients=True).splitlines()

    assert [line for line in lines[:-1] if len(line) > 80] == []
    at = next(index for index, line in enumerate(lines) if line.startswith("dev-gw: "))
    assert lines[at].endswith(",")
    assert lines[at + 1 : at + 3] == [f"    fd22::12, {long}, gateway.example.org,", "    optional"]
    assert f"  [{long}]:54321" in lines, "on a line of its own"


def test_clients_are_sorted_by_gateway_service_and_age() -> None:
    def client(gateway: str, name: Service, port: int, age: float) -> ClientView:
        return ClientView(gateway, name, "172.22.0.9", port, NOW - age, 0, 0)

    expected = [
        client("a", Service.NFS, 701, 900),
        client("a", Service.NFS, 702, 30),
        client("a", Service.MOUNTD, 703, 1000),
        client("b", Service.RPCBIND, 704, 5),
    ]
    for order in permutations(expected):
        shown = text(snapshot(clients=order), clients=True)
        _, _, table = shown.partition("CLIENT  ")
        found = [line.split()[0] for line in table.splitlines()[1:8]]
        assert [each if each.isalpha() else each.partition(":")[2] for each in found] == [
            *("a", "701", "702", "a", "703", "b", "704")
        ]


def test_nobody_connected() -> None:
    assert "0 of at most 1024 connections\n" in text(snapshot(), clients=True)
    assert "CLIENT" not in text(snapshot(), clients=True).replace("TO CLIENTS", "")


def test_a_peers_text_moves_no_cursor() -> None:
    shown = text(snapshot(gateway(error="banner\x1b[2J\nready", hint="a\rb")))

    assert "\x1b" not in shown
    assert "  banner\\x1b[2J\\nready\n  hint: a\\rb\n" in shown


def test_a_daemon_that_stops_says_so_last() -> None:
    assert text(snapshot(stopping=True)).endswith("\n\nstopping\n")


def test_advice_stands_before_the_verdict() -> None:
    told = text(snapshot(advice=(Advice("no right to low ports", "give the daemon the right"),)))

    assert told.endswith(
        """
no right to low ports
    hint: give the daemon the right

ready
"""
    )
