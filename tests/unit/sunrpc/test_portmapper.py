"""hostnfsd.sunrpc.portmapper."""

import ipaddress
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.services import Service
from hostnfsd.snapshot import Family
from hostnfsd.sunrpc import portmap, rpc, rpcbind
from hostnfsd.sunrpc.portmap import Mapping, Mappings, Port
from hostnfsd.sunrpc.portmapper import OWNER, Carried, PortmapView, answer
from hostnfsd.sunrpc.rpc import AcceptStat, AuthStat
from hostnfsd.sunrpc.rpcbind import Binding, Bindings, Endpoint, Endpoints, Uaddr
from hostnfsd.sunrpc.xdr import Encodable, decode, encode
from tests.unit.sunrpc.messages import MESSAGES, UINTS, WORDS
from tests.vectors import rpc_vectors

V4 = ipaddress.ip_address("172.22.0.12")
V6 = ipaddress.ip_address("fd22::12")
VIEW = PortmapView(
    services=(
        Carried(Service.RPCBIND, 111),
        Carried(Service.NFS, 2049, (3,)),
        Carried(Service.MOUNTD, 20048, (1, 3)),
        Carried(Service.RQUOTAD, 875),
    ),
    addresses=(V4, V6),
)
UNKNOWN = replace(VIEW, addresses=())
NFS, MOUNT = 100003, 100005


def reply(
    version: int,
    procedure: int,
    arguments: Encodable | bytes = b"",
    *,
    view: PortmapView = VIEW,
    family: Family | None = None,
) -> rpc.Outcome:
    """What becomes of a call."""
    raw = arguments if isinstance(arguments, bytes) else encode(arguments)
    record = encode(rpc.Call(77, portmap.PROGRAM, version, procedure, raw))
    answered = answer(record, view, family=family)
    assert answered is not None
    message = rpc.decode_message(answered)
    assert isinstance(message, rpc.Accepted)
    assert (message.xid, message.verifier) == (77, rpc.AUTH_NONE)
    return message.outcome


def results(
    version: int,
    procedure: int,
    arguments: Encodable | bytes = b"",
    *,
    view: PortmapView = VIEW,
    family: Family | None = None,
) -> bytes:
    """The results of a call that succeeds."""
    outcome = reply(version, procedure, arguments, view=view, family=family)
    assert isinstance(outcome, rpc.Success)
    return outcome.results


def getport(program: int, version: int, protocol: int = 6, view: PortmapView = VIEW) -> int:
    return decode(Port, results(2, 3, Mapping(program, version, protocol), view=view)).number


def getaddr(
    program: int,
    version: int,
    netid: str = "tcp",
    *,
    dialled: str = "",
    by: tuple[int, int] = (4, 3),
    family: Family | None = None,
    view: PortmapView = VIEW,
) -> str:
    asked = Binding(program, version, netid, dialled, "libtirpc")
    return decode(Uaddr, results(*by, asked, view=view, family=family)).text


@pytest.mark.parametrize("version", [2, 3, 4])
def test_null(version: int) -> None:
    assert results(version, 0) == b""


@pytest.mark.parametrize(
    ("program", "version", "port"),
    [
        (100000, 2, 111),
        (100000, 4, 111),
        (NFS, 3, 2049),
        (MOUNT, 1, 20048),
        (MOUNT, 3, 20048),
    ],
)
def test_getport_tells_the_gateway_port(program: int, version: int, port: int) -> None:
    assert getport(program, version) == port


def test_getport_falls_back_to_another_version_as_rpcbind_does() -> None:
    assert getport(NFS, 4) == getport(NFS, 0) == 2049


def test_nothing_is_carried_over_udp() -> None:
    assert getport(NFS, 3, portmap.Protocol.UDP) == 0
    assert getport(NFS, 3, 132) == 0


def test_what_is_not_carried_or_was_never_seen_is_not_registered() -> None:
    assert getport(100021, 4) == 0
    assert getport(100011, 1) == 0
    assert getport(4711, 1) == 0


def test_getport_needs_no_address() -> None:
    assert getport(NFS, 3, view=UNKNOWN) == 2049


def test_dump_in_version_2() -> None:
    assert decode(Mappings, results(2, 4)).rows == (
        Mapping(100000, 4, 6, 111),
        Mapping(100000, 3, 6, 111),
        Mapping(100000, 2, 6, 111),
        Mapping(NFS, 3, 6, 2049),
        Mapping(MOUNT, 3, 6, 20048),
        Mapping(MOUNT, 1, 6, 20048),
    )


