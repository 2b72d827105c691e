"""The clients of Linux exports(5): nfs-utils, support/export/client.c."""

import re
from collections.abc import Iterable
from typing import Final

from hostnfsd.exports.addresses import Address, Block, old_address, parse, prefix_mask
from hostnfsd.exports.findings import Findings
from hostnfsd.exports.model import Client, ClientKind
from hostnfsd.exports.source import Source, Span
from hostnfsd.exports.system import UNKNOWN, System

_PATTERN: Final = frozenset("*?[")
_LENGTH: Final = re.compile(r"(\s*[+-]?[0-9]{1,9})?", re.ASCII)


def kind(name: str) -> ClientKind:
    """What a name stands for, by its form."""
    if name in {"", "*"}:
        return ClientKind.WORLD
    if name.startswith("gss/"):
        return ClientKind.KERBEROS
    if name.startswith("@"):
        return ClientKind.NETGROUP
    at = 0
    while at < len(name):
        if name[at] in _PATTERN:
            return ClientKind.WILDCARD
        if name[at] == "/":
            return ClientKind.NETWORK
        at += 2 if name[at] == "\\" and at + 1 < len(name) else 1
    return ClientKind.ADDRESS if _address(name) else ClientKind.HOST


def read(name: Span, at: Span, source: Source, system: System, findings: Findings) -> Client | None:
    """A client.

    Args:
        name: what stands before the bracket.
        at: the word it stands in.
        source: the file.
        system: resolves names.
        findings: gets what is wrong.

    Returns:
        The client; None if exportfs leaves it out.
    """
    text, place = name.text, source.place(at.start)
    match kind(text):
        case ClientKind.NETWORK:
            block = _block(name, findings)
            return None if block is None else Client(ClientKind.NETWORK, text, place, block=block)
        case ClientKind.ADDRESS:
            address = _address(text)
            addresses = () if address is None else (address,)
            return Client(ClientKind.ADDRESS, text, place, addresses)
        case ClientKind.HOST:
            found = system.addresses(text)
            if found is UNKNOWN:
                return Client(ClientKind.HOST, text.lower(), place)
            if found:
                return Client(ClientKind.HOST, text.lower(), place, found)
            hint = "exportfs leaves it out: mend the name, or write an address"
            findings.warning("unresolved-host", name, f"Failed to resolve {text}", hint)
            return None
        case ClientKind.NETGROUP:
            found = _members(system.netgroup(text[1:]), system)
            return Client(ClientKind.NETGROUP, text, place, found)
        case ClientKind.WORLD:
            return Client(ClientKind.WORLD, "", place)
        case other:
            return Client(other, text, place)


def _members(names: Iterable[str], system: System) -> tuple[Address, ...]:
    found = [system.addresses(name) for name in names]
    known = (a for addresses in found if addresses is not UNKNOWN for a in addresses)
    return tuple(dict.fromkeys(known))


def _address(text: str) -> Address | None:
    # exportfs asks getaddrinfo(3) for a number, and that takes the old forms, too.
    return parse(text) or old_address(text)


def _block(name: Span, findings: Findings) -> Block | None:
    text, _, tail = name.text.partition("/")
    address = parse(text)
    if address is None:
        findings.error("bad-network", name, f"Invalid IP address {name.text}", "such as 10.0.0.0/8")
        return None
    dotted = "." in tail or ":" in tail
    mask = _netmask(tail, address) if dotted else _prefix(tail, address)
    if mask is None:
        what = "netmask" if dotted else "prefix"
        text = f"Invalid {what} `{tail}' for {name.text}"
        hint = f"a length from 0 to {address.max_prefixlen}, or a netmask such as 255.255.0.0"
        findings.error("bad-mask", name, text, hint)
        return None
    # exportfs compares under the mask: bits outside of it do no harm.
    return Block(address, mask).masked()


def _netmask(tail: str, address: Address) -> Address | None:
    mask = parse(tail)
    return mask if mask is not None and mask.version == address.version else None


def _prefix(tail: str, address: Address) -> Address | None:
    # strtoul(3): a slash with nothing after it is a prefix of 0, which admits everybody.
    if not _LENGTH.fullmatch(tail):
        return None
    length = int(tail or "0")
    if not 0 <= length <= address.max_prefixlen:
        return None
    return prefix_mask(address.version, length)
