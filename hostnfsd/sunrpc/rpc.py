"""ONC RPC version 2 messages: calls, replies and credentials (RFC 5531 sections 8, 9 and 14).

A message is one record (:mod:`hostnfsd.sunrpc.record`). Arguments and results stay bytes here;
the program's own module says what they mean.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Self, TypeAlias

from hostnfsd.sunrpc.xdr import Reader, RpcDecodeError, Writer, decode, encode

RPC_VERSION: Final = 2
MAX_AUTH_BYTES: Final = 400  # RFC 5531 section 8.2
MAX_MACHINE_NAME: Final = 255  # RFC 5531 appendix A
MAX_GIDS: Final = 16  # RFC 5531 appendix A


class MessageType(IntEnum):
    """``msg_type``."""

    CALL = 0
    REPLY = 1


class ReplyStat(IntEnum):
    """``reply_stat``."""

    ACCEPTED = 0
    DENIED = 1


class AcceptStat(IntEnum):
    """``accept_stat``: what became of a call that was accepted."""

    SUCCESS = 0
    PROG_UNAVAIL = 1
    PROG_MISMATCH = 2
    PROC_UNAVAIL = 3
    GARBAGE_ARGS = 4
    SYSTEM_ERR = 5


class RejectStat(IntEnum):
    """``reject_stat``: why a call was denied."""

    RPC_MISMATCH = 0
    AUTH_ERROR = 1


class AuthStat(IntEnum):
    """``auth_stat``: why authentication failed."""

    AUTH_OK = 0
    AUTH_BADCRED = 1
    AUTH_REJECTEDCRED = 2
    AUTH_BADVERF = 3
    AUTH_REJECTEDVERF = 4
    AUTH_TOOWEAK = 5  # among others: the call came from a source port that is not reserved
    AUTH_INVALIDRESP = 6
    AUTH_FAILED = 7
    AUTH_KERB_GENERIC = 8
    AUTH_TIMEEXPIRE = 9
    AUTH_TKT_FILE = 10
    AUTH_DECODE = 11
    AUTH_NET_ADDR = 12
    RPCSEC_GSS_CREDPROBLEM = 13
    RPCSEC_GSS_CTXPROBLEM = 14


class AuthFlavor(IntEnum):
    """``auth_flavor``: the numbers one meets; a message may carry any other."""

    NONE = 0
    SYS = 1
    SHORT = 2
    DH = 3
    RPCSEC_GSS = 6
    TLS = 7  # RFC 9289


@dataclass(frozen=True, slots=True)
class Auth:
    """``opaque_auth``: a credential or a verifier. ``flavor`` is open: any number may come."""

    flavor: int = AuthFlavor.NONE
    body: bytes = b""

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.uint(self.flavor)
        writer.opaque(self.body, MAX_AUTH_BYTES)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        return cls(reader.uint(), reader.opaque(MAX_AUTH_BYTES))


AUTH_NONE: Final = Auth()


@dataclass(frozen=True, slots=True)
class AuthSys:
    """``authsys_parms``, the body of an AUTH_SYS credential (RFC 5531 appendix A)."""

    machine_name: str
    uid: int
    gid: int
    gids: tuple[int, ...] = ()
    stamp: int = 0

    def credential(self) -> Auth:
        """The credential that carries it."""
        return Auth(AuthFlavor.SYS, encode(self))

    @classmethod
    def of(cls, credential: Auth) -> Self:
        """What an AUTH_SYS credential says.

        Raises:
            RpcDecodeError: it is not well-formed, or of another flavor.
        """
        if credential.flavor != AuthFlavor.SYS:
            raise RpcDecodeError(f"a credential of flavor {credential.flavor}, not AUTH_SYS", 0)
        return decode(cls, credential.body)

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        writer.uint(self.stamp)
        writer.string(self.machine_name, MAX_MACHINE_NAME)
        writer.uint(self.uid)
        writer.uint(self.gid)
        writer.uint(len(self.gids), MAX_GIDS)
        for gid in self.gids:
            writer.uint(gid)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        stamp = reader.uint()
        machine_name = reader.string(MAX_MACHINE_NAME)
        uid, gid = reader.uint(), reader.uint()
        gids = tuple(reader.uint() for _ in range(reader.uint(MAX_GIDS)))
        return cls(machine_name, uid, gid, gids, stamp)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of RPC version 2. ``arguments`` are XDR already."""

    xid: int
    program: int
    version: int
    procedure: int
    arguments: bytes = b""
    credential: Auth = AUTH_NONE
    verifier: Auth = AUTH_NONE

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        for number in (self.xid, MessageType.CALL, RPC_VERSION):
            writer.uint(number)
        for number in (self.program, self.version, self.procedure):
            writer.uint(number)
        self.credential.write(writer)
        self.verifier.write(writer)
        writer.raw(self.arguments)


