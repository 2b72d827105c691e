"""hostnfsd.sunrpc.rpcbind; what every type keeps is in test_xdr.py."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.sunrpc.rpcbind import (
    MAX_STRING,
    NETIDS,
    Binding,
    Endpoint,
    IPAddress,
    Netbuf,
    Uaddr,
    parse_uaddr,
    uaddr,
)
from hostnfsd.sunrpc.xdr import RpcDecodeError, decode, encode
from tests.unit.sunrpc.messages import ADDRESSES, PORTS


@given(ADDRESSES, PORTS)
def test_a_universal_address_is_read_as_it_was_written(address: IPAddress, port: int) -> None:
    assert parse_uaddr(uaddr(address, port)) == (address, port)


@pytest.mark.parametrize(
    ("address", "port", "text"),
    [
        ("127.0.0.1", 2049, "127.0.0.1.8.1"),
        ("0.0.0.0", 111, "0.0.0.0.0.111"),
        ("255.255.255.255", 65535, "255.255.255.255.255.255"),
        ("::", 111, "::.0.111"),
        ("fd22::12", 20048, "fd22::12.78.80"),
        ("2001:db8:0:0:0:0:0:1", 0, "2001:db8::1.0.0"),
    ],
)
def test_universal_addresses(address: str, port: int, text: str) -> None:
    assert uaddr(address, port) == text
    assert parse_uaddr(text) == (ipaddress.ip_address(address), port)


def test_ganesha_registers_an_ipv4_address_in_ipv6() -> None:
    address, port = parse_uaddr("::ffff:0.0.0.0.8.1")

    assert (address, port) == (ipaddress.IPv6Address("::ffff:0.0.0.0"), 2049)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1",
        "127.0.0.1.8",
        "127.0.0.1.8.256",
        "127.0.0.1.-1.1",
        "127.0.0.1.8.1 ",
        "127.0.0.1.8.0001",
        "127.0.0.1.8.²",
        "127.0.0.1.٣.1",
        "::1",
        "::1.8",
        ".8.1",
        "localhost.8.1",
        "fe80::1%eth0.8.1",
        "/run/rpcbind.sock",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_uaddr(text)


@given(st.text(alphabet="0123456789.:f%", max_size=30))
def test_any_text_is_one_or_a_value_error(text: str) -> None:
    try:
        address, port = parse_uaddr(text)
    except ValueError:
        return

    assert parse_uaddr(uaddr(address, port)) == (address, port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_has_sixteen_bits(port: int) -> None:
    with pytest.raises(ValueError, match=f"{port} is no port"):
        uaddr("127.0.0.1", port)


@pytest.mark.parametrize("address", ["localhost", "fe80::1%eth0"])
def test_an_address_is_numeric_and_has_no_zone(address: str) -> None:
    with pytest.raises(ValueError, match=address):
        uaddr(address, 1)


def test_a_question() -> None:
    raw = "000186a3 00000003 00000003 74637000 00000000 00000001 78000000"

    assert decode(Binding, bytes.fromhex(raw)) == Binding(100003, 3, "tcp", "", "x")


def test_a_string_has_a_limit() -> None:
    longest = Uaddr("x" * MAX_STRING)
    assert decode(Uaddr, encode(longest)) == longest

    with pytest.raises(ValueError, match="1025 does not fit"):
        encode(Uaddr("x" * (MAX_STRING + 1)))
    with pytest.raises(RpcDecodeError, match="1025 bytes are too many"):
        decode(Uaddr, bytes.fromhex("00000401") + bytes(1028))


def test_an_endpoint_tells_its_transport() -> None:
    address = ipaddress.ip_address("fd22::12")

    assert Endpoint.of("tcp6", address, 2049) == Endpoint("fd22::12.8.1", "tcp6", 3, "inet6", "tcp")


def test_netids_are_those_of_rfc_5665() -> None:
    assert {netid: (facts.family, int(facts.number)) for netid, facts in NETIDS.items()} == {
        "tcp": ("inet", 6),
        "udp": ("inet", 17),
        "tcp6": ("inet6", 6),
        "udp6": ("inet6", 17),
    }


def test_a_socket_address_is_opaque() -> None:
    raw = bytes.fromhex("00000010 00000002 02000000")

    assert decode(Netbuf, raw) == Netbuf(16, b"\2\0")
