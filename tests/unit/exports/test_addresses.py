from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.exports import addresses
from hostnfsd.exports.addresses import Block


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127", "127.0.0.0"),
        ("128", "0.128.0.0"),
        ("131.104.48", "131.104.48.0"),
        ("10.1", "10.1.0.0"),
        ("192.168.64.0", "192.168.64.0"),
        ("010.0.0.0", "8.0.0.0"),
        ("0xA.0.0.0", "10.0.0.0"),
        ("0.10.0.0", "10.0.0.0"),
        ("0.0.0.0", "0.0.0.0"),
        ("10.0.0.0/8", None),
        ("1.2.3.4.5", None),
        ("256", None),
        ("10.", None),
        ("08", None),
        ("255.255.255.255", None),
        ("", None),
    ],
)
def test_network_numbers_are_those_of_the_c_library(text: str, address: str | None) -> None:
    assert addresses.network_number(text) == (IPv4Address(address) if address else None)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("10.1", "10.0.0.1"),
        ("192.168.1", "192.168.0.1"),
        ("1.2.65535", "1.2.255.255"),
        ("4294967295", "255.255.255.255"),
        ("0x7f.1", "127.0.0.1"),
        ("1.2.3.256", None),
        ("1.2.65536", None),
        ("4294967296", None),
        ("1.2.3.4.5", None),
        ("host", None),
        ("", None),
    ],
)
def test_old_addresses_are_those_of_the_c_library(text: str, address: str | None) -> None:
    assert addresses.old_address(text) == (IPv4Address(address) if address else None)


@given(network=st.ip_addresses(), length=st.integers(0, 128), other=st.ip_addresses())
def test_a_block_without_host_bits_holds_what_its_network_holds(
    network: addresses.Address, length: int, other: addresses.Address
) -> None:
    length = min(length, network.max_prefixlen)
    block = Block(network, addresses.prefix_mask(network.version, length)).masked()
    reference = ip_network((network, length), strict=False)

    assert (other in block) == (other in reference)
    assert network in block
    assert (str(block), block.prefix, block.host_bits) == (str(reference), length, False)


def test_a_block_with_host_bits_holds_nobody() -> None:
    block = Block(IPv4Address("192.168.64.1"), IPv4Address("255.255.255.0"))

    assert block.host_bits
    assert IPv4Address("192.168.64.1") not in block
    assert IPv4Address("192.168.64.0") not in block
    assert IPv4Address("192.168.64.1") in block.masked()


def test_a_mask_need_not_be_contiguous() -> None:
    block = Block(IPv4Address("10.0.5.0"), IPv4Address("255.0.255.0"))

    assert block.prefix is None
    assert str(block) == "10.0.5.0/255.0.255.0"
    assert IPv4Address("10.77.5.9") in block
    assert IPv4Address("10.77.6.9") not in block


def test_families_are_apart() -> None:
    assert IPv6Address("::") not in Block(IPv4Address(0), IPv4Address(0))


@pytest.mark.parametrize(
    ("text", "plain"),
    [("::ffff:10.0.0.1", "10.0.0.1"), ("fd00::1", "fd00::1"), ("10.0.0.1", "10.0.0.1")],
)
def test_mapped_addresses_are_made_plain(text: str, plain: str) -> None:
    assert addresses.plain(ip_address(text)) == ip_address(plain)


@pytest.mark.parametrize(
    ("text", "mask"),
    [("10.1.1.1", "255.0.0.0"), ("172.16.0.0", "255.255.0.0"), ("192.168.1.0", "255.255.255.0")],
)
def test_masks_of_classes(text: str, mask: str) -> None:
    assert addresses.class_mask(IPv4Address(text)) == IPv4Address(mask)


def test_what_is_no_address_is_none() -> None:
    assert addresses.parse("host") is None
    assert addresses.parse("fd00::1") == IPv6Address("fd00::1")
