"""Which ``Host`` headers the endpoints answer: a guard against DNS rebinding.

A web page may make a browser talk to 127.0.0.1 under the page's own name, and read the answer. Such
a request carries that name in its Host header (RFC 9110 section 7.2), so only names that are meant
for this daemon are answered. Pure.
"""

from collections.abc import Collection
from ipaddress import ip_address


def split_host(header: str) -> tuple[str, str]:
    """``name[:port]`` as (name in lower case without brackets and final dot, port or "")."""
    text = header.strip().lower()
    if text.startswith("["):
        name, _, rest = text[1:].partition("]")
        return name, rest.removeprefix(":")
    if text.count(":") > 1:
        return text, ""
    name, _, port = text.partition(":")
    return name.removesuffix("."), port


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def admitted(
    header: str | None, *, allowed: Collection[str], listen_host: str, local_address: str
) -> bool:
    """Whether a request with this Host header is answered.

    Args:
        header: the header; None where there is none, which no browser ever sends.
        allowed: the configuration's ``[metrics] allowed_hosts``, with or without a port.
        listen_host: the host of ``[metrics] listen``; empty for all addresses.
        local_address: the address at which the connection arrived.
    """
    if header is None:
        return True
    name, port = split_host(header)
    if _is_loopback(name) or name in {listen_host.lower(), local_address.lower()} - {""}:
        return True
    return any(
        name == allowed_name and allowed_port in {"", port}
        for allowed_name, allowed_port in map(split_host, allowed)
    )
