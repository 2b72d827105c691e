"""The failure catalogue: every failure by a name, with its words, its cause and its cure. Pure.

The checks name what they find by these codes, ``--explain`` looks pasted messages up in it, and
docs/failures.md is made from it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hostnfsd.doctor.catalogue import client, exports, gateway, host, login, tunnel
from hostnfsd.doctor.catalogue.entry import Entry

#: In the order in which a request travels, clients' own troubles first.
CATALOGUE: Final[tuple[Entry, ...]] = (
    *client.ENTRIES,
    *host.ENTRIES,
    *exports.ENTRIES,
    *login.ENTRIES,
    *gateway.ENTRIES,
    *tunnel.ENTRIES,
)

BY_CODE: Final[Mapping[str, Entry]] = MappingProxyType({each.code: each for each in CATALOGUE})


def entry(code: str) -> Entry:
    """The entry of a code.

    Raises:
        KeyError: there is none, which is a bug.
    """
    return BY_CODE[code]
