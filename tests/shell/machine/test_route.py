from ipaddress import IPv4Address, IPv6Address, ip_address

from hostnfsd.exports.addresses import Address
from hostnfsd.exports.system import UNKNOWN, Unknown
from hostnfsd.machine import route

LOOPBACK = IPv4Address("127.0.0.1")


def known(name: str) -> tuple[Address, ...] | Unknown:
    match name:
        case "here":
            return (ip_address("203.0.113.77"), LOOPBACK)
        case "none":
            return ()
        case _:
            return UNKNOWN


def test_the_usual_address_is_seen_as_itself() -> None:
    assert route.dialled_from("127.0.0.1", known) == LOOPBACK
    assert route.dialled_from("127.1", known) == LOOPBACK
    assert route.dialled_from("::1", known) == IPv6Address("::1")


def test_a_name_is_resolved_and_the_first_with_a_route_counts() -> None:
    assert route.dialled_from("here", known) in {
        LOOPBACK,
        route.towards(IPv4Address("203.0.113.77")),
    }
    assert route.dialled_from("none", known) is None
    assert route.dialled_from("slow", known) is None


def test_where_no_route_leads_there_is_no_source() -> None:
    # A mapped address of documentation behind an address family that has no default route here, or
    # one that the kernel refuses to connect to.
    assert route.towards(IPv4Address("255.255.255.255")) is None
