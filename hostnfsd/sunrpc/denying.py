"""Turns away every call of a connection, in its own protocol: nothing is done, and it is told so.

A call is passed over by count, however large (:mod:`hostnfsd.sunrpc.scan`), and answered when it is
whole: MSG_DENIED, AUTH_ERROR (RFC 5531 section 9). What is no call is not answered.
"""

from typing import Final

from hostnfsd.sunrpc import record
from hostnfsd.sunrpc.rpc import (
    RPC_VERSION,
    AuthError,
    AuthStat,
    Denied,
    MessageType,
    RpcMismatch,
)
from hostnfsd.sunrpc.scan import Passed, Scanner
from hostnfsd.sunrpc.tap import MAX_RECORD
from hostnfsd.sunrpc.xdr import encode

#: Calls of one connection that are answered: a client with more tries again, and is told again.
MOST_CALLS: Final = 64
#: Bytes that are looked at in one go: records may be empty, and each costs more than it says.
_SLICE: Final = 4096
#: xid, msg_type and RPC version.
_TELLING: Final = 12
_WORD: Final = 4


class Denier:
    """One connection.

    Args:
        status: why, as the client is told.

    Attributes:
        over: nothing more will be answered: what came was no call, or there were too many.
        answered: how many calls were.
    """

    def __init__(self, status: AuthStat) -> None:
        self._status = status
        self._scanner = Scanner(MAX_RECORD)
        self.over = False
        self.answered = 0

    @property
    def amid(self) -> bool:
        """Whether a call was begun and is not whole."""
        return not self._scanner.between

    def hear(self, chunk: bytes) -> bytes:
        """The replies to the calls that end in ``chunk``, as they go on the stream."""
        replies = bytearray()
        for at in range(0, len(chunk), _SLICE):
            for passed in self._scanner.feed(memoryview(chunk)[at : at + _SLICE], 0.0):
                if self.over:
                    break
                replies += self._answer(passed)
            self.over = self.over or self._scanner.off is not None
            if self.over:
                break
        return bytes(replies)

    def _answer(self, passed: Passed) -> bytes:
        head = passed.head
        words = [int.from_bytes(head[at : at + _WORD], "big") for at in range(0, _TELLING, _WORD)]
        xid, kind, version = words
        if len(head) < _TELLING or kind != MessageType.CALL:
            self.over = True
            return b""
        self.answered += 1
        self.over = self.answered >= MOST_CALLS
        reason = AuthError(self._status) if version == RPC_VERSION else RpcMismatch()
        return record.encode(encode(Denied(xid, reason)))
