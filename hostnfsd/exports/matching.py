"""Which grant of an export serves an address."""

from typing import Final

from hostnfsd.exports.addresses import Address
from hostnfsd.exports.model import ClientKind, Export, Grant

#: Both servers prefer who is named more exactly: nfs-utils by the kind of client, macOS by the
#: longest match, the default export last.
_RANKS: Final = {
    ClientKind.HOST: 0,
    ClientKind.ADDRESS: 0,
    ClientKind.NETWORK: 1,
    ClientKind.WILDCARD: 2,
    ClientKind.NETGROUP: 3,
    ClientKind.WORLD: 4,
    ClientKind.KERBEROS: 5,
}


def serving(export: Export, address: Address) -> Grant | None:
    """The grant by which the server lets an address mount an export, as far as the file tells.

    Patterns of names and netgroups count for nobody: a file alone does not tell whom they cover.
    """
    fitting = [
        grant
        for grant in export.grants
        if not grant.terms.offline and grant.client.includes(address)
    ]
    return min(fitting, key=_order, default=None)


def _order(grant: Grant) -> tuple[int, int]:
    block = grant.client.block
    return _RANKS[grant.client.kind], -(block.prefix or 0) if block else 0


def mountable(export: Export, address: Address) -> bool:
    """Whether the server lets an address mount an export, as far as the file tells."""
    return serving(export, address) is not None
