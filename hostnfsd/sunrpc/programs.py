"""Names of programs and procedures, for labels: a closed set, whatever numbers clients send.

Sources: RFC 1094, 1813, 7530 (NFS and MOUNT), RFC 1833 (rpcbind), X/Open XNFS C702 (NLM, NSM),
rquota.x and nfsacl of ONC+. Names are lower case, as nfsstat(8) writes them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hostnfsd.services import FACTS, Service

#: The name of every number that has none.
OTHER: Final = "other"
#: The program of POSIX draft ACLs, which Linux serves at the port of nfs.
NFSACL: Final = 100227

_NFS_2: Final = (
    "null getattr setattr root lookup readlink read writecache write create remove rename link "
    "symlink mkdir rmdir readdir statfs"
)
_NFS_3: Final = (
    "null getattr setattr lookup access readlink read write create mkdir symlink mknod remove "
    "rmdir rename link readdir readdirplus fsstat fsinfo pathconf commit"
)
_NFS_4: Final = "null compound"
_RPCBIND_2: Final = "null set unset getport dump callit"
_RPCBIND_3: Final = "null set unset getaddr dump callit gettime uaddr2taddr taddr2uaddr"
_RPCBIND_4: Final = (
    "null set unset getaddr dump bcast gettime uaddr2taddr taddr2uaddr getversaddr indirect "
    "getaddrlist getstat"
)
_MOUNT_1: Final = "null mnt dump umnt umntall export exportall"
_MOUNT_2: Final = f"{_MOUNT_1} pathconf"
_MOUNT_3: Final = "null mnt dump umnt umntall export"
_NLM_1: Final = (
    "null test lock cancel unlock granted test_msg lock_msg cancel_msg unlock_msg granted_msg "
    "test_res lock_res cancel_res unlock_res granted_res"
)
# 16 to 19 are not assigned.
_NLM_3: Final = f"{_NLM_1} {OTHER} {OTHER} {OTHER} {OTHER} share unshare nm_lock free_all"
_NSM_1: Final = "null stat mon unmon unmon_all simu_crash notify"
_RQUOTA_1: Final = "null getquota getactivequota"
_RQUOTA_2: Final = f"{_RQUOTA_1} setquota setactivequota"
_ACL_2: Final = "acl_null acl_getacl acl_setacl acl_getattr acl_access"
_ACL_3: Final = "acl_null acl_getacl acl_setacl"


def _of(service: Service, **versions: str) -> dict[tuple[int, int], tuple[str, ...]]:
    program = FACTS[service].program
    return {(program, int(v.removeprefix("v"))): tuple(n.split()) for v, n in versions.items()}


_PROCEDURES: Final[Mapping[tuple[int, int], tuple[str, ...]]] = MappingProxyType(
    {
        **_of(Service.RPCBIND, v2=_RPCBIND_2, v3=_RPCBIND_3, v4=_RPCBIND_4),
        **_of(Service.NFS, v2=_NFS_2, v3=_NFS_3, v4=_NFS_4),
        **_of(Service.MOUNTD, v1=_MOUNT_1, v2=_MOUNT_2, v3=_MOUNT_3),
        # macOS registers version 0 as well; it is version 1.
        **_of(Service.NLOCKMGR, v0=_NLM_1, v1=_NLM_1, v3=_NLM_3, v4=_NLM_3),
        **_of(Service.STATUS, v1=_NSM_1),
        **_of(Service.RQUOTAD, v1=_RQUOTA_1, v2=_RQUOTA_2),
        (NFSACL, 2): tuple(_ACL_2.split()),
        (NFSACL, 3): tuple(_ACL_3.split()),
    }
)
_PROGRAMS: Final[Mapping[int, str]] = MappingProxyType(
    {**{facts.program: service.value for service, facts in FACTS.items()}, NFSACL: "nfs_acl"}
)

#: Every name that :func:`procedure_name` can give.
PROCEDURE_NAMES: Final = frozenset({OTHER}.union(*_PROCEDURES.values()))
#: Every name that :func:`program_name` can give.
PROGRAM_NAMES: Final = frozenset({OTHER, *_PROGRAMS.values()})


def program_name(program: int) -> str:
    """The service whose program it is, ``nfs_acl``, or :data:`OTHER`."""
    return _PROGRAMS.get(program, OTHER)


def procedure_name(program: int, version: int, procedure: int) -> str:
    """The procedure's name, or :data:`OTHER`. Those of nfs_acl begin with ``acl_``."""
    names = _PROCEDURES.get((program, version), ())
    return names[procedure] if 0 <= procedure < len(names) else OTHER


def procedure_at(service: Service, program: int, version: int, procedure: int) -> str:
    """The procedure's name where a service listens: what is not its own is :data:`OTHER`.

    Programs that share the port count as the service's: nfs_acl does so with nfs.
    """
    own = program == FACTS[service].program or (program == NFSACL and service is Service.NFS)
    return procedure_name(program, version, procedure) if own else OTHER
