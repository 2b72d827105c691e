"""The SSH channel of a client's connection, as asyncssh sees it.

asyncssh ends the whole SSH connection when a session's callback raises: every callback is wrapped,
and an exception ends this connection only.
"""

import functools
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar, cast

import asyncssh
import structlog

_log: Final = structlog.get_logger("hostnfsd.relay")

_Callback = TypeVar("_Callback", bound=Callable[..., Any])


def survive(callback: _Callback) -> _Callback:
    """Let an exception in a callback end its connection, not the SSH session.

    The callback's object has ``relay``, which can be aborted.
    """

    @functools.wraps(callback)
    def wrapped(side: Any, *args: Any) -> Any:
        try:
            return callback(side, *args)
        except Exception:  # noqa: BLE001  # asyncssh would end all relays of the gateway
            _log.exception("relay_broke", callback=callback.__qualname__)
            side.relay.abort()
            return None

    return cast("_Callback", wrapped)


class Conversation(Protocol):
    """What a client talks to: a relay, or who answers here."""

    def channel_opened(self, channel: "asyncssh.SSHTCPChannel[bytes]") -> None:
        """The gateway has been told that we accept."""
        ...

    def from_client(self, data: bytes) -> None:
        """Bytes of the client."""
        ...

    def half_closed(self, side: str) -> None:
        """The client (``side`` is "gateway") will send no more."""
        ...

    def channel_is_full(self, full: bool) -> None:
        """The client does not take more, or takes more again."""
        ...

    def channel_lost(self) -> None:
        """The channel is gone."""
        ...

    def abort(self) -> None:
        """End it at once."""
        ...


class GatewaySide(asyncssh.SSHTCPSession[bytes]):
    """A connection's face towards its SSH channel."""

    def __init__(self, relay: Conversation) -> None:
        self.relay = relay

    @survive
    def connection_made(self, chan: "asyncssh.SSHTCPChannel[bytes]") -> None:
        self.relay.channel_opened(chan)

    @survive
    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:  # noqa: ARG002  # RFC 4254 section 5.2: forwarded channels carry no typed data
        self.relay.from_client(data)

    @survive
    def eof_received(self) -> bool:
        self.relay.half_closed("gateway")
        return True

    @survive
    def pause_writing(self) -> None:
        self.relay.channel_is_full(True)

    @survive
    def resume_writing(self) -> None:
        self.relay.channel_is_full(False)

    @survive
    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # why is the tunnel's to tell
        self.relay.channel_lost()
