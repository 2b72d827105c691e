"""The addresses that ``-network`` and ``-mask`` take."""

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from hostnfsd.exports.addresses import Address, Block, network_number, parse, prefix_mask
from hostnfsd.exports.system import UNKNOWN, System, Unknown

_PREFIXES: Final = frozenset(str(n) for n in range(33))


def net(text: str, system: System) -> Address | Unknown | None:
    """A name in networks(5), an IPv6 address, or inet_network(3); None if it is none of them.

    Unknown where it can only be a name, and nobody can be asked for it.
    """
    named = system.network(text)
    if named is not None and named is not UNKNOWN:
        return named
    address = parse(text)
    if isinstance(address, IPv6Address):
        return address
    if text[:1].isascii() and text[:1].isdigit():
        return network_number(text)
    return named


def cidr_hint(text: str) -> str:
    """How to write a network that is written with the length of its prefix."""
    address, slash, length = text.partition("/")
    net = parse(address)
    if slash and isinstance(net, IPv4Address) and length in _PREFIXES:
        mask = prefix_mask(4, int(length))
        base = Block(net, mask).masked().address
        return f"macOS knows no prefix lengths: -network {base} -mask {mask}"
    return "write it as 192.168.64.0 with -mask 255.255.255.0"
