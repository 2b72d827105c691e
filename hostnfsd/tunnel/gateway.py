"""What the gateway tells about itself over one harmless command, and how to read it.

sshd says almost nothing when it refuses a forward (RFC 4254 section 7.1: a bare failure), so the
reasons are read where they stand: ``/proc`` on the gateway. The command only prints; a gateway that
runs no commands, or is no Linux, costs us the reasons and nothing else.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hostnfsd.snapshot import Family
from hostnfsd.tunnel import attached
from hostnfsd.tunnel.own_session import IDENTIFY, SessionProcess, read_process

#: Prints ``key value`` lines. Runs in any POSIX shell; each part may fail on its own.
SURVEY_COMMAND: Final = (
    'echo "uid $(id -u)"; echo "session $SSH_CONNECTION"; '
    'echo "lowest $(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2>/dev/null)"; '
    'a=$(ip -o addr show 2>/dev/null); echo "$a" | while read -r _ _ family address _; do '
    'echo "address $family $address"; done; '
    # Without ip(8): ifconfig's words, and Linux's own tables. A route names no address, and the
    # addresses of IPv4 stand in no table but this one.
    '[ -n "$a" ] || { ifconfig -a 2>/dev/null | while read -r line; do '
    'case "$line" in inet*) echo "interface $line";; esac; done; '
    'grep -B1 "host LOCAL" /proc/net/fib_trie 2>/dev/null | while read -r mark n _; do '
    '[ "$mark" = "|--" ] && echo "address any $n"; done; '
    "cat /proc/net/route 2>/dev/null | while read -r _ to _ flags _ _ _ mask _; do "
    'echo "route $to $flags $mask"; done; '
    "cat /proc/net/if_inet6 2>/dev/null | while read -r n _ length _; do "
    'echo "inet6 $n $length"; done; }; '
    'for n in $(hostname -I 2>/dev/null); do echo "address any $n"; done; '
    # grep first: a shell reads byte by byte, and a gateway may have thousands of connections.
    'for f in /proc/net/tcp /proc/net/tcp6; do grep " 0A " "$f" 2>/dev/null | '
    'while read -r _ local _ state _; do [ "$state" = 0A ] && echo "listener $local"; '
    "done; done; " + IDENTIFY + "true"
)

#: A uid or a port, and nothing that int() would choke on.
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
#: Linux's own default; what a missing sysctl means on a kernel before 4.11.
_DEFAULT_LOWEST: Final = 1024


@dataclass(frozen=True, slots=True)
class Survey:
    """One answer.

    Attributes:
        uid: of our login there; None where the shell did not say.
        lowest_port: the lowest port our login may bind; None where unknown.
        listeners: TCP ports that are listened on, by address family; None where unreadable.
        addresses: the gateway's addresses that are not loopback, in its own order.
        loopback: its loopback addresses.
        session_address: the address our own SSH connection reached (``SSH_CONNECTION``).
        networks: those it is directly attached to, in CIDR notation; none where it did not say.
        process: what carries this very session there; no news where it differs.
    """

    uid: int | None = None
    lowest_port: int | None = None
    listeners: frozenset[tuple[Family, int]] | None = None
    addresses: tuple[str, ...] = ()
    loopback: tuple[str, ...] = ()
    session_address: str | None = None
    networks: tuple[str, ...] = ()
    process: SessionProcess | None = field(default=None, compare=False)

    def owns(self, address: str) -> bool:
        """Whether ``address`` is one of the gateway's own."""
        return address in self.addresses or address in self.loopback


