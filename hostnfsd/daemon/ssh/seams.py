"""The private parts of asyncssh that hostnfsd touches: all of them, here, each with its guard.

Public API is used wherever there is one. These seams exist because of defects or gaps that were
found in asyncssh 2.24.1; :func:`check` says at start which of them do not fit the installed
version, and without its seam the daemon uses asyncssh as it is.
"""

import asyncio
import functools
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncssh
from asyncssh.channel import SSHChannel
from asyncssh.connection import SSHConnection

#: Versions whose window accounting re-opens the window for bytes that are still parked: each
#: pause of a slow reader lets almost a whole further window in, without bound.
_WINDOW_DEFECT: Final = frozenset({"2.24.1"})
_CHANNEL_NAMES: Final = frozenset(
    {"_recv_window", "_init_recv_window", "_recv_buf", "_session", "_encoding"}
)
#: Seconds by which a timer is late if the loop did not run; and those in which it reads then.
_LATE_S: Final = 0.1
_READING_S: Final = 0.25


def check(version: str = asyncssh.__version__) -> tuple[str, ...]:
    """What does not fit, as sentences for the log; empty when every seam does."""
    misfits: list[str] = []
    if version in _WINDOW_DEFECT and not _window_seam_fits():
        misfits.append(
            f"asyncssh {version} is not the one that was tested: slow readers may cost memory"
        )
    if not _abort_seam_fits():
        misfits.append(f"asyncssh {version} cannot end a channel that is closing: they may pile up")
    if not _keepalive_seam_fits():
        misfits.append(f"asyncssh {version} has no _make_keepalive_request: no round-trip times")
    if not _keepalive_timer_seam_fits():
        misfits.append(
            f"asyncssh {version} counts keepalives otherwise: a daemon that was stopped may give"
            " up a gateway that has answered"
        )
    return tuple(misfits)


@functools.cache  # it reads source files, and is asked for each connection
def _window_seam_fits() -> bool:
    source = inspect.getsource(SSHChannel)
    return "_deliver_data" in vars(SSHChannel) and all(name in source for name in _CHANNEL_NAMES)


@functools.cache
def _abort_seam_fits() -> bool:
    return "_close_send" in vars(SSHChannel) and "_send_state" in inspect.getsource(
        SSHChannel.close
    )


def _keepalive_seam_fits() -> bool:
    return inspect.iscoroutinefunction(vars(SSHConnection).get("_make_keepalive_request"))


@functools.cache
def _keepalive_timer_seam_fits() -> bool:
    names = ("_keepalive_timer", "_keepalive_count", "_keepalive_count_max")
    source = inspect.getsource(SSHConnection)
    return "_keepalive_timer_callback" in vars(SSHConnection) and all(n in source for n in names)


def credit_only_what_was_delivered(
    channel: "asyncssh.SSHTCPChannel[bytes]", version: str = asyncssh.__version__
) -> None:
    """Mend the receive window of one channel; call it in ``connection_made``.

    asyncssh 2.24.1 takes arriving bytes off the window at once but, when it delivers one chunk,
    gives credit for all that is missing, parked chunks included. Here credit is given for what the
    session was really handed.
    """
    if version not in _WINDOW_DEFECT or not _window_seam_fits():
        return
    private: Any = channel

    def deliver(data: bytes, datatype: asyncssh.DataType) -> None:
        parked = sum(len(chunk) for chunk, _ in private._recv_buf)  # noqa: SLF001
        missing = private._init_recv_window - private._recv_window - parked  # noqa: SLF001
        if missing > private._init_recv_window // 2:  # noqa: SLF001
            private._recv_window += missing  # noqa: SLF001
            private.send_packet(
                asyncssh.constants.MSG_CHANNEL_WINDOW_ADJUST, missing.to_bytes(4, "big")
            )
        if private._session is not None:  # noqa: SLF001
            private._session.data_received(data, datatype)  # noqa: SLF001

    private._deliver_data = deliver  # noqa: SLF001


def abort(channel: "asyncssh.SSHTCPChannel[bytes]") -> None:
    """End a channel at once, also one whose ``close()`` waits for its window.

    asyncssh's own ``abort`` does nothing more where ``close`` came first, and that waits until all
    is sent: over a peer that takes nothing, for ever.
    """
    private: Any = channel
    channel.abort()
    if _abort_seam_fits() and private._send_state == "close_pending":  # noqa: SLF001
        private._close_send()  # noqa: SLF001


async def keepalive(connection: asyncssh.SSHClientConnection) -> None:
    """Ask for a sign of life, and wait for it; it comes, or the connection ends."""
    if _keepalive_seam_fits():
        private: Any = connection
        await private._make_keepalive_request()  # noqa: SLF001


def time_keepalives(
    connection: asyncssh.SSHClientConnection, observe: Callable[[float], None]
) -> None:
    """Tell ``observe`` how many seconds each answered keepalive took."""
    if not _keepalive_seam_fits():
        return
    private: Any = connection
    ask: Callable[[], Awaitable[None]] = private._make_keepalive_request  # noqa: SLF001

    async def timed() -> None:
        started = time.perf_counter()
        await ask()
        observe(time.perf_counter() - started)

    private._make_keepalive_request = timed  # noqa: SLF001


def read_before_giving_up(connection: asyncssh.SSHClientConnection) -> None:
    """Let the last keepalive not run out before what came while this process was stopped is read.

    uvloop runs timers before it reads. Call it once the connection stands.
    """
    if not _keepalive_timer_seam_fits():
        return
    private: Any = connection
    loop = asyncio.get_running_loop()
    count: Callable[[], None] = private._keepalive_timer_callback  # noqa: SLF001
    reading: asyncio.TimerHandle | None = None

    def ran_out() -> None:
        nonlocal reading
        timer = private._keepalive_timer  # noqa: SLF001
        late = loop.time() - timer.when() > _LATE_S
        last = private._keepalive_count >= private._keepalive_count_max  # noqa: SLF001
        # Once, unless something was read: that sets another timer.
        if late and last and timer is not reading:
            reading = loop.call_later(_READING_S, ran_out)
            private._keepalive_timer = reading  # noqa: SLF001
        else:
            count()

    private._keepalive_timer_callback = ran_out  # noqa: SLF001
    connection.set_keepalive()  # the timer that runs already is not ours
