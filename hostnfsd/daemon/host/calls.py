"""Single questions to the host's services, each over a connection of its own."""

import random
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hostnfsd.daemon.ssh.faults import reason
from hostnfsd.dial import caller, rpcbind_table
from hostnfsd.dial.caller import Caller, CallError
from hostnfsd.dial.patience import within
from hostnfsd.dial.sources import Sources
from hostnfsd.server import null_call
from hostnfsd.server.finding import Reached
from hostnfsd.server.null_call import Reading
from hostnfsd.server.versions import WANTED, to_try
from hostnfsd.services import FACTS, Service
from hostnfsd.sunrpc import portmap
from hostnfsd.sunrpc.xdr import UINT_MAX, RpcDecodeError

NULL: Final = 0
#: Bytes of a reply to NULL: it has no results, but a verifier.
_MAX_NULL: Final = 1024
#: A version that no program has: the refusal tells which there are, as rpcinfo(8) finds them out.
_NO_VERSION: Final = UINT_MAX


@dataclass(frozen=True, slots=True)
class Met:
    """How a service took NULL.

    Attributes:
        reading: what it says.
        versions: that the service told itself, ascending; empty where it was not asked or did not
            tell.
    """

    reading: Reading
    versions: tuple[int, ...] = ()


class RpcbindSilentError(Exception):
    """rpcbind could not be asked; the text is a sentence's end."""


def first_xid() -> int:
    """A transaction number that nobody else has by chance."""
    return random.getrandbits(32)  # a mix-up is to be unlikely; it is no secret


async def dump(
    sources: Sources, address: str, port: int, within_s: float
) -> tuple[portmap.Mapping, ...]:
    """The rows of rpcbind's table.

    Args:
        sources: dials; rpcbind asks for no reserved port.
        address: of the host.
        port: of rpcbind.
        within_s: seconds to connect, and as many to answer.

    Raises:
        RpcbindSilentError: it could not be asked.
    """
    try:
        sock = await sources.connect(Service.RPCBIND, address, port, within_s=within_s)
        with await caller.over(sock, first_xid=first_xid()) as calls:
            return await rpcbind_table.dump(calls, within_s)
    except RpcDecodeError as exc:
        raise RpcbindSilentError(f"answered with a table that cannot be read: {exc}") from exc
    except CallError as exc:
        raise RpcbindSilentError(str(exc)) from exc
    except OSError as exc:
        raise RpcbindSilentError(unreached(exc, within_s).text) from exc


async def meet(
    sock: socket.socket,
    service: Service,
    versions: tuple[int, ...],
    within_s: float,
    *,
    learn: bool = False,
) -> Met:
    """Call NULL over a connected socket, of another version if the service names one.

    Args:
        sock: connected to the service; closed afterwards.
        service: which program is expected there.
        versions: it has, as far as is known.
        within_s: seconds for all of it.
        learn: whether to find out the versions as well, if it answers; done anyway where
            ``versions`` turn out to be wrong.
    """
    ours = str(sock.getsockname()[0])
    try:
        async with within(within_s):
            with await caller.over(sock, first_xid=first_xid(), max_reply=_MAX_NULL) as calls:
                version = to_try(service, versions)
                reading = await _null(calls, service, version, within_s)
                if reading.retry is not None:
                    version, learn = reading.retry, True
                    reading = await _null(calls, service, version, within_s)
                if learn and reading.reached is Reached.ANSWERED:
                    return Met(reading, await _learn(calls, service, version, within_s))
                return Met(reading)
    except (TimeoutError, caller.NoAnswerError):
        return Met(Reading(Reached.SILENT, f"accepted, and did not answer within {within_s:.2g} s"))
    except caller.HungUpError:
        return Met(null_call.hung_up(service, ours))
    except caller.NotRpcError as exc:
        return Met(Reading(Reached.FOREIGN, str(exc)))


async def null_each(
    sock: socket.socket, service: Service, versions: Iterable[int], within_s: float
) -> dict[int, bool]:
    """Which of the versions answer NULL, over one connected socket, closed afterwards.

    A version that is not asked, for the connection ended or time ran out, does not answer.
    """
    answered = dict.fromkeys(versions, False)
    with suppress(TimeoutError, CallError):
        async with within(within_s):
            with await caller.over(sock, first_xid=first_xid(), max_reply=_MAX_NULL) as calls:
                for version in answered:
                    reading = await _null(calls, service, version, within_s)
                    answered[version] = reading.reached is Reached.ANSWERED
    return answered


async def _null(calls: Caller, service: Service, version: int, within_s: float) -> Reading:
    answer = await calls.call(FACTS[service].program, version, NULL, within_s=within_s)
    return null_call.reply(service, answer)


async def _learn(calls: Caller, service: Service, version: int, within_s: float) -> tuple[int, ...]:
    """The versions of a service, of which one is known; over the same connection."""
    program = FACTS[service].program
    try:
        refusal = await calls.call(program, _NO_VERSION, NULL, within_s=within_s)
        offered = caller.versions_offered(refusal) or range(0)
        found = {version}
        for other in WANTED[service]:
            if other in offered and other != version:
                reading = await _null(calls, service, other, within_s)
                if reading.reached is Reached.ANSWERED:
                    found.add(other)
        return tuple(sorted(found))
    except CallError:  # it answered the call that matters
        return (version,)


def unreached(exc: OSError, within_s: float) -> Reading:
    """What a dial that failed says."""
    if isinstance(exc, TimeoutError):
        return Reading(Reached.SILENT, f"did not accept a connection within {within_s:.2g} s")
    return Reading(Reached.DOWN, reason(exc).lower())