@dataclass(frozen=True, slots=True)
class ForeignCall:
    """A call of another RPC version: nothing beyond that version can be read."""

    xid: int
    rpc_version: int
    body: bytes = b""

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        for number in (self.xid, MessageType.CALL, self.rpc_version):
            writer.uint(number)
        writer.raw(self.body)


@dataclass(frozen=True, slots=True)
class Success:
    """SUCCESS. ``results`` are XDR already."""

    results: bytes = b""


@dataclass(frozen=True, slots=True)
class ProgramMismatch:
    """PROG_MISMATCH: the versions of the program that there are."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Failure:
    """PROG_UNAVAIL, PROC_UNAVAIL, GARBAGE_ARGS or SYSTEM_ERR."""

    status: AcceptStat

    def __post_init__(self) -> None:
        if self.status in {AcceptStat.SUCCESS, AcceptStat.PROG_MISMATCH}:
            raise ValueError(f"{self.status.name} has a type of its own")


Outcome: TypeAlias = Success | ProgramMismatch | Failure


@dataclass(frozen=True, slots=True)
class Accepted:
    """``accepted_reply``: the call was let in, whatever became of it."""

    xid: int
    outcome: Outcome = field(default_factory=Success)
    verifier: Auth = AUTH_NONE

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        for number in (self.xid, MessageType.REPLY, ReplyStat.ACCEPTED):
            writer.uint(number)
        self.verifier.write(writer)
        outcome = self.outcome
        if isinstance(outcome, Success):
            writer.uint(AcceptStat.SUCCESS)
            writer.raw(outcome.results)
        elif isinstance(outcome, ProgramMismatch):
            for number in (AcceptStat.PROG_MISMATCH, outcome.low, outcome.high):
                writer.uint(number)
        else:
            writer.uint(outcome.status)


@dataclass(frozen=True, slots=True)
class RpcMismatch:
    """RPC_MISMATCH: the RPC versions that there are."""

    low: int = RPC_VERSION
    high: int = RPC_VERSION


@dataclass(frozen=True, slots=True)
class AuthError:
    """AUTH_ERROR: the caller is not let in."""

    status: AuthStat


@dataclass(frozen=True, slots=True)
class Denied:
    """``rejected_reply``."""

    xid: int
    reason: RpcMismatch | AuthError

    def write(self, writer: Writer) -> None:
        """See :class:`hostnfsd.sunrpc.xdr.Message`."""
        for number in (self.xid, MessageType.REPLY, ReplyStat.DENIED):
            writer.uint(number)
        reason = self.reason
        if isinstance(reason, RpcMismatch):
            for number in (RejectStat.RPC_MISMATCH, reason.low, reason.high):
                writer.uint(number)
        else:
            writer.uint(RejectStat.AUTH_ERROR)
            writer.uint(reason.status)


Message: TypeAlias = Call | ForeignCall | Accepted | Denied


def decode_message(record: bytes | memoryview) -> Message:
    """What a record says.

    Raises:
        RpcDecodeError: it is no RPC message.
    """
    reader = Reader(record)
    xid = reader.uint()
    if reader.enum(MessageType) is MessageType.CALL:
        return _read_call(reader, xid)
    if reader.enum(ReplyStat) is ReplyStat.ACCEPTED:
        return Accepted(verifier=Auth.read(reader), outcome=_read_outcome(reader), xid=xid)
    denied = Denied(xid, _read_reason(reader))
    reader.finish()
    return denied


def _read_call(reader: Reader, xid: int) -> Call | ForeignCall:
    rpc_version = reader.uint()
    if rpc_version != RPC_VERSION:
        return ForeignCall(xid, rpc_version, reader.rest())
    program, version, procedure = reader.uint(), reader.uint(), reader.uint()
    credential, verifier = Auth.read(reader), Auth.read(reader)
    return Call(xid, program, version, procedure, reader.rest(), credential, verifier)


def _read_outcome(reader: Reader) -> Outcome:
    outcome: Outcome
    match reader.enum(AcceptStat):
        case AcceptStat.SUCCESS:
            return Success(reader.rest())
        case AcceptStat.PROG_MISMATCH:
            outcome = ProgramMismatch(reader.uint(), reader.uint())
        case status:
            outcome = Failure(status)
    reader.finish()
    return outcome


def _read_reason(reader: Reader) -> RpcMismatch | AuthError:
    if reader.enum(RejectStat) is RejectStat.RPC_MISMATCH:
        return RpcMismatch(reader.uint(), reader.uint())
    return AuthError(reader.enum(AuthStat))
