"""The table of a host's rpcbind, over a connection to it."""

from typing import Final

from hostnfsd.dial import caller
from hostnfsd.dial.caller import Caller
from hostnfsd.server import ports
from hostnfsd.sunrpc import portmap, rpcbind
from hostnfsd.sunrpc.xdr import decode

_RPCBIND_3: Final = 3


async def dump(calls: Caller, within_s: float) -> tuple[portmap.Mapping, ...]:
    """The rows of the table: DUMP of portmap version 2, or of rpcbind version 3.

    Version 2 knows IPv4 only, and rpcbind does not speak it to callers over IPv6.

    Args:
        calls: to rpcbind.
        within_s: seconds for each answer.

    Raises:
        CallError: it did not answer with a table.
        RpcDecodeError: the table cannot be read.
    """
    number, version = portmap.PROGRAM, portmap.VERSION
    reply = await calls.call(number, version, portmap.Procedure.DUMP, within_s=within_s)
    if _RPCBIND_3 not in (caller.versions_offered(reply) or ()):
        return decode(portmap.Mappings, caller.results(reply)).rows
    dump_3 = rpcbind.Procedure.DUMP
    table = await calls.ask(rpcbind.Bindings, number, _RPCBIND_3, dump_3, within_s=within_s)
    return ports.mappings(table.rows)
