"""Gates for parts of the daemon that need one."""

from ipaddress import ip_address
from typing import Any

from hostnfsd.config.model import Access, Config, Gateway
from hostnfsd.daemon.relay.gate import Gate
from hostnfsd.exports.model import Dialect
from hostnfsd.tunnel.admission import Exported
from tests.vectors.exports_vectors import read

LOOPBACK = ip_address("127.0.0.1")


class AccessRules:
    """A configuration of which ``[access]`` can be changed.

    Attributes:
        gate: that follows it.
        config: what it follows.
    """

    def __init__(self, gateway: str = "dev-gw", **access: Any) -> None:
        self.config = Config(gateway={gateway: Gateway()}, access=Access(**access))
        self.gate = Gate(
            gateways=lambda: self.config.gateway, allow=lambda: self.config.access.allow
        )

    def change(self, **access: Any) -> None:
        """Let other rules be in force."""
        self.config = self.config.model_copy(update={"access": Access(**access)})
        self.gate.apply()

    def export(self, text: str, *, trouble: str | None = None) -> None:
        """Let an exports file of Linux say this."""
        self.gate.follow(exported(text, trouble=trouble))


def exported(text: str, *, trouble: str | None = None) -> Exported:
    """What an exports file of Linux says, on a host that is dialled from its own loopback."""
    reading = read(Dialect.LINUX, text)
    return Exported(reading.exports, LOOPBACK, Dialect.LINUX, "/etc/exports", trouble)


def open_gate() -> Gate:
    """One that admits everybody."""
    return AccessRules(allow="any").gate
