"""What a reply says became of its call, read from the reply's first bytes."""

import struct
from enum import StrEnum
from typing import Final

from hostnfsd.sunrpc import mount, nfs, programs
from hostnfsd.sunrpc.rpc import MAX_AUTH_BYTES, AcceptStat, ReplyStat

_WORD: Final = struct.Struct(">I")
#: Bytes before the verifier's body: xid, msg_type, reply_stat, its flavor and its length.
_BEFORE: Final = 20
# Plain numbers: the enumerations would be looked up for every message.
_ACCEPTED: Final = int(ReplyStat.ACCEPTED)
_DENIED: Final = int(ReplyStat.DENIED)
_SUCCESS: Final = int(AcceptStat.SUCCESS)
_SYSTEM_ERR: Final = int(AcceptStat.SYSTEM_ERR)
_NFS: Final = nfs.PROGRAM
_VOID: Final = frozenset({0})
_VOID_IN_2: Final = frozenset({0, 3, 7})  # NULL, ROOT, WRITECACHE (RFC 1094 section 2.2)


class Error(StrEnum):
    """What became of a call: a closed set."""

    NONE = "none"  # answered, and no error to be seen
    RPC = "rpc"  # denied, or accepted without success
    STATUS = "status"  # NFS or MOUNT answered with an error of its own


# Members of an enumeration are slow to look up before Python 3.12.
NO_ERROR: Final = (Error.NONE, 0)
_RPC_ERROR: Final = (Error.RPC, 0)
_STATUS: Final = Error.STATUS


def outcome_of(head: bytes, size: int, stat: int, length: int) -> tuple[Error, int] | None:
    """What a reply says, and the first word of its results if that is an error and is seen.

    Args:
        head: the record's first bytes, all of them if it has no more.
        size: bytes of the whole record.
        stat: its ``reply_stat``.
        length: of its verifier's body, bytes; without meaning in a denial.

    Returns:
        None for what is no reply (RFC 5531 section 9).
    """
    if stat == _DENIED:
        return _RPC_ERROR
    at = _BEFORE + length + -length % 4
    if stat != _ACCEPTED or length > MAX_AUTH_BYTES or at + _WORD.size > size:
        return None
    if at + _WORD.size > len(head):  # behind a verifier longer than any in use
        return NO_ERROR
    accept_stat = _WORD.unpack_from(head, at)[0]
    if accept_stat != _SUCCESS:
        return _RPC_ERROR if accept_stat <= _SYSTEM_ERR else None
    at += _WORD.size
    if at + _WORD.size > len(head):
        return NO_ERROR
    status = _WORD.unpack_from(head, at)[0]
    return (_STATUS, status) if status else NO_ERROR


def has_status(program: int, version: int, procedure: int) -> bool:
    """Whether the results begin with a status: all of NFS but the procedures without results."""
    if program == _NFS:
        return procedure not in (_VOID_IN_2 if version == nfs.VERSION_2 else _VOID)
    if program == programs.NFSACL:
        return procedure not in _VOID
    return program == mount.PROGRAM and procedure == mount.Procedure.MNT
