"""The networks that a gateway is directly attached to, from what its programs and files print.

ip(8) tells them where it is installed; else ifconfig(8), whose words differ from system to system;
else Linux's own tables below /proc/net. A line that makes no sense names no network.
"""

import ipaddress
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

#: An address, and the network it is in.
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: route(8): the way goes through a router.
_RTF_GATEWAY: Final = 0x2
_WORD_BYTES: Final = 4
_IPV6_DIGITS: Final = 32


def of_ip(word: str) -> Interface | None:
    """``172.22.0.12/16``, as ip(8) tells an address; without a length it names no network."""
    address, slash, length = word.partition("/")
    return _interface(address, length) if slash else None


def of_ifconfig(words: list[str]) -> Interface | None:
    """One ``inet`` or ``inet6`` line of ifconfig(8), beginning there.

    macOS and the BSDs: ``inet 10.0.0.5 netmask 0xffffff00``, ``inet6 fe80::1%en0 prefixlen 64``;
    Linux: ``inet 10.0.0.5  netmask 255.255.255.0``; busybox: ``inet addr:10.0.0.5 Bcast:…
    Mask:255.255.255.0``, ``inet6 addr: fe80::1/64 Scope:Link``.
    """
    # "addr:" may stand on its own or before the address.
    words = " ".join(words).replace("addr:", "addr: ").replace("Mask:", "netmask ").split()
    words = [word for word in words if word != "addr:"]
    if len(words) < 2 or words[0] not in {"inet", "inet6"}:  # noqa: PLR2004  # family, address
        return None
    address, slash, length = words[1].partition("/")
    after = dict(pairwise(words[2:]))
    mask = length if slash else after.get("netmask", after.get("prefixlen", ""))
    if mask.startswith("0x"):
        mask = _dotted(mask[2:])
    return _interface(address, mask)


def of_if_inet6(word: str, length: str) -> Interface | None:
    """An address of /proc/net/if_inet6: 32 digits without colons, and its prefix in digits too."""
    if len(word) != _IPV6_DIGITS:
        return None
    try:
        return _interface(str(ipaddress.IPv6Address(int(word, 16))), str(int(length, 16)))
    except ValueError:
        return None


def of_route(to: str, flags: str, mask: str) -> ipaddress.IPv4Network | None:
    """A network of /proc/net/route that no router leads to; None also for all the world.

    The words are in the machine's own byte order. A mask of any length between is contiguous in
    one order only.
    """
    try:
        if int(flags, 16) & _RTF_GATEWAY:
            return None
        raw_to, raw_mask = bytes.fromhex(to), bytes.fromhex(mask)
    except ValueError:
        return None
    if len(raw_to) != _WORD_BYTES or len(raw_mask) != _WORD_BYTES:
        return None
    for turn in (-1, 1):
        bits = int.from_bytes(raw_mask[::turn], "big")
        inverted = bits ^ 0xFFFFFFFF
        if bits and not inverted & (inverted + 1):
            address = ipaddress.IPv4Address(raw_to[::turn])
            length = 32 - inverted.bit_length()
            return ipaddress.IPv4Network((address, length), strict=False)
    return None


def networks(
    interfaces: Iterable[Interface],
    routes: Iterable[ipaddress.IPv4Network],
    addresses: Iterable[_Address],
) -> tuple[str, ...]:
    """What is told, each network once.

    Loopback leads nowhere. A route counts where the gateway has an address inside of it: a tunnel
    of its own may be a way to half the world.
    """
    own = tuple(addresses)
    found: list[_Network] = [
        each.network
        for each in interfaces
        if not each.ip.is_loopback and not each.ip.is_multicast and each.network.prefixlen > 0
    ]
    found += [
        route
        for route in routes
        if any(a.version == 4 and not a.is_loopback and a in route for a in own)  # noqa: PLR2004  # IP's
    ]
    return tuple(dict.fromkeys(map(str, found)))


def _interface(address: str, mask: str) -> Interface | None:
    try:
        return ipaddress.ip_interface(f"{address.partition('%')[0]}/{mask}") if mask else None
    except ValueError:
        return None


def _dotted(digits: str) -> str:
    try:
        return str(ipaddress.IPv4Address(int(digits, 16)))
    except ValueError:
        return ""