@pytest.mark.parametrize("version", [3, 4])
def test_dump_in_versions_3_and_4(version: int) -> None:
    rows = decode(Bindings, results(version, 4, view=replace(VIEW, services=VIEW.services[1:2])))

    assert rows.rows == (
        Binding(NFS, 3, "tcp", "172.22.0.12.8.1", OWNER),
        Binding(NFS, 3, "tcp6", "fd22::12.8.1", OWNER),
    )


def test_without_an_address_dump_tells_the_wildcards_of_the_listeners() -> None:
    one = replace(UNKNOWN, services=VIEW.services[1:2])
    both = replace(one, families=(Family.IPV4, Family.IPV6))

    assert decode(Bindings, results(4, 4, view=one)).rows == (
        Binding(NFS, 3, "tcp", "0.0.0.0.8.1", OWNER),
    )
    assert [row.address for row in decode(Bindings, results(4, 4, view=both)).rows] == [
        "0.0.0.0.8.1",
        "::.8.1",
    ]


@pytest.mark.parametrize("by", [(3, 3), (4, 3), (4, 9)])
@pytest.mark.parametrize("view", [VIEW, UNKNOWN])
@pytest.mark.parametrize(
    ("netid", "dialled", "told"),
    [
        ("tcp", "10.9.8.7.0.111", "10.9.8.7.8.1"),
        ("tcp", "127.0.0.1.0.111", "127.0.0.1.8.1"),
        ("tcp6", "2001:db8::7.0.111", "2001:db8::7.8.1"),
        ("tcp6", "fe80::1.0.111", "fe80::1.8.1"),
        ("", "10.9.8.7.0.111", "10.9.8.7.8.1"),
        ("", "2001:db8::7.0.111", "2001:db8::7.8.1"),
    ],
)
def test_a_client_is_told_the_address_it_dialled(
    netid: str, dialled: str, told: str, view: PortmapView, by: tuple[int, int]
) -> None:
    assert getaddr(NFS, 3, netid, dialled=dialled, view=view, by=by) == told


@pytest.mark.parametrize(
    "dialled",
    [
        "",
        "0.0.0.0.0.111",
        "224.0.0.1.0.111",
        "10.9.8.7",
        "10.9.8.7.0.256",
        "10.9.8.7.0.x",
        "dev-gw.0.111",
        "2001:db8::7.0.111",  # not of the netid's family
    ],
)
def test_who_does_not_say_what_it_dialled_is_told_what_is_known(dialled: str) -> None:
    assert getaddr(NFS, 3, dialled=dialled) == "172.22.0.12.8.1"


@pytest.mark.parametrize("by", [(3, 3), (4, 3), (4, 9)])
@pytest.mark.parametrize("netid", ["tcp", ""])
@pytest.mark.parametrize("dialled", ["", "0.0.0.0.0.111", "10.9.8.7", "dev-gw.0.111"])
def test_where_no_address_is_known_version_2_is_to_be_asked(
    by: tuple[int, int], netid: str, dialled: str
) -> None:
    """It tells a port alone; clients fall back to it, and give up on "not registered"."""
    asked = Binding(NFS, 3, netid, dialled, "libtirpc")

    assert reply(*by, asked, view=UNKNOWN) == rpc.ProgramMismatch(2, 2)
    assert getport(NFS, 3, view=UNKNOWN) == 2049


@pytest.mark.parametrize("netid", ["udp", "udp6", "local", "tcp6"])
def test_where_no_address_is_known_what_nobody_listens_for_is_still_not_registered(
    netid: str,
) -> None:
    assert getaddr(NFS, 3, netid, view=UNKNOWN) == ""
    assert getaddr(NFS, 4, by=(4, 9), view=UNKNOWN) == ""
    assert getaddr(4711, 1, view=UNKNOWN) == getaddr(100011, 1, view=UNKNOWN) == ""


@pytest.mark.parametrize("family", [None, *Family])
def test_so_it_is_for_the_list_of_addresses(family: Family | None) -> None:
    asked = Binding(NFS, 3, "tcp")

    assert reply(4, 11, asked, view=UNKNOWN, family=family) == rpc.ProgramMismatch(2, 2)
    for missing in (Binding(NFS, 4, "tcp"), Binding(4711, 1), Binding(100011, 1)):
        assert decode(Endpoints, results(4, 11, missing, view=UNKNOWN, family=family)).rows == ()


