"""The addresses that ``-network`` and ``-mask`` take."""

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from hostnfsd.exports.addresses import Address, Block, network_number, parse, prefix_mask
from hostnfsd.exports.system import System

_PREFIXES: Final = frozenset(str(n) for n in range(33))


def net(text: str, system: System) -> Address | None:
    """A name in networks(5), an IPv6 address, or inet_network(3); None if it is none of them."""
    named = system.network(text)
    if named is not None:
        return named
    address = parse(text)
    if isinstance(address, IPv6Address):
        return address
    digit = text[:1].isascii() and text[:1].isdigit()
    return network_number(text) if digit else None


def cidr_hint(text: str) -> str:
    """How to write a network that is written with the length of its prefix."""
    address, slash, length = text.partition("/")
    net = parse(address)
    if slash and isinstance(net, IPv4Address) and length in _PREFIXES:
        mask = prefix_mask(4, int(length))
        base = Block(net, mask).masked().address
        return f"macOS knows no prefix lengths: -network {base} -mask {mask}"
    return "write it as 192.168.64.0 with -mask 255.255.255.0"
