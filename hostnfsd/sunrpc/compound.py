"""What a COMPOUND of NFS version 4 is about, from its first operations (RFC 7530, RFC 8881).

Version 4 has one procedure for everything: COMPOUND, a list of operations. The first of them say
where (a session, a file), the next one what. No more than that is looked at.
"""

import struct
from enum import IntEnum
from typing import Final

from hostnfsd.sunrpc.rpc import AuthFlavor


class Operation(IntEnum):
    """Operations that are told apart (RFC 8881 section 16.2.3); there are seventy more."""

    ACCESS = 3
    GETATTR = 9
    GETFH = 10
    PUTFH = 22
    PUTPUBFH = 23
    PUTROOTFH = 24
    RENEW = 30
    RESTOREFH = 31
    SAVEFH = 32
    SECINFO = 33
    SETCLIENTID = 35
    SETCLIENTID_CONFIRM = 36
    BACKCHANNEL_CTL = 40
    BIND_CONN_TO_SESSION = 41
    EXCHANGE_ID = 42
    CREATE_SESSION = 43
    DESTROY_SESSION = 44
    FREE_STATEID = 45
    SECINFO_NO_NAME = 52
    SEQUENCE = 53
    TEST_STATEID = 55
    DESTROY_CLIENTID = 57
    RECLAIM_COMPLETE = 58


#: What says where, without arguments.
_BARE: Final = frozenset(
    map(
        int,
        (
            Operation.PUTPUBFH,
            Operation.PUTROOTFH,
            Operation.GETFH,
            Operation.SAVEFH,
            Operation.RESTOREFH,
        ),
    )
)
_SEQUENCE: Final = int(Operation.SEQUENCE)
_SEQUENCE_SIZE: Final = 32  # sessionid4 and four numbers
_PUTFH: Final = int(Operation.PUTFH)
#: What a client's kernel asks with nobody at work: leases, sessions, attributes, free space.
_KEEPING: Final = frozenset(map(int, Operation)) - _BARE - {_SEQUENCE, _PUTFH}
#: A call of more bytes carries data, whatever it is.
LARGE: Final = 1024
#: xid, msg_type, RPC version, program, version, procedure.
_HEADER: Final = 24
_PLAIN: Final = frozenset({int(AuthFlavor.NONE), int(AuthFlavor.SYS)})
_word: Final = struct.Struct(">I").unpack_from


def works(message: bytes | memoryview, at: int, end: int) -> bool:
    """Whether a COMPOUND does what somebody works at.

    One that cannot be read, for it is not all there or is encrypted, does so if it is large.

    Args:
        message: bytes in which its message lies.
        at: where that begins, behind the record mark.
        end: where it ends.
    """
    if end - at > LARGE:
        return True
    try:
        return _works(message, at, min(end, len(message)))
    except struct.error:
        return False


def _works(message: bytes | memoryview, at: int, end: int) -> bool:
    at += _HEADER
    if _word(message, at)[0] not in _PLAIN:
        return False  # arguments may be encrypted: RFC 2203 section 5.3.2
    at = _behind(message, at + 4)  # the credential
    at = _behind(message, at + 4)  # the verifier
    at = _behind(message, at)  # the tag
    count = _word(message, at + 4)[0]  # behind the minor version
    at += 8
    for _ in range(count):
        if at >= end:
            break
        operation = _word(message, at)[0]
        at += 4
        if operation == _SEQUENCE:
            at += _SEQUENCE_SIZE
        elif operation == _PUTFH:
            at = _behind(message, at)
        elif operation not in _BARE:
            return operation not in _KEEPING
    return False


def _behind(message: bytes | memoryview, at: int) -> int:
    """The place behind the opaque data that begin at ``at`` with their length (RFC 4506, 4.10)."""
    length: int = _word(message, at)[0]
    return at + 4 + ((length + 3) & ~3)
