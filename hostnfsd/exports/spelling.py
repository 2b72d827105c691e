"""What is meant, in the words of a dialect: for the corrected lines in hints."""

from collections.abc import Iterable
from typing import Final

from hostnfsd.exports import printer
from hostnfsd.exports.model import Dialect, Entry, Export, Grant, Squash, Terms
from hostnfsd.problem import Place

_NOWHERE: Final = Place("")
_LINUX_NOBODY: Final = (65534, 65534)
_DARWIN_NOBODY: Final = (-2, -2)


def darwin_options(terms: Terms) -> tuple[str, ...]:
    """The options of macOS exports(5) for these terms, defaults left out."""
    words = ["-ro"] if terms.read_only else []
    flags = ["alldirs"] if terms.subdirectories else []
    flags += ["offline"] if terms.offline else []
    words += [f"-{name}" for name in (*flags, *terms.options)]
    identity = (terms.uid, *terms.gids)
    name = "mapall" if terms.squash is Squash.ALL else "maproot"
    if terms.uid is None:
        words.append(f"-{name}={terms.identity}")
    elif terms.squash is Squash.ALL or identity != _DARWIN_NOBODY:
        # With no group at all a colon remains: without it the user's own groups would be meant.
        words.append(f"-{name}={':'.join(map(str, identity))}{'' if terms.gids else ':'}")
    if terms.security != ("sys",):
        words.append(f"-sec={':'.join(terms.security)}")
    return tuple(words)


def darwin_line(export: Export, terms: Terms, clients: Iterable[str]) -> str:
    """A line of macOS exports(5)."""
    fields = (*darwin_options(terms), *clients)
    entry = Entry(_NOWHERE, (export.path, *export.also), fields)
    return printer.line(Dialect.DARWIN, entry)


def linux_client(name: str, terms: Terms) -> str:
    """A client of Linux exports(5) with its options, defaults left out."""
    words = ["ro" if terms.read_only else "rw"]
    words += [] if terms.low_ports else ["insecure"]
    words += ["all_squash"] if terms.squash is Squash.ALL else []
    words += ["no_root_squash"] if terms.squash is Squash.NONE else []
    identity = (terms.uid, *terms.gids)
    if identity != _LINUX_NOBODY:
        words += [f"anonuid={terms.uid}", *(f"anongid={gid}" for gid in terms.gids)]
    words += [] if terms.security == ("sys",) else [f"sec={':'.join(terms.security)}"]
    return f"{name}({','.join((*words, *terms.options))})"


def linux_line(export: Export, grants: Iterable[Grant]) -> str:
    """A line of Linux exports(5)."""
    fields = (linux_client(grant.client.text or "*", grant.terms) for grant in grants)
    return printer.line(Dialect.LINUX, Entry(_NOWHERE, (export.path,), tuple(fields)))
