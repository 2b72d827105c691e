"""Calls ONC RPC services over a stream, each call with a deadline (RFC 5531).

:func:`over` makes a caller of a connected socket. Any other stream that can be read, written and
closed will do: see :class:`Stream`.
"""

import asyncio
import errno
import socket
from typing import Final, Protocol, Self, TypeVar

from hostnfsd.dial.patience import within
from hostnfsd.errors import HostnfsdError
from hostnfsd.sunrpc import record, rpc, xdr
from hostnfsd.sunrpc.record import RecordReader
from hostnfsd.sunrpc.xdr import RpcDecodeError

#: Bytes a reply may have unless the caller says otherwise: an EXPORT or DUMP of thousands of rows.
MAX_REPLY: Final = 1024 * 1024
_CHUNK: Final = 64 * 1024

_D = TypeVar("_D", bound=xdr.Decodable)


class CallError(HostnfsdError):
    """A call brought no result. The text is the end of a sentence whose subject is the service."""


class NoAnswerError(CallError):
    """The deadline passed."""


class HungUpError(CallError):
    """The stream ended, or was reset, before the reply."""


class NotRpcError(CallError):
    """What came is no reply of RPC, or is too long for one."""


class RejectedError(CallError):
    """There is a reply, and it brings no result.

    Attributes:
        reply: the reply.
    """

    def __init__(self, reply: "Reply") -> None:
        super().__init__(rejection(reply))
        self.reply = reply


Reply = rpc.Accepted | rpc.Denied


class Stream(Protocol):
    """Bytes both ways, in order."""

    async def read(self) -> bytes:
        """What has come, at least one byte; nothing at the end.

        Raises:
            OSError: the stream was reset.
        """
        ...

    def write(self, data: bytes) -> None:
        """Send, without waiting.

        Raises:
            OSError: the stream was reset or closed.
        """
        ...

    def close(self) -> None:
        """Give it up at once. May be called again."""
        ...


