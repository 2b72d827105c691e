"""What systems print of their networks.

busybox's, Linux's and the BSDs' lines have the form of their manual pages and sources.
"""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.tunnel import attached
from hostnfsd.tunnel.gateway import read_survey

MACOS = """\
uid 501
interface inet 127.0.0.1 netmask 0xff000000
interface inet6 ::1 prefixlen 128
interface inet6 fe80::1%lo0 prefixlen 64 scopeid 0x1
interface inet6 fe80::1c2d:3eff:fe4f:5061%en0 prefixlen 64 secured scopeid 0xc
interface inet 192.168.6.3 netmask 0xffffff00 broadcast 192.168.6.255
interface inet6 2001:db8::7 prefixlen 64 autoconf secured
"""
LINUX_IFCONFIG = """\
uid 0
interface inet 172.22.0.12  netmask 255.255.0.0  broadcast 172.22.255.255
interface inet6 fd22::12  prefixlen 64  scopeid 0x0<global>
interface inet 127.0.0.1  netmask 255.0.0.0
interface inet6 ::1  prefixlen 128  scopeid 0x10<host>
"""
BUSYBOX_IFCONFIG = """\
uid 0
interface inet addr:172.22.0.12  Bcast:172.22.255.255  Mask:255.255.0.0
interface inet6 addr: fd22::12/64 Scope:Global
interface inet addr:127.0.0.1  Mask:255.0.0.0
"""
NETBSD = "uid 0\ninterface inet 10.0.2.15/24 broadcast 10.0.2.255 flags 0x0\n"
#: Neither ip(8) nor ifconfig(8); a route by a router, one to all the world, one of a tunnel.
PROC = """\
uid 1000
address any 127.0.0.1
address any 172.22.0.12
route Destination Flags Mask
route 00000000 0003 00000000
route 000016AC 0001 0000FFFF
route 0000000A 0001 000000FF
route 0000A8C0 0003 00FFFFFF
inet6 fd220000000000000000000000000012 40
inet6 00000000000000000000000000000001 80
"""
BIG_ENDIAN = "uid 0\naddress any 172.22.0.12\nroute AC160000 0001 FFFF0000\n"


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        (MACOS, ("fe80::/64", "192.168.6.0/24", "2001:db8::/64")),
        (LINUX_IFCONFIG, ("172.22.0.0/16", "fd22::/64")),
        (BUSYBOX_IFCONFIG, ("172.22.0.0/16", "fd22::/64")),
        (NETBSD, ("10.0.2.0/24",)),
        (PROC, ("fd22::/64", "172.22.0.0/16")),
        (BIG_ENDIAN, ("172.22.0.0/16",)),
    ],
    ids=["macos", "linux-ifconfig", "busybox-ifconfig", "netbsd", "proc", "big-endian"],
)
def test_the_networks_of_a_gateway_without_ip(text: str, networks: tuple[str, ...]) -> None:
    # fe80::1%lo0 is loopback's own, and in the network of every other link.
    assert read_survey(text).networks == networks


def test_its_addresses_come_with_them() -> None:
    assert read_survey(LINUX_IFCONFIG).addresses == ("172.22.0.12", "fd22::12")
    assert read_survey(MACOS).loopback == ("127.0.0.1", "::1")
    assert read_survey(PROC).addresses == ("172.22.0.12", "fd22::12")


@pytest.mark.parametrize("word", ["172.22.0.12", "172.22.0.12/", "172.22.0.12/33", "x/8", ""])
def test_what_names_no_network(word: str) -> None:
    assert attached.of_ip(word) is None


@pytest.mark.parametrize(
    "line",
    [
        "inet",
        "inet 10.0.0.1",
        "inet 10.0.0.1 netmask",
        "inet 10.0.0.1 netmask 0xzz",
        "inet 10.0.0.1 netmask 0xffffffffff",
        "inet 10.0.0.1 netmask 255.0.255.0",
        "ether 10.0.0.1/8",
        "inet addr:",
    ],
)
def test_lines_of_ifconfig_that_name_none(line: str) -> None:
    assert attached.of_ifconfig(line.split()) is None


def test_a_network_of_the_whole_world_is_none() -> None:
    assert read_survey("uid 0\naddress inet 10.0.0.1/0\n").networks == ()


def test_multicast_and_loopback_lead_nowhere() -> None:
    text = "uid 0\naddress inet 224.0.0.1/4\naddress inet 127.0.0.1/8\naddress inet6 ::1/128\n"
    assert read_survey(text).networks == ()


WORDS = st.one_of(st.text(max_size=12), st.sampled_from(["inet", "addr:", "netmask", "0xff", "/8"]))


@given(st.lists(WORDS, max_size=6))
def test_any_words_are_read(words: list[str]) -> None:
    attached.of_ifconfig(words)
    for one in words:
        attached.of_ip(one)
        for other in words:
            attached.of_if_inet6(one, other)
            attached.of_route(one, other, one)


@given(st.ip_addresses(v=4), st.integers(min_value=1, max_value=32), st.sampled_from([-1, 1]))
def test_routes_are_read_in_either_byte_order(
    address: ipaddress.IPv4Address, length: int, turn: int
) -> None:
    network = ipaddress.IPv4Network((address, length), strict=False)
    to = network.network_address.packed[::turn].hex().upper()
    mask = network.netmask.packed[::turn].hex().upper()

    read = attached.of_route(to, "0001", mask)

    # A whole address reads the same from both ends, and does not tell the order.
    assert read == network or length == 32
