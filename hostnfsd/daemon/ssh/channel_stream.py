"""A TCP connection that the gateway dials for us, as a stream that RPC calls can be made over."""

import errno
from typing import Final

import asyncssh

_CHUNK: Final = 64 * 1024


class ChannelStream:
    """A ``direct-tcpip`` channel (RFC 4254 section 7.2) as a :class:`~hostnfsd.dial.caller.Stream`.

    Args:
        reader: of the open channel.
        writer: of the same.
    """

    def __init__(
        self, reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]"
    ) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """See :class:`~hostnfsd.dial.caller.Stream`."""
        try:
            return await self._reader.read(_CHUNK)
        except asyncssh.Error as exc:  # the session was lost
            raise ConnectionResetError(errno.ECONNRESET, exc.reason) from exc

    def write(self, data: bytes) -> None:
        """See :class:`~hostnfsd.dial.caller.Stream`."""
        # asyncssh raises errors of its own on a channel that the other side has closed.
        if self._writer.is_closing():
            raise BrokenPipeError(errno.EPIPE, "the channel is closed")
        self._writer.write(data)

    def close(self) -> None:
        """See :class:`~hostnfsd.dial.caller.Stream`."""
        self._writer.channel.abort()
