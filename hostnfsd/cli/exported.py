"""What the host exports, for commands that are about mounting it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hostnfsd.config.model import Config
    from hostnfsd.mount.offers import Offer


def offered(config: "Config") -> "tuple[Offer, ...]":
    """What the exports file offers to whoever comes through the tunnel; nothing without a file."""
    from hostnfsd.machine.exports import read_exports  # noqa: PLC0415  # for whoever asks
    from hostnfsd.mount.offers import offers  # noqa: PLC0415  # likewise

    if config.host.exports == "none":
        return ()
    # Names need not be looked up: of those that matter /etc/hosts knows.
    findings = read_exports(config.host, None, low_ports=False)
    return offers(findings.reading.exports, findings.dialled_from)
