"""The virtual portmapper: what hostnfsd itself answers at the gateway's port of rpcbind.

A forwarded rpcbind tells the host's address and ports, where no client can reach anything. This
one tells the gateway's, and only of what is carried, over TCP. It behaves as rpcbind(8) does where
that is not against the truth: GETPORT and GETADDR fall back to another version of the program
(the client's own NULL call then gets PROG_MISMATCH with the right versions), GETVERSADDR and
GETADDRLIST do not.

The address in an answer is the one that the client says it dialled (``r_addr``), as with
rpcbind(8), which merges its own addresses with it: where the client has just come in is where it
gets in again, whatever the gateway is called from there and whatever we know of it. Only a client
that does not say so is told the address that we know; where we know none, it is told to ask in
version 2, whose GETPORT needs none: clients fall back to it, but give up on "not registered".

Changing and forwarding procedures (SET, UNSET, CALLIT, BCAST, INDIRECT), those about the machine
itself (GETTIME, GETSTAT) and those about the layout of socket addresses are PROC_UNAVAIL.
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from hostnfsd.services import FACTS, Service
from hostnfsd.snapshot import Family
from hostnfsd.sunrpc import portmap, rpc, rpcbind
from hostnfsd.sunrpc.rpcbind import IPAddress
from hostnfsd.sunrpc.xdr import Encodable, RpcDecodeError, decode, encode

#: Who registered a row, as rpcbind tells it of root.
OWNER: Final = "superuser"
_NETID: Final[Mapping[int, str]] = MappingProxyType({4: "tcp", 6: "tcp6"})
_IP_VERSION: Final[Mapping[Family, int]] = MappingProxyType({Family.IPV4: 4, Family.IPV6: 6})
_IP_VERSIONS: Final[Mapping[str, int]] = MappingProxyType(
    {netid: ip_version for ip_version, netid in _NETID.items()}
)
#: Tables that are kept encoded: one for each gateway and version of DUMP, and then some.
_TABLES_KEPT: Final = 32
#: Of program 100000.
_SPOKEN: Final = (portmap.VERSION, *rpcbind.VERSIONS)
#: What clients are told who want an address that nobody knows.
_ASK_VERSION_2: Final = rpc.ProgramMismatch(portmap.VERSION, portmap.VERSION)
_WILDCARD: Final[Mapping[Family, IPAddress]] = MappingProxyType(
    {Family.IPV4: ipaddress.IPv4Address(0), Family.IPV6: ipaddress.IPv6Address(0)}
)


@dataclass(frozen=True, slots=True)
class Carried:
    """A service that is carried.

    Attributes:
        service: which.
        port: where clients dial it: its gateway port.
        versions: as the host registers them now, or did when it was last seen: a service that is
            down keeps its row, because clients retry a refused connection but give up on "not
            registered". Empty: never seen, not told of. Ignored for rpcbind, which is answered
            here.
    """

    service: Service
    port: int
    versions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PortmapView:
    """What the portmapper of one gateway tells.

    Attributes:
        services: what is carried, in the order of DUMP.
        addresses: the gateway's client-facing addresses, the best of each family first; empty
            while unknown. Then DUMP tells the wildcard, as rpcbind does, and whoever does not say
            which address it dialled is told to ask in version 2.
        families: in which clients may come in; the wildcards of DUMP are theirs.
    """

    services: tuple[Carried, ...]
    addresses: tuple[IPAddress, ...] = ()
    families: tuple[Family, ...] = (Family.IPV4,)

    def registered(self) -> Iterator[tuple[int, int, int]]:
        """(program, version, port) of every row, the highest version of a program first."""
        for carried in self.services:
            versions = carried.versions
            if carried.service is Service.RPCBIND:
                versions = _SPOKEN
            for version in sorted(set(versions), reverse=True):
                yield FACTS[carried.service].program, version, carried.port


@dataclass(frozen=True, slots=True)
class _Asked:
    """One call's arguments and what they are answered from."""

    view: PortmapView
    family: Family | None
    arguments: bytes

    def find(self, program: int, version: int, *, exact: bool) -> int | None:
        """The port of a program, of that version if there is one, else of any unless exact."""
        ports = {v: port for p, v, port in self.view.registered() if p == program}
        if exact or version in ports:
            return ports.get(version)
        return next(iter(ports.values()), None)

    def known(self, ip_version: int | None) -> tuple[IPAddress, ...]:
        """The gateway's addresses of a family; of all where none is said."""
        return tuple(
            address
            for address in self.view.addresses
            if ip_version is None or address.version == ip_version
        )

    def at(self, binding: rpcbind.Binding, ip_version: int | None) -> tuple[IPAddress, ...]:
        """Where a client gets in: where it says it did, else what is known.

        Args:
            binding: what it said.
            ip_version: the family it wants; None if it wants any.
        """
        dialled = _dialled(binding.address)
        if dialled is not None and ip_version in {None, dialled.version}:
            return (dialled,)
        if ip_version is None and self.family is not None:
            ip_version = _IP_VERSION[self.family]
        return self.known(ip_version)

    def void(self) -> None:
        """There are no arguments."""
        if self.arguments:
            raise RpcDecodeError(f"{len(self.arguments)} bytes too many", 0)


