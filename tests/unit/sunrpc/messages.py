"""Strategies for every message type of hostnfsd.sunrpc."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from hypothesis import strategies as st

from hostnfsd.sunrpc import mount, nfs, portmap, rpc, rpcbind
from hostnfsd.sunrpc.xdr import UHYPER_MAX, UINT_MAX, Message

UINTS: Final = st.integers(0, UINT_MAX)
UHYPERS: Final = st.integers(0, UHYPER_MAX)
WORDS: Final = st.binary(max_size=64)


def strings(maximum: int) -> st.SearchStrategy[str]:
    """Texts of at most that many bytes; any bytes are a text."""
    return st.binary(max_size=min(maximum, 40)).map(
        lambda raw: raw.decode("utf-8", "surrogateescape")
    )


def rows(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    """Short tuples."""
    return st.lists(of, max_size=4).map(tuple)


AUTHS: Final = st.builds(rpc.Auth, UINTS, st.binary(max_size=rpc.MAX_AUTH_BYTES))
AUTH_SYS: Final = st.builds(
    rpc.AuthSys,
    strings(rpc.MAX_MACHINE_NAME),
    UINTS,
    UINTS,
    st.lists(UINTS, max_size=rpc.MAX_GIDS).map(tuple),
    UINTS,
)
CALLS: Final = st.builds(rpc.Call, UINTS, UINTS, UINTS, UINTS, WORDS, AUTHS, AUTHS)
FOREIGN_CALLS: Final = st.builds(
    rpc.ForeignCall, UINTS, UINTS.filter(lambda version: version != rpc.RPC_VERSION), WORDS
)
OUTCOMES: Final = st.one_of(
    st.builds(rpc.Success, WORDS),
    st.builds(rpc.ProgramMismatch, UINTS, UINTS),
    st.builds(
        rpc.Failure,
        st.sampled_from(rpc.AcceptStat).filter(
            lambda stat: stat not in {rpc.AcceptStat.SUCCESS, rpc.AcceptStat.PROG_MISMATCH}
        ),
    ),
)
ACCEPTED: Final = st.builds(rpc.Accepted, UINTS, OUTCOMES, AUTHS)
DENIED: Final = st.builds(
    rpc.Denied,
    UINTS,
    st.one_of(
        st.builds(rpc.RpcMismatch, UINTS, UINTS),
        st.builds(rpc.AuthError, st.sampled_from(rpc.AuthStat)),
    ),
)
MESSAGES: Final = st.one_of(CALLS, FOREIGN_CALLS, ACCEPTED, DENIED)

PORTS: Final = st.integers(0, portmap.PORT_MAX)
ADDRESSES: Final = st.ip_addresses()
_NAMES: Final = strings(rpcbind.MAX_STRING)
_BINDINGS: Final = st.builds(rpcbind.Binding, UINTS, UINTS, _NAMES, _NAMES, _NAMES)
_MAPPINGS: Final = st.builds(portmap.Mapping, UINTS, UINTS, UINTS, UINTS)
_ENDPOINTS: Final = st.builds(rpcbind.Endpoint, _NAMES, _NAMES, UINTS, _NAMES, _NAMES)
_PATHS: Final = strings(mount.MAX_PATH)
_GROUPS: Final = st.builds(mount.Group, strings(mount.MAX_NAME))
_HANDLES: Final = st.binary(max_size=nfs.MAX_HANDLE)
_TIMES: Final = st.builds(nfs.Time, UINTS, UINTS)
_ATTRIBUTES: Final = st.builds(
    nfs.Attributes,
    *[UINTS] * 5,
    *[UHYPERS] * 2,
    st.tuples(UINTS, UINTS),
    *[UHYPERS] * 2,
    *[_TIMES] * 3,
)
_FACTS: Final = st.builds(
    nfs.FileSystem,
    st.tuples(UINTS, UINTS, UINTS),
    st.tuples(UINTS, UINTS, UINTS),
    UINTS,
    UHYPERS,
    _TIMES,
    UINTS,
)
_ERRORS: Final = st.integers(1, UINT_MAX)
_MAYBE: Final = st.none() | _ATTRIBUTES

#: How to make one of each type that has an XDR form of its own.
BODIES: Final[Mapping[type[Message], st.SearchStrategy[Message]]] = {
    rpc.Auth: AUTHS,
    rpc.AuthSys: AUTH_SYS,
    portmap.Mapping: _MAPPINGS,
    portmap.Port: st.builds(portmap.Port, PORTS),
    portmap.Mappings: st.builds(portmap.Mappings, rows(_MAPPINGS)),
    rpcbind.Binding: _BINDINGS,
    rpcbind.Bindings: st.builds(rpcbind.Bindings, rows(_BINDINGS)),
    rpcbind.Uaddr: st.builds(rpcbind.Uaddr, _NAMES),
    rpcbind.Endpoint: _ENDPOINTS,
    rpcbind.Endpoints: st.builds(rpcbind.Endpoints, rows(_ENDPOINTS)),
    rpcbind.Time: st.builds(rpcbind.Time, UINTS),
    rpcbind.Netbuf: st.builds(rpcbind.Netbuf, UINTS, st.binary(max_size=40)),
    mount.Path: st.builds(mount.Path, _PATHS),
    mount.MountedV1: st.one_of(
        st.builds(mount.MountedV1, st.just(0), st.binary(min_size=32, max_size=32)),
        st.builds(mount.MountedV1, _ERRORS),
    ),
    mount.MountedV3: st.one_of(
        st.builds(
            mount.MountedV3,
            st.just(0),
            _HANDLES,
            st.lists(UINTS, max_size=mount.MAX_FLAVORS).map(tuple),
        ),
        st.builds(mount.MountedV3, _ERRORS),
    ),
    mount.Mount: st.builds(mount.Mount, strings(mount.MAX_NAME), _PATHS),
    mount.Mounts: st.builds(
        mount.Mounts, rows(st.builds(mount.Mount, strings(mount.MAX_NAME), _PATHS))
    ),
    mount.Group: _GROUPS,
    mount.Export: st.builds(mount.Export, _PATHS, rows(_GROUPS)),
    mount.Exports: st.builds(mount.Exports, rows(st.builds(mount.Export, _PATHS, rows(_GROUPS)))),
    nfs.Handle: st.builds(nfs.Handle, _HANDLES),
    nfs.AccessArguments: st.builds(nfs.AccessArguments, _HANDLES, UINTS),
    nfs.Time: _TIMES,
    nfs.Attributes: _ATTRIBUTES,
    nfs.FileSystem: _FACTS,
    nfs.GetattrResult: st.one_of(
        st.builds(nfs.GetattrResult, st.just(0), _ATTRIBUTES), st.builds(nfs.GetattrResult, _ERRORS)
    ),
    nfs.AccessResult: st.one_of(
        st.builds(nfs.AccessResult, st.just(0), _MAYBE, UINTS),
        st.builds(nfs.AccessResult, _ERRORS, _MAYBE),
    ),
    nfs.FsinfoResult: st.one_of(
        st.builds(nfs.FsinfoResult, st.just(0), _MAYBE, _FACTS),
        st.builds(nfs.FsinfoResult, _ERRORS, _MAYBE),
    ),
}


def chunked(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream, cut at those places."""
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(places)]
