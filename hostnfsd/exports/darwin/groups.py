"""Who an entry of macOS exports(5) is for: hosts, netgroups, one network, or everybody."""

from collections import deque
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from hostnfsd.exports.addresses import Address, Block, class_mask, old_address, parse
from hostnfsd.exports.darwin.options import Options
from hostnfsd.exports.findings import Findings
from hostnfsd.exports.model import Client, ClientKind
from hostnfsd.exports.source import Source, Span
from hostnfsd.exports.system import UNKNOWN, System, Unknown


@dataclass(frozen=True, slots=True)
class Group:
    """What nfsd keeps for one name of an entry.

    Attributes:
        kind: host (or address), network or netgroup.
        name: as written.
        addresses: of a host.
        net: of a network.
    """

    kind: ClientKind
    name: str
    addresses: tuple[Address, ...] = ()
    net: Block | None = None

    def marks(self) -> list[Address]:
        """What nfsd compares with other groups of the kind: addresses; a network's own."""
        if self.net is not None:
            return [self.net.masked().address]
        return list(self.addresses)


@dataclass(slots=True)
class Hosts:
    """The hosts of an entry, looked up as they are read.

    Attributes:
        groups: what nfsd keeps, each once, in the order written.
        clients: what they mean, one for each word.
        good: how many hosts have an address, or may have one.
        bad: how many have none.
    """

    source: Source
    system: System
    findings: Findings
    groups: dict[Group, None] = field(default_factory=dict)
    clients: list[Client] = field(default_factory=list)
    good: int = 0
    bad: int = 0

    def add(self, word: Span) -> None:
        """A word that is neither an option nor a path: a netgroup, else a host."""
        place = self.source.place(word.start)
        if self.system.netgroup(word.text):
            members = self._netgroup(word)
            self._keep(Group(ClientKind.NETGROUP, word.text))
            self.clients.append(Client(ClientKind.NETGROUP, word.text, place, members))
            return
        found = self._host(word.text, word)
        if found is UNKNOWN:
            self.clients.append(Client(ClientKind.HOST, word.text, place))
        elif found:
            numeric = parse(word.text) or old_address(word.text)
            kind = ClientKind.ADDRESS if numeric else ClientKind.HOST
            self.clients.append(Client(kind, word.text, place, found))

    def _netgroup(self, word: Span) -> tuple[Address, ...]:
        members: list[Address] = []
        waiting, seen = deque([word.text]), {word.text}
        while waiting:
            name = waiting.popleft()
            inner = self.system.netgroup(name)
            found = () if inner else self._host(name, word)
            members.extend(() if found is UNKNOWN else found)
            for member in inner:
                if member and member not in seen:
                    seen.add(member)
                    waiting.append(member)
        return tuple(dict.fromkeys(members))

    def _host(self, name: str, word: Span) -> tuple[Address, ...] | Unknown:
        numeric = parse(name) or old_address(name)
        addresses = (numeric,) if numeric else self.system.addresses(name)
        if addresses is UNKNOWN:
            # nfsd may find it: the entry is not given up for it.
            self.good += self._keep(Group(ClientKind.HOST, name))
        elif addresses:
            self.good += self._keep(Group(ClientKind.HOST, name, addresses))
        else:
            self.bad += 1
            text = f"couldn't get address for host: {name}"
            self.findings.error("unresolved-host", word, text, _unresolved_hint(name))
        return addresses

    def _keep(self, group: Group) -> bool:
        if group in self.groups:
            return False
        self.groups[group] = None
        return True


def network(options: Options, source: Source) -> tuple[Group, Client] | None:
    """The network of an entry; None if the address is missing or the mask is of another family.

    Without a mask an IPv4 network has that of its class, an IPv6 network one of zeros.
    """
    address, at = options.network, options.network_at
    if address is None or at is None:
        return None
    mask = options.mask
    if mask is None:
        mask = class_mask(address) if isinstance(address, IPv4Address) else type(address)(0)
    if mask.version != address.version:
        return None
    block = Block(address, mask)
    group = Group(ClientKind.NETWORK, str(address), net=block)
    client = Client(ClientKind.NETWORK, at.text, source.place(at.start), block=block)
    return group, client


def _unresolved_hint(name: str) -> str:
    if "(" in name:
        return "this is Linux syntax; macOS writes: /path -network 10.0.0.0 -mask 255.0.0.0"
    if "/" in name:
        return "networks are written as: -network 10.0.0.0 -mask 255.0.0.0"
    if name == "*":
        return "everybody is meant by writing no host at all"
    if name.startswith("#"):
        return "a comment begins at the start of a line only"
    return "mend the name, or write an address; nfsd tries again for ten minutes after its start"
