"""What the host exports, for commands that are about mounting it."""

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hostnfsd.config.model import Config
    from hostnfsd.mount.offers import Offer

_RPCBIND: Final = 111
_WITHIN_S: Final = 3.0


def offered(config: "Config") -> "tuple[Offer, ...]":
    """What the exports offer to whoever comes through the tunnel, as far as can be told.

    The exports file tells; where the server keeps its exports elsewhere, it is asked itself, and
    tells their paths alone.
    """
    from hostnfsd.machine.exports import read_exports  # noqa: PLC0415  # for whoever asks
    from hostnfsd.mount.offers import offers  # noqa: PLC0415  # likewise

    if config.host.exports == "none":
        return _listed(config.host.address)
    # Names need not be looked up: of those that matter /etc/hosts knows.
    findings = read_exports(config.host, None, low_ports=False)
    return offers(findings.reading.exports, findings.dialled_from)


def _listed(address: str) -> "tuple[Offer, ...]":
    from hostnfsd.dial.listing import NotListedError, listing  # noqa: PLC0415  # as above
    from hostnfsd.mount.offers import Offer  # noqa: PLC0415  # likewise

    try:
        paths = asyncio.run(listing(address, None, _RPCBIND, within_s=_WITHIN_S))
    except NotListedError:
        return ()
    return tuple(Offer(path, None) for path in paths)