def answer(record: bytes, view: PortmapView, *, family: Family | None = None) -> bytes | None:
    """The reply to a call, both without record marks; None where there is none to give.

    Args:
        record: what a client sent.
        view: what can be told.
        family: in which the client came in, if it is known. It decides where neither a netid nor
            the address dialled does.

    Returns:
        None for a reply and for what is no RPC message: that client speaks something else.
    """
    try:
        message = rpc.decode_message(record)
    except RpcDecodeError:
        return None
    match message:
        case rpc.Call():
            refusal = _authenticate(message.credential)
            if refusal is not None:
                return encode(rpc.Denied(message.xid, rpc.AuthError(refusal)))
            return encode(rpc.Accepted(message.xid, _outcome(message, view, family)))
        case rpc.ForeignCall(xid):
            return encode(rpc.Denied(xid, rpc.RpcMismatch()))
        case _:
            return None


def _authenticate(credential: rpc.Auth) -> rpc.AuthStat | None:
    """Why a credential is refused. Who it names does not matter: the answers are for everyone."""
    match credential.flavor:
        case rpc.AuthFlavor.NONE:
            return None
        case rpc.AuthFlavor.SYS:
            try:
                rpc.AuthSys.of(credential)
            except RpcDecodeError:
                return rpc.AuthStat.AUTH_BADCRED
            return None
        case _:
            return rpc.AuthStat.AUTH_REJECTEDCRED


def _outcome(call: rpc.Call, view: PortmapView, family: Family | None) -> rpc.Outcome:
    if call.program != portmap.PROGRAM:
        return rpc.Failure(rpc.AcceptStat.PROG_UNAVAIL)
    if call.version not in _SPOKEN:
        return rpc.ProgramMismatch(min(_SPOKEN), max(_SPOKEN))
    answers = _ANSWERS[call.version].get(call.procedure)
    if answers is None:
        return rpc.Failure(rpc.AcceptStat.PROC_UNAVAIL)
    try:
        return answers(_Asked(view, family, call.arguments))
    except RpcDecodeError:
        return rpc.Failure(rpc.AcceptStat.GARBAGE_ARGS)


def _null(asked: _Asked) -> rpc.Outcome:
    asked.void()
    return rpc.Success()


def _getport(asked: _Asked) -> rpc.Outcome:
    mapping = decode(portmap.Mapping, asked.arguments)
    port = None
    if mapping.protocol == portmap.Protocol.TCP:
        port = asked.find(mapping.program, mapping.version, exact=False)
    return _success(portmap.Port(portmap.NOT_REGISTERED if port is None else port))


def _mappings(asked: _Asked) -> rpc.Outcome:
    asked.void()
    return _table_of_mappings(asked.view)


