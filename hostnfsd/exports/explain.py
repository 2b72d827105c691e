"""What the server does not say: exports that it takes, and that do not do what was meant.

Nothing here is an error to the server. Every finding has a code, a place, and a hint, which is a
corrected line wherever another line helps.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from hostnfsd.exports import spelling
from hostnfsd.exports.addresses import Address
from hostnfsd.exports.linux.words import decoded
from hostnfsd.exports.matching import mountable
from hostnfsd.exports.model import Client, ClientKind, Dialect, Export, Grant, Reading, Squash
from hostnfsd.exports.remarks import remark
from hostnfsd.exports.system import System
from hostnfsd.problem import Problem

#: Clients that a file alone does not tell the addresses of.
_UNJUDGED: Final = {ClientKind.WILDCARD, ClientKind.NETGROUP, ClientKind.KERBEROS}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What exports have to serve.

    Attributes:
        system: the machine they are on.
        dialled_from: the address the server sees for all that comes through the tunnel.
        low_ports: hostnfsd dials from source ports below 1024.
        names_asked: names were looked up; those without an answer had none in time.
    """

    system: System
    dialled_from: Address
    low_ports: bool
    names_asked: bool = True


def explain(reading: Reading, around: Surroundings) -> tuple[Problem, ...]:
    """All that is worth saying beyond ``reading.problems``, in the order of the file.

    Args:
        reading: an exports file, read.
        around: what it is for.
    """
    found: list[Problem] = []
    if reading.dialect is Dialect.DARWIN:
        # See reader.read().
        from hostnfsd.exports import darwin_traps  # noqa: PLC0415

        found.extend(darwin_traps.explain(reading, around.system))
    none = not any(mountable(export, around.dialled_from) for export in reading.exports)
    for export in reading.exports:
        found.extend(_world(export, reading.dialect, around))
        found.extend(_not_for_us(export, reading.dialect, around, none=none))
        found.extend(_squashed(export, reading.dialect))
        if reading.dialect is Dialect.LINUX:
            found.extend(_low_ports(export, around))
    if reading.dialect is Dialect.LINUX:
        found.extend(_linked(reading, around.system))
    found.extend(_names(reading, around))
    return tuple(
        sorted(found, key=lambda p: (p.place.path, p.place.line or 0, p.place.column or 0))
    )


def _with_us(export: Export, grant: Grant, dialect: Dialect, around: Surroundings) -> str:
    """A line that lets in what comes through the tunnel, and nobody else."""
    match dialect:
        case Dialect.DARWIN:
            name = "localhost" if around.dialled_from.is_loopback else str(around.dialled_from)
            return spelling.darwin_line(export, grant.terms, [name])
        case Dialect.LINUX:
            terms = replace(grant.terms, low_ports=grant.terms.low_ports and around.low_ports)
            client = replace(grant.client, text=str(around.dialled_from))
            return spelling.linux_line(export, [Grant(client, terms)])


def _world(export: Export, dialect: Dialect, around: Surroundings) -> Iterator[Problem]:
    for grant in export.grants:
        if grant.client.kind is ClientKind.WORLD:
            text = "everybody who reaches this machine may mount it, not only clients of the tunnel"
            hint = f"for the tunnel alone: {_with_us(export, grant, dialect, around)}"
            yield remark("world-export", grant.client.place, export.path, text, hint)


def _not_for_us(
    export: Export, dialect: Dialect, around: Surroundings, *, none: bool
) -> Iterator[Problem]:
    if mountable(export, around.dialled_from) or not export.grants:
        return
    if all(grant.terms.offline for grant in export.grants):
        return
    text = (
        f"does not admit {around.dialled_from}, the address hostnfsd dials from: it cannot be "
        "mounted through the tunnel"
    )
    if none and dialect is Dialect.DARWIN:
        text += ", and as no export admits it nfsd resets every connection"
    if any(grant.client.kind in _UNJUDGED for grant in export.grants):
        text += " (patterns of names and netgroups are not judged)"
    if any(_nameless(grant.client) for grant in export.grants):
        text += " (names without a known address are not judged)"
    line = _with_us(export, export.grants[0], dialect, around)
    if dialect is Dialect.LINUX:
        first = line.partition(" ")[2]
        hint = f"add to its line: {first}"
    else:
        hint = f"add a line: {line}"
    yield remark("not-for-tunnel", export.place, export.path, text, hint)


def _nameless(client: Client) -> bool:
    return client.kind is ClientKind.HOST and not client.addresses


def _names(reading: Reading, around: Surroundings) -> Iterator[Problem]:
    clients = (grant.client for export in reading.exports for grant in export.grants)
    late = [client for client in clients if _nameless(client)]
    if not around.names_asked:
        if late:
            names = ", ".join(dict.fromkeys(client.text for client in late))
            text = f"names are not looked up here, so nobody is admitted by them: {names}"
            yield remark("names-not-asked", late[0].place, "exports", text)
        return
    for client in late:
        text = "no answer in time: it counts as unresolved, nobody is admitted by it"
        hint = "see why names are slow, or write an address; the answer is taken when it comes"
        yield remark("name-late", client.place, client.text, text, hint)


def _squashed(export: Export, dialect: Dialect) -> Iterator[Problem]:
    told: set[int | None] = set()
    for grant in export.grants:
        if grant.terms.squash is not Squash.ALL or grant.client.place.line in told:
            continue
        told.add(grant.client.place.line)
        text = (
            "every client becomes one user: chown fails, and with it the start of images that "
            "take over their data directory, such as postgres and mysql"
        )
        if dialect is Dialect.DARWIN:
            terms = replace(grant.terms, squash=Squash.ROOT, uid=0, gids=(0,))
            clients = _darwin_clients(grant)
            hint = f"for those: {spelling.darwin_line(export, terms, clients)}"
        else:
            terms = replace(grant.terms, squash=Squash.NONE, uid=65534, gids=(65534,))
            hint = f"for those: {spelling.linux_line(export, [Grant(grant.client, terms)])}"
        yield remark("map-breaks-chown", grant.client.place, export.path, text, hint)


def _darwin_clients(grant: Grant) -> tuple[str, ...]:
    client = grant.client
    if client.kind is ClientKind.WORLD:
        return ()
    if client.block is not None:
        block = client.block.masked()
        return ("-network", str(block.address), "-mask", str(block.mask))
    return (client.text,)


def _low_ports(export: Export, around: Surroundings) -> Iterator[Problem]:
    if around.low_ports:
        return
    for grant in export.grants:
        if grant.terms.low_ports and grant.client.includes(around.dialled_from):
            text = (
                "secure (the default) wants source ports below 1024, and hostnfsd dials from "
                "others: the server refuses it"
            )
            better = Grant(grant.client, replace(grant.terms, low_ports=False))
            line = spelling.linux_line(export, [better])
            hint = f"write, or let hostnfsd use low ports: {line}"
            yield remark("needs-low-ports", grant.client.place, export.path, text, hint)


def _linked(reading: Reading, system: System) -> Iterator[Problem]:
    exported = {export.path for export in reading.exports}
    for entry in reading.entries:
        path = decoded(entry.paths[0])
        real = system.physical(path)
        if path.rstrip("/") != real and real in exported:
            text = f"is exported as {real}: NFSv4 clients must write that"
            yield remark("client-path", entry.place, path, text, f"write: {real}")
