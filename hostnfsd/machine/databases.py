"""Flat files that name hosts, networks and netgroups: hosts(5), networks(5), netgroup(5). Pure."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Final

from hostnfsd.exports.addresses import Address, network_number, parse

#: A member of a netgroup: (host, user, domain), or another netgroup's name.
_MEMBER: Final = re.compile(r"\(([^()]*)\)|([^\s()]+)")


def addresses_of_hosts(text: str) -> dict[str, tuple[Address, ...]]:
    """Names, in lower case, with their addresses in the order written: a text as hosts(5) says."""
    found: dict[str, list[Address]] = {}
    for words in _lines(text):
        address = parse(words[0].partition("%")[0])
        for name in words[1:] if address else ():
            found.setdefault(name.lower(), []).append(address)  # type: ignore[arg-type]  # not None
    return {name: tuple(dict.fromkeys(addresses)) for name, addresses in found.items()}


def numbers_of_networks(text: str) -> dict[str, IPv4Address]:
    """Names and aliases, with their numbers: a text as networks(5) says."""
    found: dict[str, IPv4Address] = {}
    for words in _lines(text):
        number = network_number(words[1]) if len(words) > 1 else None
        for name in (words[0], *words[2:]) if number else ():
            found.setdefault(name, number)  # type: ignore[arg-type]  # not None
    return found


def _lines(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words:
            yield words


def netgroups(text: str) -> dict[str, tuple[str, ...]]:
    """The members of each netgroup: hosts as ``(host``, other netgroups by their names."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        words = line.partition("#")[0].split(maxsplit=1)
        listed: list[str] = []
        for triple, group in _MEMBER.findall(" ".join(words[1:])):
            host = triple.split(",")[0].strip()
            # Without a host every one is meant, by a hyphen none: neither can be listed.
            listed += [f"({host}"] if host not in {"", "-"} else [group] if group else []
        if words:
            found[words[0]] = tuple(listed)
    return found


def members(name: str, groups: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The hosts of a netgroup and of all it contains, each once."""
    found: dict[str, None] = {}
    waiting, seen = [name], {name}
    while waiting:
        for member in groups.get(waiting.pop(0), ()):
            if member.startswith("("):
                found[member[1:]] = None
            elif member not in seen:
                seen.add(member)
                waiting.append(member)
    return tuple(found)
