"""Who may come through the tunnel: the gate's rules, out of exports.

Everything that comes through the tunnel reaches the server from one address, so the server cannot
tell clients apart; the gate has to, by the originators that sshd reports. Only exports that admit
that one address can be mounted through the tunnel, so only they admit anybody. The gate sees
connections, not paths: whoever one such export admits reaches them all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hostnfsd.exports.addresses import Address, Block, plain, prefix_mask
from hostnfsd.exports.matching import mountable
from hostnfsd.exports.model import Client, ClientKind, Export
from hostnfsd.exports.remarks import remark
from hostnfsd.problem import Place, Problem

_UNJUDGED: Final = {ClientKind.WILDCARD, ClientKind.NETGROUP, ClientKind.KERBEROS}


class Reason(StrEnum):
    """Why a rule is there."""

    WORLD = "world"  # an export for everybody
    NAMED = "named"  # an export that names them
    ATTACHED = "attached"  # an export that names only the host: who is next to the gateway


@dataclass(frozen=True, slots=True)
class Rule:
    """Some originators that are admitted.

    Attributes:
        block: them; None: everybody.
        reason: what admits them.
        export: the path that does.
        place: where it is written.
    """

    block: Block | None
    reason: Reason
    export: str
    place: Place

    def admits(self, originator: Address) -> bool:
        """Whether an originator is one of them; IPv4-mapped addresses are IPv4 addresses."""
        return self.block is None or plain(originator) in self.block


@dataclass(frozen=True, slots=True)
class Access:
    """The rules, and what was passed over.

    Attributes:
        rules: an originator that one of them admits is admitted.
        mountable: the exports that can be mounted through the tunnel.
        problems: clients that are not judged, and so not admitted.
    """

    rules: tuple[Rule, ...]
    mountable: tuple[Export, ...]
    problems: tuple[Problem, ...] = ()

    def admits(self, originator: Address) -> Rule | None:
        """The first rule that admits an originator; None: he is refused."""
        return next((rule for rule in self.rules if rule.admits(originator)), None)


def access(
    exports: Iterable[Export], dialled_from: Address, attached: Iterable[Block] = ()
) -> Access:
    """The rules that exports make.

    Args:
        exports: of the host.
        dialled_from: the address that hostnfsd dials the server from.
        attached: the networks that the gateway is directly attached to.
    """
    networks = tuple(attached)
    reachable = tuple(export for export in exports if mountable(export, dialled_from))
    rules: list[Rule] = []
    problems: list[Problem] = []
    for export in reachable:
        clients = [grant.client for grant in export.grants if not grant.terms.offline]
        problems.extend(_passed_over(clients))
        if all(_is_host(client, dialled_from) for client in clients):
            rules.extend(
                Rule(block, Reason.ATTACHED, export.path, export.place) for block in networks
            )
        for client in clients:
            rules.extend(_rules(export, client, dialled_from))
    return Access(tuple(rules), reachable, tuple(problems))


def _is_host(client: Client, dialled_from: Address) -> bool:
    """Whether a client is the host itself, by loopback or by the address it is dialled from."""
    if client.kind in _UNJUDGED:
        return False
    if client.block is not None:
        return client.block.masked() == client.block and _loopback(client.block)
    return bool(client.addresses) and all(
        address.is_loopback or address == dialled_from for address in client.addresses
    )


def _loopback(block: Block) -> bool:
    return block.address.is_loopback and block.prefix is not None and block.prefix > 0


def _rules(export: Export, client: Client, dialled_from: Address) -> list[Rule]:
    if client.kind is ClientKind.WORLD:
        return [Rule(None, Reason.WORLD, export.path, client.place)]
    if client.kind in _UNJUDGED or _is_host(client, dialled_from):
        return []
    blocks = [] if client.block is None else [client.block]
    blocks += [
        Block(address, prefix_mask(address.version, address.max_prefixlen))
        for address in map(plain, client.addresses)
        # Loopback means the host itself, never the gateway's own loopback.
        if not address.is_loopback and address != dialled_from
    ]
    return [Rule(block, Reason.NAMED, export.path, client.place) for block in blocks]


def _passed_over(clients: Iterable[Client]) -> Iterable[Problem]:
    for client in clients:
        if client.kind in _UNJUDGED:
            text = f"a {client.kind} is not judged at the tunnel: nobody is admitted by it"
            hint = "name addresses or networks, or set [access] allow"
            yield remark("not-judged", client.place, client.text, text, hint)
