"""Whether clients work, or only have something mounted. Pure.

A client that does nothing is not silent: its kernel renews the lease of NFSv4, revalidates
attributes, and whatever watches free space (kubelet does, for every volume) asks for that. So bytes
alone do not tell. Versions 2 and 3 of NFS name what a call does; version 4 packs it into COMPOUND,
whose first operations tell (:mod:`hostnfsd.sunrpc.compound`). Only nfs counts: what mountd and
rpcbind are asked moves no data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

#: What a client calls that nobody works at; names of :mod:`hostnfsd.sunrpc.programs`.
IDLE_CALLS: Final = frozenset(
    {
        *("null", "compound"),
        *("getattr", "access", "statfs", "fsstat", "fsinfo", "pathconf"),
        *("acl_null", "acl_getacl", "acl_getattr", "acl_access"),
    }
)
#: Bytes, of calls that are not followed or have not passed whole, that no idle client sends between
#: two looks.
UNFOLLOWED: Final = 4096
_MARK: Final = 4  # RFC 5531 section 11


class Traffic(NamedTuple):
    """What passed for one procedure: numbers that never fall. Bytes without record marks."""

    calls: int = 0
    replies: int = 0
    to_host: int = 0
    to_client: int = 0

    def plus(self, other: "Traffic") -> "Traffic":
        """Both together."""
        return Traffic(*(one + another for one, another in zip(self, other, strict=True)))

    def since(self, before: "Traffic") -> "Traffic":
        """What came on top of ``before``."""
        return Traffic(*(now - then for now, then in zip(self, before, strict=True)))


@dataclass(frozen=True, slots=True)
class Passed:
    """What has passed between clients and nfs since the daemon started.

    Attributes:
        bytes: all of them, both ways.
        procedures: the calls that were followed, by name.
        compounds: COMPOUNDs among them that somebody works at.
    """

    bytes: int = 0
    procedures: Mapping[str, Traffic] = field(default_factory=dict)
    compounds: int = 0


def done(before: Passed, now: Passed) -> bool:
    """Whether a client worked between two looks."""
    if now.compounds > before.compounds:
        return True
    followed = 0
    for name, traffic in now.procedures.items():
        new = traffic.since(before.procedures.get(name, Traffic()))
        if new.calls > 0 and name not in IDLE_CALLS:
            return True
        followed += new.to_host + new.to_client + _MARK * (new.calls + new.replies)
    return now.bytes - before.bytes - followed >= UNFOLLOWED
