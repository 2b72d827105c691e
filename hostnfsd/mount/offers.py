"""Which directories can be mounted, as far as the exports tell, and what they say of one."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from hostnfsd.errors import UsageError
from hostnfsd.exports.addresses import Address
from hostnfsd.exports.matching import serving
from hostnfsd.exports.model import Export
from hostnfsd.exports.overview import identity_text
from hostnfsd.mount.plan import Exported
from hostnfsd.readable import printable


@dataclass(frozen=True, slots=True)
class Offer:
    """An exported directory.

    Attributes:
        path: the directory.
        exported: what clients of the tunnel get; None where it is not exported to them, or where
            that is not known.
        refused: whether the exports are known to leave clients of the tunnel out.
        alone: whether only the directory itself may be mounted, none below it.
    """

    path: str
    exported: Exported | None
    refused: bool = False
    alone: bool = False


def offers(exports: Iterable[Export], dialled_from: Address) -> tuple[Offer, ...]:
    """What exports offer to whoever comes through the tunnel, in their order.

    Args:
        exports: of the host.
        dialled_from: the address that hostnfsd dials the server from.
    """
    found: list[Offer] = []
    for export in exports:
        grant = serving(export, dialled_from)
        exported = (
            None if grant is None else Exported(identity_text(grant.terms), grant.terms.read_only)
        )
        alone = grant is not None and not grant.terms.subdirectories
        found += [
            Offer(path, exported, refused=grant is None, alone=alone)
            for path in (export.path, *export.also)
        ]
    return tuple(found)


def only(known: Iterable[Offer], asked_by: str) -> str:
    """The one directory that can be mounted.

    Args:
        known: what is offered.
        asked_by: the command that lacks a path, for the hint.

    Raises:
        UsageError: there are several, or none that is known; lists them.
    """
    paths = [offer.path for offer in known if not offer.refused]
    if len(paths) == 1:
        return paths[0]
    if not paths:
        raise UsageError(
            "PATH is missing, and no export is known that could be mounted through the tunnel",
            hint=f"{asked_by} /PATH; `hostnfsd exports` tells what is exported to whom",
        )
    listed = "\n    ".join(map(printable, paths))
    raise UsageError(
        f"PATH is missing: which of the exported directories is to be mounted?\n    {listed}",
        hint=f"{asked_by} {paths[0]}",
    )


def of(path: str, known: Iterable[Offer]) -> Offer | None:
    """The offer that a path belongs to: of those that hold it the deepest."""
    here = PurePosixPath(path)
    holding = [o for o in known if here.is_relative_to(PurePosixPath(o.path))]
    return max(holding, key=lambda offer: len(PurePosixPath(offer.path).parts), default=None)