@dataclass(slots=True)
class _Reading:
    """What is collected while the lines are read."""

    words: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, None] = field(default_factory=dict)
    listeners: set[tuple[Family, int]] = field(default_factory=set)
    interfaces: list[attached.Interface] = field(default_factory=list)
    routes: list[ipaddress.IPv4Network] = field(default_factory=list)
    process: SessionProcess | None = None

    def interface(self, found: attached.Interface | None) -> None:
        """An address of the gateway, with the network it is in."""
        if found is not None:
            self.interfaces.append(found)
            self.addresses[str(found.ip)] = None

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks the gateway is directly attached to."""
        return attached.networks(
            self.interfaces, self.routes, map(ipaddress.ip_address, self.addresses)
        )


def read_survey(text: str) -> Survey:
    """Read the output of :data:`SURVEY_COMMAND`; lines that make no sense are passed over."""
    reading = _Reading()
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        _read_line(reading, key, value.split(), value)
    session = reading.words.get("session", "").split()
    uid = _number(reading.words.get("uid"))
    return Survey(
        uid=uid,
        lowest_port=_lowest_port(uid, _number(reading.words.get("lowest"))),
        # sshd itself listens: an empty table means that it could not be read.
        listeners=frozenset(reading.listeners) or None,
        addresses=tuple(a for a in reading.addresses if not ipaddress.ip_address(a).is_loopback),
        loopback=tuple(a for a in reading.addresses if ipaddress.ip_address(a).is_loopback),
        session_address=_address(session[2]) if len(session) == len(_SESSION_WORDS) else None,
        networks=reading.networks,
        process=reading.process,
    )


def _read_line(reading: _Reading, key: str, words: list[str], value: str) -> None:
    match key, words:
        case "address", [*_, word]:
            reading.interface(attached.of_ip(word))
            address = _address(word)
            if address is not None:
                reading.addresses[address] = None
        case "interface", _:
            reading.interface(attached.of_ifconfig(words))
        case "inet6", [word, length]:
            reading.interface(attached.of_if_inet6(word, length))
        case "route", [to, flags, mask]:
            route = attached.of_route(to, flags, mask)
            if route is not None:
                reading.routes.append(route)
        case "sshd", _:
            reading.process = read_process(words)
        case "listener", _:
            listener = _listener(value)
            if listener is not None:
                reading.listeners.add(listener)
        case _:
            # The last one counts: what a login shell prints of its own comes first.
            reading.words[key] = value.strip()


#: sshd(8), ENVIRONMENT: SSH_CONNECTION.
_SESSION_WORDS: Final = ("client address", "client port", "server address", "server port")


def client_addresses(
    survey: Survey | None,
    configured: tuple[str, ...],
    admits: Callable[[str], bool] = lambda _address: True,
) -> tuple[str, ...]:
    """How clients reach the gateway: as configured, else as discovered, else nothing.

    Of each family its only address that is not loopback. Of several those inside a network that is
    admitted, for there the clients are; where that says nothing (all are, or none), and where the
    gateway cannot tell its addresses, the one that our session reached. Link-local addresses are
    left out: they mean nothing without an interface.

    Args:
        survey: what the gateway told about itself.
        configured: ``client_address``.
        admits: whether clients of an address may come in.
    """
    if configured:
        return configured
    if survey is None:
        return ()
    session = survey.session_address
    told = survey.addresses or (() if session is None else (session,))
    usable = [a for a in told if _crosses_networks(ipaddress.ip_address(a))]
    found: list[str] = []
    for version in (4, 6):
        same = [a for a in usable if ipaddress.ip_address(a).version == version]
        inside = [a for a in same if admits(a)]
        if len(same) == 1:
            found += same
        elif 0 < len(inside) < len(same):
            found += sorted(inside, key=lambda a: a != session)
        elif session in same:
            found.append(session)
    return tuple(found)


def _crosses_networks(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return not (address.is_loopback or address.is_link_local)


def _lowest_port(uid: int | None, sysctl: int | None) -> int | None:
    if uid == 0:
        return 1
    if uid is None:
        return None
    return _DEFAULT_LOWEST if sysctl is None else sysctl


def _number(word: str | None) -> int | None:
    return int(word) if word is not None and _NUMBER.fullmatch(word) else None


def _address(word: str) -> str | None:
    try:
        address = ipaddress.ip_interface(word.partition("%")[0]).ip
    except ValueError:
        return None
    return str(address)


def _listener(word: str) -> tuple[Family, int] | None:
    """One ``local_address`` of /proc/net/tcp or tcp6: ``HEXADDRESS:HEXPORT`` (proc(5))."""
    address, _, port = word.partition(":")
    if len(address) not in {8, 32}:
        return None
    try:
        number = int(port, 16)
    except ValueError:
        return None
    return (Family.IPV4 if len(address) == len("0100007F") else Family.IPV6), number
