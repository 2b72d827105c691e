"""What the host's server says that it exports: EXPORT of the MOUNT protocol (RFC 1813, appendix I).

Anybody may ask for it, from any port: it tells nothing of whether an export can be mounted.
"""

import random
from collections.abc import Iterable, Mapping
from typing import Final

from hostnfsd.dial import caller, reserved, rpcbind_table
from hostnfsd.dial.caller import Caller, CallError
from hostnfsd.dial.patience import within
from hostnfsd.errors import HostnfsdError
from hostnfsd.sunrpc import mount, portmap
from hostnfsd.sunrpc.xdr import RpcDecodeError

_LATEST: Final = 3
#: Bytes of mountd's longest reply: tens of thousands of exports.
_MAX_REPLY: Final = 16 * 1024 * 1024


class NotListedError(HostnfsdError):
    """The server could not be asked. The text is a whole sentence without a full stop."""


async def listing(
    address: str, mountd: int | None, rpcbind: int, *, within_s: float
) -> Mapping[str, tuple[str, ...]]:
    """The paths that are exported, each with the names that it is exported to.

    Args:
        address: of the host.
        mountd: port of mountd; None: rpcbind is asked.
        rpcbind: its port.
        within_s: seconds for all of it.

    Raises:
        NotListedError: mountd could not be asked.
    """
    who = f"rpcbind at {address} port {rpcbind}"
    try:
        async with within(within_s):
            version = _LATEST
            if mountd is None:
                with await _caller(address, rpcbind) as calls:
                    found = _mountd(await rpcbind_table.dump(calls, within_s))
                if found is None:
                    raise NotListedError(f"{who} knows no mountd: no NFS server runs there")
                mountd, version = found.port, found.version
            who = f"mountd at {address} port {mountd}"
            with await _caller(address, mountd) as calls:
                export = mount.Procedure.EXPORT
                exports = await calls.ask(
                    mount.Exports, mount.PROGRAM, version, export, within_s=within_s
                )
    except TimeoutError:
        raise NotListedError(f"{who} did not answer within {within_s:g} s") from None
    except ConnectionRefusedError:
        raise NotListedError(f"{who} refuses connections: no NFS server runs there") from None
    except OSError as exc:
        raise NotListedError(f"{who} was not reached: {exc.strerror or exc}") from exc
    except RpcDecodeError as exc:
        raise NotListedError(f"{who} answered with what cannot be read: {exc}") from exc
    except CallError as exc:
        raise NotListedError(f"{who} {exc}") from exc
    return _by_path(exports.rows)


def _by_path(rows: Iterable[mount.Export]) -> dict[str, tuple[str, ...]]:
    """One path may have several rows; one without names is for everybody, whatever others say."""
    named: dict[str, list[str]] = {}
    everybody: set[str] = set()
    for row in rows:
        named.setdefault(row.path, []).extend(group.name for group in row.groups)
        if not row.groups:
            everybody.add(row.path)
    return {path: () if path in everybody else tuple(names) for path, names in named.items()}


def _mountd(table: tuple[portmap.Mapping, ...]) -> portmap.Mapping | None:
    rows = [
        row
        for row in table
        if row.program == mount.PROGRAM
        and row.protocol == portmap.Protocol.TCP
        and row.version in mount.VERSIONS
        and row.port
    ]
    return max(rows, key=lambda row: row.version, default=None)


async def _caller(address: str, port: int) -> Caller:
    failure = OSError(f"{address} has no address that can be dialled")
    for destination in await reserved.resolve(address, port):
        try:
            sock = await reserved.connect(destination)
        except OSError as exc:
            failure = exc
        else:
            # A mix-up is to be unlikely; it is no secret.
            return await caller.over(sock, first_xid=random.getrandbits(32), max_reply=_MAX_REPLY)
    raise failure
