from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.exports.access import Access, Reason, access
from hostnfsd.exports.addresses import Address, Block
from hostnfsd.exports.model import Client, ClientKind, Dialect
from hostnfsd.problem import Place
from tests.vectors.exports_vectors import LOOPBACK, read


def block(text: str) -> Block:
    network = ip_network(text)
    return Block(network.network_address, network.netmask)


KIND = block("172.22.0.0/16")


def mac(text: str) -> Access:
    return access(read(Dialect.DARWIN, text).exports, LOOPBACK, [KIND])


def linux(text: str) -> Access:
    return access(read(Dialect.LINUX, text).exports, LOOPBACK, [KIND])


def reason(rules: Access, originator: str) -> Reason | None:
    rule = rules.admits(ip_address(originator))
    return rule.reason if rule else None


@pytest.mark.parametrize("originator", ["172.22.0.13", "::ffff:172.22.0.13"])
def test_an_export_for_the_host_alone_admits_who_is_next_to_the_gateway(originator: str) -> None:
    rules = mac("/Users/dev/src -maproot=501:20 localhost\n")

    assert reason(rules, originator) is Reason.ATTACHED
    assert reason(rules, "10.0.0.1") is None


@pytest.mark.parametrize("originator", ["127.0.0.1", "::1", "127.5.5.5"])
def test_loopback_is_the_host_and_never_the_gateway(originator: str) -> None:
    rules = mac("/Users/dev/src localhost\n/Users/dev/src -network 127\n")

    assert reason(rules, originator) is None


def test_an_export_for_the_loopback_network_names_only_the_host() -> None:
    assert reason(mac("/Users/dev/src -network 127\n"), "172.22.1.1") is Reason.ATTACHED


def test_an_export_that_does_not_admit_the_host_admits_nobody() -> None:
    rules = mac("/Users/dev/src -network 172.22.0.0 -mask 255.255.0.0\n")

    assert reason(rules, "172.22.0.13") is None
    assert rules.mountable == ()


def test_a_network_is_admitted_where_the_host_is_too() -> None:
    rules = linux("/srv/a 127.0.0.1(rw) 10.9.0.0/16(rw) two(ro)\n")

    assert reason(rules, "10.9.3.4") is Reason.NAMED
    assert reason(rules, "10.9.8.8") is Reason.NAMED
    assert reason(rules, "172.22.0.13") is None
    rule = rules.admits(ip_address("10.9.3.4"))
    assert rule is not None
    assert (rule.export, rule.place.column) == ("/srv/a", 22)


def test_a_world_export_admits_everybody() -> None:
    rules = mac("/Users/dev/src\n")

    assert reason(rules, "127.0.0.1") is Reason.WORLD
    assert reason(rules, "fd00::1") is Reason.WORLD


def test_one_export_opens_the_gate_for_all() -> None:
    rules = linux("/srv/a 127.0.0.1(rw)\n/srv/d 127.0.0.1(rw) 10.0.0.0/8(rw)\n")

    assert reason(rules, "10.1.1.1") is Reason.NAMED
    assert [export.path for export in rules.mountable] == ["/srv/a", "/srv/d"]


def test_patterns_and_netgroups_are_passed_over_with_a_warning() -> None:
    rules = linux("/srv/a 127.0.0.1(rw) *.lab(rw) @team(ro) gss/krb5(rw)\n")

    assert rules.rules == ()
    assert [p.code for p in rules.problems] == ["not-judged"] * 3
    assert "a wildcard is not judged" in rules.problems[0].render()


def test_a_netgroup_of_the_host_is_not_the_host() -> None:
    rules = linux("/srv/a 127.0.0.1(rw) @loop(rw)\n")
    group = Client(ClientKind.NETGROUP, "@loop", Place("exports", 1, 1), (LOOPBACK,))
    (export,) = rules.mountable
    (grant, _) = export.grants
    named = replace(export, grants=(grant, replace(grant, client=group)))

    assert access([named], LOOPBACK, [KIND]).rules == ()


def test_an_offline_export_admits_nobody() -> None:
    assert mac("/Users/dev/src -offline\n").rules == ()


def test_a_network_with_host_bits_admits_nobody() -> None:
    rules = mac("/Users/dev/src localhost\n/Users/dev/src -network 10.0.0.1 -mask 255.0.0.0\n")

    assert reason(rules, "10.0.0.1") is None


def test_the_address_that_is_dialled_from_is_the_host() -> None:
    exports = read(Dialect.LINUX, "/srv/a 10.9.8.7(rw)\n").exports
    rules = access(exports, ip_address("10.9.8.7"), [KIND])

    assert reason(rules, "172.22.0.1") is Reason.ATTACHED
    assert reason(rules, "10.9.8.7") is None


def test_without_exports_nobody_is_admitted() -> None:
    assert access([], LOOPBACK, [KIND]) == Access((), ())


@given(originator=st.ip_addresses())
def test_networks_admit_their_own(originator: Address) -> None:
    rules = linux("/srv/a 127.0.0.1(rw) 10.0.0.0/8(rw) fd00::/8(rw)\n")
    inside = any(originator in ip_network(net) for net in ("10.0.0.0/8", "fd00::/8"))
    mapped = getattr(originator, "ipv4_mapped", None)
    inside = inside or (mapped is not None and mapped in ip_network("10.0.0.0/8"))

    assert (rules.admits(originator) is not None) == inside
