"""RPC services on loopback that behave in one way each, whatever program is called."""

import asyncio

from hostnfsd.sunrpc import record, rpc, xdr
from hostnfsd.sunrpc.rpc import AuthError, AuthStat

#: How a NULL call without credentials begins: one fragment of forty bytes.
NULL_MARK = b"\x80\x00\x00\x28"
NULL_SIZE = 44


async def null_or_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer NULL calls, as every service does; give everybody else back what he said."""
    held = b""
    while data := await reader.read(65536):
        held += data
        while held.startswith(NULL_MARK) and len(held) >= NULL_SIZE:
            writer.write(null_reply(held))
            held = held[NULL_SIZE:]
        if not NULL_MARK.startswith(held[:4]):
            writer.write(held)
            held = b""
        await writer.drain()
    writer.write(held)
    writer.write_eof()


async def too_weak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuse every call, as servers do that want a reserved source port."""
    while call := await reader.readexactly(NULL_SIZE):
        writer.write(reply(rpc.Denied(_xid(call), AuthError(AuthStat.AUTH_TOOWEAK))))
        await writer.drain()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close every connection at once, as macOS does where no export admits the caller."""
    del reader, writer


def null_reply(call: bytes) -> bytes:
    """The reply to a NULL call, both as they go on the stream."""
    return reply(rpc.Accepted(_xid(call)))


def reply(message: rpc.Accepted | rpc.Denied) -> bytes:
    """A reply as it goes on the stream."""
    return record.encode(xdr.encode(message))


def _xid(call: bytes) -> int:
    return int.from_bytes(call[4:8], "big")
