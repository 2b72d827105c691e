"""Single calls to the host's services: a connection, one question, the end of it."""

import asyncio
import random
import socket
from typing import Final

from hostnfsd.daemon.faults import reason
from hostnfsd.dial import caller
from hostnfsd.server import null_call
from hostnfsd.server.finding import Reached
from hostnfsd.server.null_call import Reading
from hostnfsd.server.versions import to_try
from hostnfsd.services import FACTS, Service

_NULL: Final = 0
#: Bytes of a reply to NULL: it has no results, but a verifier.
_MAX_NULL: Final = 1024


def first_xid() -> int:
    """A transaction number that nobody can guess by accident."""
    return random.getrandbits(32)  # a mix-up is to be unlikely, not a secret to be kept


async def null(
    sock: socket.socket, service: Service, versions: tuple[int, ...], within_s: float
) -> Reading:
    """Call NULL over a connected socket, of another version if the service names one.

    Args:
        sock: connected to the service; closed afterwards.
        service: which program is expected there.
        versions: it has, as far as is known.
        within_s: seconds for all of it.
    """
    ours = str(sock.getsockname()[0])
    try:
        with await caller.over(sock, first_xid=first_xid(), max_reply=_MAX_NULL) as calls:
            async with asyncio.timeout(within_s):
                reading = await _null(calls, service, to_try(service, versions), within_s)
                if reading.retry is not None:
                    reading = await _null(calls, service, reading.retry, within_s)
                return reading
    except (TimeoutError, caller.NoAnswerError):
        return Reading(Reached.SILENT, f"accepted, and did not answer within {within_s:g} s")
    except caller.HungUpError:
        return null_call.hung_up(service, ours)
    except caller.NotRpcError as exc:
        return Reading(Reached.FOREIGN, str(exc))


async def _null(calls: caller.Caller, service: Service, version: int, within_s: float) -> Reading:
    answer = await calls.call(FACTS[service].program, version, _NULL, within_s=within_s)
    return null_call.reply(service, answer)


def unreached(exc: OSError, within_s: float) -> Reading:
    """What a dial that failed says."""
    if isinstance(exc, TimeoutError):
        return Reading(Reached.SILENT, f"did not accept a connection within {within_s:g} s")
    return Reading(Reached.DOWN, reason(exc).lower())
