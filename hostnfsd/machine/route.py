"""From which address the host's server is dialled: it sees that one for all of the tunnel."""

import socket
from collections.abc import Callable
from ipaddress import ip_address

from hostnfsd.exports.addresses import Address, old_address, parse, plain
from hostnfsd.exports.system import UNKNOWN, Unknown

#: Any port will do: connecting a datagram socket sends nothing.
_PORT = 2049


def dialled_from(
    host: str, addresses: Callable[[str], tuple[Address, ...] | Unknown]
) -> Address | None:
    """The source address that the kernel chooses towards ``[host] address``.

    Args:
        host: an address or a name.
        addresses: resolves names.

    Returns:
        The address; None where the name is not known or no route leads there.
    """
    numeric = parse(host) or old_address(host)
    found = (numeric,) if numeric else addresses(host)
    if found is UNKNOWN:
        return None
    return next((own for address in found if (own := towards(address)) is not None), None)


def towards(address: Address) -> Address | None:
    """The source address towards an address; None where no route leads there."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004  # IPv4
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), _PORT))
            return plain(ip_address(probe.getsockname()[0].partition("%")[0]))
    except OSError:
        return None
