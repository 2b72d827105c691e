"""What is exported to whom, on which terms: rows for people, and one document for programs."""

from dataclasses import dataclass
from typing import Any, Final

from hostnfsd.exports.access import Access, Reason, Rule
from hostnfsd.exports.addresses import Address
from hostnfsd.exports.matching import serving
from hostnfsd.exports.model import (
    Client,
    ClientKind,
    Dialect,
    Export,
    Grant,
    Reading,
    Squash,
    Terms,
)
from hostnfsd.problem import Place, Problem, errors
from hostnfsd.readable import printable

#: Of the document.
SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One grant, in words.

    Attributes:
        path: the export.
        client: whom it is for.
        rights: what they may do, in one or three words.
        identity: whom they act as.
        details: what else holds, a few words each.
        tunnel: this is what clients of the tunnel get.
        place: where it is written.
    """

    path: str
    client: str
    rights: str
    identity: str
    details: tuple[str, ...]
    tunnel: bool
    place: Place


def rows(reading: Reading, dialled_from: Address) -> tuple[Row, ...]:
    """A row for every grant, in the order of the file.

    Args:
        reading: the file.
        dialled_from: the address that hostnfsd dials the server from.
    """
    return tuple(
        Row(
            path=export.path,
            client=client_text(grant.client),
            rights=_rights(grant.terms),
            identity=identity_text(grant.terms),
            details=details(grant.terms, reading.dialect),
            tunnel=grant is used,
            place=grant.client.place,
        )
        for export in reading.exports
        for used in (serving(export, dialled_from),)
        for grant in export.grants
    )


def client_text(client: Client) -> str:
    """Whom a client covers: ``everybody``, ``network 10.0.0.0/8``, ``host dev (10.0.0.1)``."""
    match client.kind:
        case ClientKind.WORLD:
            return "everybody"
        case ClientKind.NETWORK:
            return f"network {client.block}"
        case ClientKind.ADDRESS:
            return ", ".join(map(str, client.addresses))
        case kind:
            known = f" ({', '.join(map(str, client.addresses))})" if client.addresses else ""
            return f"{kind} {client.text}{known}"


def rights_text(terms: Terms) -> str:
    """What clients may do: ``read and write``, ``read; not served now``."""
    words = ", ".join((_rights(terms), *_conditions(terms)))
    return f"{words}; not served now" if terms.offline else words


def details(terms: Terms, dialect: Dialect) -> tuple[str, ...]:
    """What holds beside rights and identity: ``from ports below 1024``, ``options: async``.

    That any directory below an export can be mounted goes without saying on Linux.
    """
    words = ["not served now"] if terms.offline else []
    words += _conditions(terms)
    if terms.subdirectories and dialect is Dialect.DARWIN:
        words.append("any directory below may be mounted, too")
    words += [f"options: {', '.join(terms.options)}"] if terms.options else []
    return tuple(words)


def _rights(terms: Terms) -> str:
    return "read" if terms.read_only else "read and write"


def _conditions(terms: Terms) -> list[str]:
    words = ["from ports below 1024"] if terms.low_ports else []
    words += [f"with {' or '.join(terms.security)}"] if terms.security != ("sys",) else []
    return words


def identity_text(terms: Terms) -> str:
    """Whom clients act as: ``themselves``, ``root as 65534:65534``, ``all as 501:20``."""
    if terms.squash is Squash.NONE or (terms.squash is Squash.ROOT and terms.uid == 0):
        return "themselves, root too"
    whom = "root" if terms.squash is Squash.ROOT else "all"
    if terms.uid is None:
        return f"{whom} as {terms.identity}"
    return f"{whom} as {':'.join(map(str, (terms.uid, *terms.gids)))}"


def admitted(access: Access) -> tuple[str, ...]:
    """Who may come through the tunnel, a line for each rule."""
    if not access.mountable:
        return ("nobody: no export admits the address that hostnfsd dials from",)
    lines = list(dict.fromkeys(rule_text(rule) for rule in access.rules))
    if not lines:
        lines.append("nobody yet: the networks next to the gateway are not known")
    if len(access.mountable) > 1:
        paths = ", ".join(export.path for export in access.mountable)
        lines.append(f"whoever is admitted reaches all of these: {paths}")
    return tuple(lines)


def rule_text(rule: Rule) -> str:
    """``172.22.0.0/16, by /srv/src (/etc/exports:1:10; it names only this host)``."""
    whom = "everybody" if rule.block is None else short(str(rule.block))
    why = "; it names only this host" if rule.reason is Reason.ATTACHED else ""
    return f"{whom}, by {printable(rule.export)} ({rule.place}{why})"


def short(text: str) -> str:
    """A network of one address as that address."""
    address, _, length = text.partition("/")
    return address if length == ("128" if ":" in address else "32") else text


def document(
    reading: Reading, access: Access, dialled_from: Address, problems: tuple[Problem, ...]
) -> dict[str, Any]:
    """The whole as JSON types, with ``"schema": 1``.

    Args:
        reading: the file.
        access: the rules it makes.
        dialled_from: the address that hostnfsd dials the server from.
        problems: all that there are, in the order to tell them.
    """
    return {
        "schema": SCHEMA,
        "ok": not errors(problems),
        "dialect": reading.dialect.value,
        "errors": reading.error_count,
        "dialled_from": str(dialled_from),
        "exports": [_export(export, dialled_from) for export in reading.exports],
        "admitted": [_rule(rule) for rule in access.rules],
        "problems": [problem.to_json() for problem in problems],
    }


def _export(export: Export, dialled_from: Address) -> dict[str, Any]:
    used = serving(export, dialled_from)
    return {
        "path": export.path,
        "also": list(export.also),
        "file": export.place.path,
        "line": export.place.line,
        "column": export.place.column,
        "tunnel": used is not None,
        "grants": [_grant(grant, used is grant) for grant in export.grants],
    }


def _grant(grant: Grant, used: bool) -> dict[str, Any]:
    client, terms = grant.client, grant.terms
    return {
        "client": {
            "kind": client.kind.value,
            "text": client.text,
            "addresses": [str(address) for address in client.addresses],
            "network": None if client.block is None else str(client.block),
        },
        "file": client.place.path,
        "line": client.place.line,
        "column": client.place.column,
        "tunnel": used,
        "read_only": terms.read_only,
        "squash": terms.squash.value,
        "uid": terms.uid,
        "gids": list(terms.gids),
        "identity": terms.identity or None,
        "subdirectories": terms.subdirectories,
        "low_ports": terms.low_ports,
        "security": list(terms.security),
        "offline": terms.offline,
        "options": list(terms.options),
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "network": None if rule.block is None else str(rule.block),
        "reason": rule.reason.value,
        "export": rule.export,
        "file": rule.place.path,
        "line": rule.place.line,
        "column": rule.place.column,
    }