# DUMP is by far the dearest to make, always the same until something changes, and asked by anyone.
@lru_cache(maxsize=_TABLES_KEPT)
def _table_of_mappings(view: PortmapView) -> rpc.Success:
    rows = tuple(
        portmap.Mapping(program, version, portmap.Protocol.TCP, port)
        for program, version, port in view.registered()
    )
    return _success(portmap.Mappings(rows))


def _getaddr(asked: _Asked) -> rpc.Outcome:
    return _address(asked, exact=False)


def _getversaddr(asked: _Asked) -> rpc.Outcome:
    return _address(asked, exact=True)


def _address(asked: _Asked, *, exact: bool) -> rpc.Outcome:
    binding = decode(rpcbind.Binding, asked.arguments)
    port = asked.find(binding.program, binding.version, exact=exact)
    ip_version = _IP_VERSIONS.get(binding.netid, 0) if binding.netid else None
    if port is None or ip_version == 0:
        return _success(rpcbind.Uaddr(rpcbind.NOT_REGISTERED))
    addresses = asked.at(binding, ip_version)
    if addresses:
        return _success(rpcbind.Uaddr(rpcbind.uaddr(addresses[0], port)))
    if ip_version in {None, *(_IP_VERSION[family] for family in asked.view.families)}:
        return _ASK_VERSION_2
    return _success(rpcbind.Uaddr(rpcbind.NOT_REGISTERED))  # nobody gets in by that family


def _dialled(text: str) -> IPAddress | None:
    """The address in a client's ``r_addr``, if a client can dial it."""
    try:
        address, _ = rpcbind.parse_uaddr(text)
    except ValueError:
        return None
    return None if address.is_unspecified or address.is_multicast else address


def _bindings(asked: _Asked) -> rpc.Outcome:
    asked.void()
    return _table_of_bindings(asked.view)


@lru_cache(maxsize=_TABLES_KEPT)
def _table_of_bindings(view: PortmapView) -> rpc.Success:
    addresses = view.addresses or tuple(_WILDCARD[family] for family in view.families)
    rows = tuple(
        rpcbind.Binding(
            program, version, _NETID[address.version], rpcbind.uaddr(address, port), OWNER
        )
        for program, version, port in view.registered()
        for address in addresses
    )
    return _success(rpcbind.Bindings(rows))


def _getaddrlist(asked: _Asked) -> rpc.Outcome:
    binding = decode(rpcbind.Binding, asked.arguments)
    port = asked.find(binding.program, binding.version, exact=True)
    if port is None:
        return _success(rpcbind.Endpoints())
    addresses = asked.at(binding, None)
    if not addresses:  # it is there, and nobody knows where
        return _ASK_VERSION_2
    endpoints = tuple(
        rpcbind.Endpoint.of(_NETID[address.version], address, port) for address in addresses
    )
    return _success(rpcbind.Endpoints(endpoints))


def _success(results: Encodable) -> rpc.Success:
    return rpc.Success(encode(results))


_Answer = Callable[[_Asked], rpc.Outcome]
_VERSION_2: Final[Mapping[int, _Answer]] = MappingProxyType(
    {
        portmap.Procedure.NULL: _null,
        portmap.Procedure.GETPORT: _getport,
        portmap.Procedure.DUMP: _mappings,
    }
)
_VERSION_3: Final[Mapping[int, _Answer]] = MappingProxyType(
    {
        rpcbind.Procedure.NULL: _null,
        rpcbind.Procedure.GETADDR: _getaddr,
        rpcbind.Procedure.DUMP: _bindings,
    }
)
_VERSION_4: Final[Mapping[int, _Answer]] = MappingProxyType(
    {
        **_VERSION_3,
        rpcbind.Procedure.GETVERSADDR: _getversaddr,
        rpcbind.Procedure.GETADDRLIST: _getaddrlist,
    }
)
_ANSWERS: Final[Mapping[int, Mapping[int, _Answer]]] = MappingProxyType(
    {2: _VERSION_2, 3: _VERSION_3, 4: _VERSION_4}
)
