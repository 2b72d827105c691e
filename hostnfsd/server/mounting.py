"""What a trial mount says: which exports to try, and what a refusal means to a person.

Sources: RFC 1813 section 2.6 and appendix I; exports(5) of Linux and of macOS. macOS answers every
MNT that fails, whatever the reason, with MNT3ERR_ACCES.
"""

import ipaddress
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import Final

from hostnfsd.server.finding import Denial
from hostnfsd.server.null_call import auth_hint
from hostnfsd.sunrpc import mount, nfs, rpc

#: Exports that are tried at once, the others next time: a server may have thousands.
MOST_TRIED: Final = 8
_MOST_NAMED: Final = 3
#: Names of groups that mean anybody: an export without groups, too.
_ANYBODY: Final = frozenset({"*", "(everyone)", "Everyone", "0.0.0.0/0", "::/0"})
#: How likely an export admits us: it names us; it names somebody who may be us; it names others.
_ADMITTED: Final = 1
_UNKNOWN: Final = 2
_OTHERS: Final = 3
_NOT_ADMITTED: Final = frozenset({mount.Status.PERM, mount.Status.ACCES})
_OFFLINE_HINT: Final = (
    "the server asks to try again later: is the exported volume there, and not offline?"
)


def order(
    exports: Sequence[mount.Export], last: str | None, ours: str, names: Collection[str] = ()
) -> tuple[str, ...]:
    """The paths, the likeliest to admit us first.

    Args:
        exports: as EXPORT told them.
        last: what could be mounted last time.
        ours: the address that the server sees.
        names: of this host, which the server may take us for.
    """
    known = {"localhost", *(name.lower() for name in names)}
    ranks: dict[str, int] = {}

    def rank_of(word: str) -> int:
        if word not in ranks:
            ranks[word] = _rank(word, ours, known)
        return ranks[word]

    def rank(export: mount.Export) -> int:
        if export.path == last:
            return 0
        return min((rank_of(group.name) for group in export.groups), default=_ADMITTED)

    return tuple(dict.fromkeys(export.path for export in sorted(exports, key=rank)))


def _rank(word: str, ours: str, names: Collection[str]) -> int:
    """Whether a word of a group names us: a network, a mask, a host name, a pattern of names."""
    if word in _ANYBODY:
        return _ADMITTED
    try:
        network = ipaddress.ip_network(word, strict=False)
    except ValueError:
        pattern = word.lower()
        named = any(fnmatchcase(name, pattern) for name in names)
        return _ADMITTED if named else _UNKNOWN
    return _ADMITTED if _plain(ours) in network else _OTHERS


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def added(before: Sequence[mount.Mount], after: Sequence[mount.Mount], path: str) -> bool:
    """Whether a MNT of ours made a row of its own, which an UMNT may take away again.

    Clients that come through the tunnel have our address, too: theirs must stay.
    """
    known = frozenset(before)
    return any(row.path == path and row not in known for row in after)


def nothing_exported(ours: str) -> Denial:
    """EXPORT told of nothing."""
    return Denial(
        f"exports nothing to {ours}",
        f"add an export that admits {ours} to exports(5), and have it read"
        " (Linux: exportfs -ra; macOS: nfsd update)",
    )


def not_mounted(refusals: Sequence[tuple[str, int]], ours: str) -> Denial:
    """MNT was refused for every export.

    Args:
        refusals: path and ``mountstat3`` of each; not empty.
        ours: the address that the server saw.
    """
    names = ", ".join(dict.fromkeys(mount.status_name(status) for _, status in refusals))
    paths = ", ".join(path for path, _ in refusals[:_MOST_NAMED])
    if len(refusals) > _MOST_NAMED:
        paths += f" and {len(refusals) - _MOST_NAMED} more"
    if any(status in _NOT_ADMITTED for _, status in refusals):
        return Denial(
            f"no export admits {ours}: mounting {paths} was refused with {names}",
            f"let an export admit {ours}, and see that its folder exists"
            f" (Linux: /folder {ours}(rw,insecure), then exportfs -ra;"
            " macOS: /folder localhost, then nfsd update)",
        )
    return Denial(
        f"no export can be mounted: mounting {paths} was refused with {names}",
        "does the exported folder exist, and is it a folder?",
    )


def not_answered(procedure: str, ours: str) -> Denial:
    """The service closed the connection instead of answering."""
    return Denial(
        f"closed the connection before it answered {procedure}",
        f"most likely no export admits {ours}: let one admit it (exports(5))",
    )


def not_authenticated(procedure: str, reason: rpc.AuthError) -> Denial:
    """A call was denied."""
    return Denial(f"refuses {procedure}: AUTH_ERROR, {reason.status.name}", auth_hint(reason))


def not_looked_at(path: str, procedure: str, status: int, ours: str, uid: int) -> Denial:
    """The root of an export was mounted and may not be looked at.

    Args:
        path: of the export.
        procedure: that was refused.
        status: ``nfsstat3``.
        ours: the address that the server saw.
        uid: whom the call was for.
    """
    text = f"refuses {procedure} on the root of {path}: {nfs.status_name(status)}"
    match status:
        case nfs.Status.STALE | nfs.Status.BADHANDLE:
            hint = "the export is not what it was: export it anew (exportfs -ra, nfsd update)"
        case nfs.Status.JUKEBOX:
            hint = _OFFLINE_HINT
        case _:
            hint = f"let the export admit {ours}, and let user {uid} look at its folder"
    return Denial(text, hint)
