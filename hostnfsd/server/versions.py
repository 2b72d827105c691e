"""Which version of a service's program is meant when only the service is named."""

from collections.abc import Container, Mapping
from types import MappingProxyType
from typing import Final

from hostnfsd.services import Service

#: Versions that exist, the one a mount with ``vers=3`` wants first. RFC 1813 (nfs 3, mountd 3,
#: nlockmgr 4), RFC 7530 (nfs 4), RFC 1094 (nfs 2, mountd 1), X/Open C702 (status 1, nlockmgr 1 and
#: 3), rquota.x (rquotad 1 and 2), RFC 1833 (rpcbind). macOS registers nlockmgr 0 as well.
WANTED: Final[Mapping[Service, tuple[int, ...]]] = MappingProxyType(
    {
        Service.RPCBIND: (2, 3, 4),
        Service.NFS: (3, 4, 2),
        Service.MOUNTD: (3, 1, 2),
        Service.NLOCKMGR: (4, 3, 1, 0),
        Service.STATUS: (1,),
        Service.RQUOTAD: (1, 2),
    }
)


def best(service: Service, versions: Container[int]) -> int | None:
    """The one of ``versions`` that a client wants first; None if none of them is known.

    A server may say that it has versions 0 to 4294967295: a range is never gone through.
    """
    return next((version for version in WANTED[service] if version in versions), None)


def to_try(service: Service, versions: Container[int]) -> int:
    """The version to call of a service that has ``versions``, as far as is known."""
    found = best(service, versions)
    return WANTED[service][0] if found is None else found
