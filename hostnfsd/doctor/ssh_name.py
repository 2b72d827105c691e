"""A gateway's name of which ssh_config makes nothing: mostly it is misspelt. Pure."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from hostnfsd.doctor.finding import Finding, failed
from hostnfsd.tunnel.ssh_config import Alias

#: How alike two names are that one may be taken for the other (difflib's ratio).
_ALIKE: Final = 0.6
_MOST: Final = 3


def is_bare(alias: Alias, name: str, host: str | None) -> bool:
    """Whether the name itself is dialled: neither HostName, host nor a proxy says otherwise."""
    return (
        host is None
        and alias.host.lower() == name.lower()
        and alias.proxy_jump is None
        and alias.proxy_command is None
    )


def unknown(name: str, where: str, known: Sequence[str]) -> Finding:
    """A row for a bare name that does not resolve.

    Args:
        name: of the gateway's table.
        where: the ssh_config that was asked.
        known: the aliases that it has.
    """
    text = f"{where} has no Host {name}, and no machine of that name is found"
    alike = get_close_matches(name, known, _MOST, _ALIKE)
    if alike:
        tables = " or ".join(f"[gateway.{each}]" for each in alike)
        return failed(
            "gateway-unknown", f"{text}; it has {', '.join(alike)}", (f"name the table {tables}",)
        )
    return failed(
        "gateway-unknown",
        text,
        (f"set host, port and user in [gateway.{name}], or write a Host {name} in {where}",),
    )