def test_of_the_family_that_a_client_came_in_by_an_address_is_listed() -> None:
    view = replace(VIEW, addresses=(V4,), families=(Family.IPV4, Family.IPV6))

    assert reply(4, 11, Binding(NFS, 3), view=view, family=Family.IPV6) == rpc.ProgramMismatch(2, 2)


def test_a_family_that_is_listened_in_and_not_known_is_to_be_asked_in_version_2() -> None:
    view = replace(VIEW, addresses=(V4,), families=(Family.IPV4, Family.IPV6))

    assert reply(4, 3, Binding(NFS, 3, "tcp6"), view=view) == rpc.ProgramMismatch(2, 2)


def test_a_table_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever floods DUMP costs little."""
    view = replace(VIEW, services=(Carried(Service.NFS, 12345, (3,)),))
    made: list[PortmapView] = []
    registered = PortmapView.registered

    def counted(self: PortmapView) -> Iterator[tuple[int, int, int]]:
        made.append(self)
        return registered(self)

    monkeypatch.setattr(PortmapView, "registered", counted)
    for version in (2, 3, 4):
        assert results(version, 4, view=view) == results(version, 4, view=replace(view))

    assert len(made) == 2  # versions 3 and 4 tell the same


def test_an_address_with_a_zone_is_not_told() -> None:
    assert getaddr(NFS, 3, "tcp6", dialled="fe80::1%eth0.0.111") == "fd22::12.8.1"


def test_the_address_dialled_registers_nothing() -> None:
    assert getaddr(4711, 1, dialled="10.9.8.7.0.111") == ""


@pytest.mark.parametrize("by", [(3, 3), (4, 3), (4, 9)])
def test_getaddr_tells_the_client_facing_address(by: tuple[int, int]) -> None:
    assert getaddr(NFS, 3, by=by) == "172.22.0.12.8.1"
    assert getaddr(NFS, 3, "tcp6", by=by) == "fd22::12.8.1"


@pytest.mark.parametrize("netid", ["udp", "udp6", "local", "ticotsord"])
def test_other_transports_are_not_registered(netid: str) -> None:
    assert getaddr(NFS, 3, netid) == ""


def test_a_family_without_an_address_is_not_registered() -> None:
    assert getaddr(NFS, 3, "tcp6", view=replace(VIEW, addresses=(V4,))) == ""
    only6 = replace(VIEW, addresses=(V6,), families=(Family.IPV6,))
    assert getaddr(NFS, 3, "tcp", view=only6) == ""


def test_without_a_netid_the_clients_own_family_is_told() -> None:
    assert getaddr(NFS, 3, "", family=Family.IPV6) == "fd22::12.8.1"
    assert getaddr(NFS, 3, "", family=Family.IPV4) == "172.22.0.12.8.1"
    assert getaddr(NFS, 3, "") == "172.22.0.12.8.1"


def test_the_netid_comes_before_the_clients_family() -> None:
    assert getaddr(NFS, 3, "tcp6", family=Family.IPV4) == "fd22::12.8.1"


def test_the_first_address_of_a_family_is_the_best() -> None:
    other = ipaddress.ip_address("10.0.0.1")

    assert getaddr(NFS, 3, view=replace(VIEW, addresses=(V6, other, V4))) == "10.0.0.1.8.1"


def test_getaddr_falls_back_to_another_version_and_getversaddr_does_not() -> None:
    assert getaddr(NFS, 4) == getaddr(NFS, 0) == "172.22.0.12.8.1"
    assert getaddr(NFS, 4, by=(4, 9)) == ""
    assert getaddr(100011, 1) == getaddr(4711, 1) == ""


def test_getaddrlist() -> None:
    v4 = Endpoint("172.22.0.12.8.1", "tcp", 3, "inet", "tcp")
    v6 = Endpoint("fd22::12.8.1", "tcp6", 3, "inet6", "tcp")

    def rows(version: int, family: Family | None = None) -> tuple[Endpoint, ...]:
        asked = Binding(NFS, version, "tcp")
        return decode(Endpoints, results(4, 11, asked, family=family)).rows

    assert rows(3) == (v4, v6)
    assert rows(3, Family.IPV4) == (v4,)
    assert rows(3, Family.IPV6) == (v6,)
    assert rows(4) == ()


@pytest.mark.parametrize("family", [None, *Family])
@pytest.mark.parametrize("view", [VIEW, UNKNOWN])
def test_getaddrlist_tells_the_address_dialled(view: PortmapView, family: Family | None) -> None:
    asked = Binding(NFS, 3, "tcp6", "2001:db8::7.0.111")

    assert decode(Endpoints, results(4, 11, asked, view=view, family=family)).rows == (
        Endpoint("2001:db8::7.8.1", "tcp6", 3, "inet6", "tcp"),
    )


@pytest.mark.parametrize("version", [0, 1, 5, 0xFFFFFFFF])
def test_versions_2_to_4_are_spoken(version: int) -> None:
    assert reply(version, 0) == reply(version, 0, view=UNKNOWN) == rpc.ProgramMismatch(2, 4)


@pytest.mark.parametrize(
    ("version", "procedure"),
    [
        *((2, procedure) for procedure in (1, 2, 5, 6, 11)),
        *((3, procedure) for procedure in (1, 2, 5, 6, 7, 8, 9, 11)),
        *((4, procedure) for procedure in (1, 2, 5, 6, 7, 8, 10, 12, 13)),
    ],
)
def test_what_changes_forwards_or_tells_of_the_machine_is_unavailable(
    version: int, procedure: int
) -> None:
    assert reply(version, procedure, bytes(40)) == rpc.Failure(AcceptStat.PROC_UNAVAIL)


@pytest.mark.parametrize(
    ("version", "procedure", "arguments"),
    [
        (2, 0, bytes(4)),
        (2, 3, bytes(12)),
        (2, 3, bytes(20)),
        (2, 4, bytes(4)),
        (3, 3, bytes(8)),
        (3, 3, bytes(24)),
        (3, 4, bytes(4)),
        (4, 9, b"\0" * 8 + b"\xff" * 4),
        (4, 11, bytes(4)),
    ],
)
def test_arguments_that_are_none_are_garbage(
    version: int, procedure: int, arguments: bytes
) -> None:
    assert reply(version, procedure, arguments) == rpc.Failure(AcceptStat.GARBAGE_ARGS)


def answered(message: rpc.Message) -> rpc.Message:
    raw = answer(encode(message), VIEW)
    assert raw is not None
    return rpc.decode_message(raw)


def test_another_program_is_unavailable() -> None:
    call = rpc.Call(1, NFS, 3, 0)

    assert answered(call) == rpc.Accepted(1, rpc.Failure(AcceptStat.PROG_UNAVAIL))


def test_another_rpc_version_mismatches() -> None:
    assert answered(rpc.ForeignCall(9, 3, bytes(32))) == rpc.Denied(9, rpc.RpcMismatch(2, 2))


@pytest.mark.parametrize(
    ("credential", "status"),
    [
        (rpc.Auth(rpc.AuthFlavor.SYS, b"abcd"), AuthStat.AUTH_BADCRED),
        (rpc.Auth(rpc.AuthFlavor.SHORT, bytes(4)), AuthStat.AUTH_REJECTEDCRED),
        (rpc.Auth(rpc.AuthFlavor.RPCSEC_GSS), AuthStat.AUTH_REJECTEDCRED),
        (rpc.Auth(rpc.AuthFlavor.TLS), AuthStat.AUTH_REJECTEDCRED),
    ],
)
def test_credentials_that_are_refused(credential: rpc.Auth, status: AuthStat) -> None:
    call = rpc.Call(5, portmap.PROGRAM, 2, 0, credential=credential)

    assert answered(call) == rpc.Denied(5, rpc.AuthError(status))


def test_anybody_may_ask() -> None:
    who = rpc.AuthSys("pod", 1000, 1000, (4, 5)).credential()

    assert answered(rpc.Call(5, portmap.PROGRAM, 2, 0, credential=who)) == rpc.Accepted(5)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        encode(rpc.Accepted(1)),
        encode(rpc.Denied(1, rpc.AuthError(AuthStat.AUTH_TOOWEAK))),
        encode(rpc.Call(1, portmap.PROGRAM, 2, 0))[:-1],
    ],
)
def test_replies_and_garbage_are_not_answered(record: bytes) -> None:
    assert answer(record, VIEW) is None


@given(st.binary(max_size=120))
def test_any_record_gets_a_message_or_nothing(record: bytes) -> None:
    raw = answer(record, VIEW)

    assert raw is None or not isinstance(rpc.decode_message(raw), rpc.Call | rpc.ForeignCall)


@given(MESSAGES)
def test_exactly_calls_are_answered_with_their_xid(message: rpc.Message) -> None:
    raw = answer(encode(message), VIEW)

    assert (raw is not None) == isinstance(message, rpc.Call | rpc.ForeignCall)
    assert raw is None or rpc.decode_message(raw).xid == message.xid


@given(st.integers(0, 5), st.integers(0, 13), WORDS, st.sampled_from([None, *Family]))
def test_whatever_is_asked_an_answer_comes(
    version: int, procedure: int, arguments: bytes, family: Family | None
) -> None:
    reply(version, procedure, arguments, family=family)


@given(UINTS, UINTS)
def test_versions_2_and_4_agree(program: int, version: int) -> None:
    port = getport(program, version)
    text = getaddr(program, version)

    assert text == ("" if port == 0 else rpcbind.uaddr(V4, port))


def test_a_port_of_rpcbind_alone() -> None:
    view = PortmapView((Carried(Service.RPCBIND, 1111),), (V4,))

    assert decode(Mappings, results(2, 4, view=view)).rows == tuple(
        Mapping(100000, version, 6, 1111) for version in (4, 3, 2)
    )


def test_nothing_is_carried() -> None:
    view = PortmapView(())

    assert decode(Mappings, results(2, 4, view=view)).rows == ()
    assert getport(100000, 2, view=view) == 0


#: What the real rpcbind's host would be as a gateway: the same services, ports and address.
AS_CAPTURED = PortmapView(
    services=(
        Carried(Service.RPCBIND, 111),
        Carried(Service.STATUS, 662, (1,)),
        Carried(Service.NFS, 2049, (3,)),
        Carried(Service.MOUNTD, 20048, (1, 3)),
        Carried(Service.NLOCKMGR, 32803, (4,)),
        Carried(Service.RQUOTAD, 875, (1, 2)),
    ),
    addresses=(ipaddress.ip_address("10.77.0.1"),),
)


@pytest.mark.parametrize(
    "name",
    [
        "hand-garbage-arguments-0",
        "hand-getport-other-version-0",
        "hand-getversaddr-0",
        "hand-procedure-unavailable-0",
        "hand-program-mismatch-0",
        "hand-program-unavailable-0",
        "hand-rejected-credential-0",
        "mount-0",
        "mount-1",
        "rpcinfo-T-0",
        "rpcinfo-T-any-0",
        "rpcinfo-T-missing-0",
        "rpcinfo-p-0",
        "showmount-e-0",
    ],
)
def test_it_answers_as_the_real_rpcbind_did(name: str) -> None:
    vector = rpc_vectors.load()[name]

    assert answer(vector.call, AS_CAPTURED, family=Family.IPV4) == vector.reply


@pytest.mark.parametrize(
    "name", ["rpcinfo-T-0", "rpcinfo-T-any-0", "rpcinfo-v6-0", "showmount-e-0", "rpcinfo-p-0"]
)
def test_real_tools_say_what_they_dialled(name: str) -> None:
    """They are answered as the real rpcbind did without knowing any address of the gateway."""
    vector = rpc_vectors.load()[name]
    view = replace(AS_CAPTURED, addresses=())

    assert answer(vector.call, view) == vector.reply


@pytest.mark.parametrize(
    ("name", "told"),
    [("mount-v6-0", "fd22::12.8.1"), ("mount-v6-1", "fd22::12.78.80")],
)
def test_the_kernels_mount_over_ipv6_is_told_what_it_dialled(name: str, told: str) -> None:
    """The real rpcbind told the wildcard of its other family: mount.nfs takes the port only."""
    vector = rpc_vectors.load()[name]
    raw = answer(vector.call, replace(AS_CAPTURED, addresses=()))
    assert raw is not None
    message = rpc.decode_message(raw)
    assert isinstance(message, rpc.Accepted)
    assert isinstance(message.outcome, rpc.Success)

    assert decode(Uaddr, message.outcome.results) == Uaddr(told)


def test_it_dumps_what_the_real_rpcbind_did_over_tcp() -> None:
    vector = rpc_vectors.load()["rpcinfo-p-1"]

    def rows(raw: bytes | None) -> set[Mapping]:
        assert raw is not None
        message = rpc.decode_message(raw)
        assert isinstance(message, rpc.Accepted)
        assert isinstance(message.outcome, rpc.Success)
        return set(decode(Mappings, message.outcome.results).rows)

    tcp = {row for row in rows(vector.reply) if row.protocol == portmap.Protocol.TCP}
    assert rows(answer(vector.call, AS_CAPTURED)) == tcp
