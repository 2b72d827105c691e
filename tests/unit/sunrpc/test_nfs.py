"""hostnfsd.sunrpc.nfs; what every type keeps is in test_xdr.py."""

import pytest

from hostnfsd.sunrpc.nfs import (
    Access,
    AccessArguments,
    AccessResult,
    Attributes,
    FsinfoResult,
    GetattrResult,
    Handle,
    Procedure3,
    Status,
    Time,
    status_name,
)
from hostnfsd.sunrpc.xdr import RpcDecodeError, decode, encode

ATTRIBUTES = Attributes(
    kind=2,
    mode=0o755,
    links=3,
    uid=501,
    gid=20,
    size=1 << 40,
    used=4096,
    device=(8, 1),
    file_system=7,
    file=9,
    accessed=Time(1, 2),
    modified=Time(3, 4),
    changed=Time(5, 6),
)


def test_attributes_have_84_bytes() -> None:
    raw = encode(ATTRIBUTES)

    assert len(raw) == 84
    assert raw == bytes.fromhex(
        "00000002 000001ed 00000003 000001f5 00000014 0000010000000000 0000000000001000"
        "00000008 00000001 0000000000000007 0000000000000009"
        "00000001 00000002 00000003 00000004 00000005 00000006"
    )


def test_attributes_come_with_success_only() -> None:
    assert decode(GetattrResult, bytes(4) + encode(ATTRIBUTES)).attributes == ATTRIBUTES
    assert decode(GetattrResult, bytes.fromhex("00000046")) == GetattrResult(Status.STALE)
    for status, attributes in ((0, None), (70, ATTRIBUTES)):
        with pytest.raises(ValueError, match="attributes belong to status OK"):
            GetattrResult(status, attributes)


def test_access_may_leave_attributes_out() -> None:
    assert decode(AccessResult, bytes.fromhex("00000000 00000000 00000003")) == AccessResult(
        0, granted=Access.READ | Access.LOOKUP
    )
    assert decode(AccessResult, bytes.fromhex("0000000d 00000000")) == AccessResult(Status.ACCES)
    with pytest.raises(ValueError, match="rights are granted"):
        AccessResult(0)
    with pytest.raises(ValueError, match="rights are granted"):
        AccessResult(13, granted=1)


def test_access_asks_for_rights() -> None:
    raw = bytes.fromhex("00000002 68690000 0000003f")

    assert decode(AccessArguments, raw) == AccessArguments(b"hi", 0x3F)


def test_facts_come_with_success_only() -> None:
    assert decode(FsinfoResult, bytes.fromhex("00000046 00000000")) == FsinfoResult(70)
    with pytest.raises(ValueError, match="facts belong"):
        FsinfoResult(0)


def test_a_handle_has_64_bytes_at_most() -> None:
    assert decode(Handle, encode(Handle(bytes(64)))) == Handle(bytes(64))
    with pytest.raises(RpcDecodeError, match="65 bytes are too many"):
        decode(Handle, bytes.fromhex("00000041") + bytes(68))


def test_procedures_are_numbered_without_gaps() -> None:
    assert [procedure.value for procedure in Procedure3] == list(range(22))


@pytest.mark.parametrize(
    ("status", "name"),
    [(0, "NFS3_OK"), (70, "NFS3ERR_STALE"), (10008, "NFS3ERR_JUKEBOX"), (99, "99")],
)
def test_a_status_has_a_name_or_is_a_number(status: int, name: str) -> None:
    assert status_name(status) == name