class TcpStream:
    """A connected socket as a stream, on any event loop of asyncio. Made by :meth:`over`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, sock: socket.socket) -> Self:
        """Take a connected, non-blocking socket over; it is closed with the stream."""
        try:
            return cls(*await asyncio.open_connection(sock=sock))
        except BaseException:
            sock.close()
            raise

    async def read(self) -> bytes:
        """See :class:`Stream`."""
        return await self._reader.read(_CHUNK)

    def write(self, data: bytes) -> None:
        """See :class:`Stream`."""
        # asyncio's transport swallows what comes after its end, uvloop's raises RuntimeError.
        if self._writer.is_closing():
            raise BrokenPipeError(errno.EPIPE, "the connection is closed")
        self._writer.write(data)

    def close(self) -> None:
        """See :class:`Stream`. What was not sent yet is dropped."""
        self._writer.transport.abort()


class Caller:
    """Makes calls over a stream, one at a time.

    Args:
        stream: the way to the service; closed with the caller.
        first_xid: of the first call; the following ones count on.
        max_reply: bytes a reply may have.

    Attributes:
        next_xid: of the next call: whoever must recognise a call asks before making it.
    """

    def __init__(self, stream: Stream, *, first_xid: int, max_reply: int = MAX_REPLY) -> None:
        self._stream = stream
        self._max_reply = max_reply
        self._records = RecordReader(max_reply)
        self.next_xid = first_xid & xdr.UINT_MAX

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream. May be called again."""
        self._stream.close()

    async def call(
        self,
        program: int,
        version: int,
        procedure: int,
        arguments: bytes = b"",
        *,
        credential: rpc.Auth = rpc.AUTH_NONE,
        within_s: float,
    ) -> Reply:
        """Make one call and wait for its reply; replies to other calls are passed over.

        A caller whose call failed can be asked again only after :class:`NoAnswerError`.

        Args:
            program: number of the program.
            version: of the program.
            procedure: of the version.
            arguments: in XDR.
            credential: whom the call is for.
            within_s: seconds the reply may take.

        Raises:
            NoAnswerError: it took longer.
            HungUpError: the stream ended or was reset first.
            NotRpcError: something came that is no reply.
        """
        xid = self.next_xid
        self.next_xid = (xid + 1) & xdr.UINT_MAX
        call = rpc.Call(xid, program, version, procedure, arguments, credential)
        try:
            async with within(within_s):
                return await self._exchange(call)
        except TimeoutError:
            raise NoAnswerError(f"did not answer within {within_s:g} s") from None

    async def ask(
        self,
        kind: type[_D],
        program: int,
        version: int,
        procedure: int,
        arguments: xdr.Encodable | None = None,
        *,
        credential: rpc.Auth = rpc.AUTH_NONE,
        within_s: float,
    ) -> _D:
        """Make one call of which a result is expected. ``arguments`` None: it takes none.

        Raises:
            CallError: as :meth:`call`; :class:`RejectedError` if the reply brings no result,
                :class:`NotRpcError` if the result is not of this kind.
        """
        reply = await self.call(
            program,
            version,
            procedure,
            b"" if arguments is None else xdr.encode(arguments),
            credential=credential,
            within_s=within_s,
        )
        try:
            return xdr.decode(kind, results(reply))
        except RpcDecodeError as exc:
            raise NotRpcError(f"answered with a result that cannot be read: {exc}") from exc

    async def _exchange(self, call: rpc.Call) -> Reply:
        # An OSError of the stream may itself be a TimeoutError (ETIMEDOUT): it must not leave here
        # as one.
        try:
            self._stream.write(record.encode(xdr.encode(call)))
            data = b""
            while True:
                reply = self._reply(call.xid, data)
                if reply is not None:
                    return reply
                data = await self._stream.read()
                if not data:
                    raise HungUpError("closed the connection without an answer")
        except OSError as exc:
            raise HungUpError("reset the connection without an answer") from exc

    def _reply(self, xid: int, data: bytes) -> Reply | None:
        """The reply to a call, once all of it has come."""
        try:
            for each in self._records.feed(data):
                message = rpc.decode_message(each)
                if not isinstance(message, (rpc.Accepted, rpc.Denied)):
                    raise NotRpcError("answered with a call, not with a reply")
                if message.xid == xid:
                    return message
        except RpcDecodeError as exc:
            raise NotRpcError(f"answered with something that is no RPC reply: {exc}") from exc
        return None


async def over(sock: socket.socket, *, first_xid: int, max_reply: int = MAX_REPLY) -> Caller:
    """A caller over a connected, non-blocking socket, which is closed with it."""
    return Caller(await TcpStream.over(sock), first_xid=first_xid, max_reply=max_reply)


def results(reply: Reply) -> bytes:
    """The results that a reply brings, in XDR.

    Raises:
        RejectedError: it brings none.
    """
    if isinstance(reply, rpc.Accepted) and isinstance(reply.outcome, rpc.Success):
        return reply.outcome.results
    raise RejectedError(reply)


def versions_offered(reply: Reply) -> range | None:
    """The versions of the program that a PROG_MISMATCH tells; None for any other reply."""
    if isinstance(reply, rpc.Accepted) and isinstance(reply.outcome, rpc.ProgramMismatch):
        return range(reply.outcome.low, reply.outcome.high + 1)
    return None


def rejection(reply: Reply) -> str:
    """Why a reply brings no result, in words: the end of a sentence about the service."""
    if isinstance(reply, rpc.Denied):
        if isinstance(reply.reason, rpc.AuthError):
            return f"refused the call: AUTH_ERROR, {reply.reason.status.name}"
        return f"speaks RPC versions {reply.reason.low} to {reply.reason.high} only"
    if isinstance(reply.outcome, rpc.ProgramMismatch):
        return (
            f"has versions {reply.outcome.low} to {reply.outcome.high} of the program only"
            " (PROG_MISMATCH)"
        )
    if isinstance(reply.outcome, rpc.Failure):
        return f"could not do the call: {reply.outcome.status.name}"
    return "did the call"
