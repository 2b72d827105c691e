"""hostnfsd.sunrpc.mount; what every type keeps is in test_xdr.py."""

import pytest

from hostnfsd.sunrpc.mount import (
    Export,
    Exports,
    Group,
    Mount,
    MountedV1,
    MountedV3,
    Mounts,
    Path,
    Status,
    status_name,
)
from hostnfsd.sunrpc.xdr import RpcDecodeError, decode, encode


def test_version_1_has_handles_of_32_bytes() -> None:
    assert decode(MountedV1, bytes(4) + b"h" * 32) == MountedV1(0, b"h" * 32)
    with pytest.raises(ValueError, match="4 bytes where 32 belong"):
        encode(MountedV1(0, b"hand"))


def test_a_failure_of_version_1_has_none() -> None:
    assert decode(MountedV1, bytes.fromhex("0000000d")) == MountedV1(13)
    with pytest.raises(ValueError, match="1 bytes where 0 belong"):
        encode(MountedV1(13, b"x"))


def test_version_3_has_handles_up_to_64_bytes_and_flavors() -> None:
    raw = bytes.fromhex("00000000 00000004 68616e64 00000002 00000001 0005f3d6")

    assert decode(MountedV3, raw) == MountedV3(0, b"hand", (1, 390102))
    with pytest.raises(RpcDecodeError, match="65 bytes are too many"):
        decode(MountedV3, bytes.fromhex("00000000 00000041") + bytes(80))


def test_a_failure_of_version_3_has_neither() -> None:
    assert decode(MountedV3, bytes.fromhex("0000000d")) == MountedV3(Status.ACCES)
    with pytest.raises(RpcDecodeError, match="4 bytes too many"):
        decode(MountedV3, bytes.fromhex("0000000d 00000000"))
    with pytest.raises(ValueError, match="1 bytes where 0 belong"):
        encode(MountedV3(13, b"x"))


def test_flavors_have_a_limit() -> None:
    with pytest.raises(RpcDecodeError, match="65 is too large"):
        decode(MountedV3, bytes.fromhex("00000000 00000000 00000041") + bytes(65 * 4))


def test_exports_have_groups() -> None:
    raw = bytes.fromhex(
        "00000001 00000002 2f610000 00000001 00000001 68000000 00000001 00000002 68320000 00000000"
        "00000001 00000002 2f620000 00000000 00000000"
    )

    assert decode(Exports, raw).rows == (Export("/a", (Group("h"), Group("h2"))), Export("/b"))


def test_mounts_have_a_host_and_a_path() -> None:
    raw = bytes.fromhex("00000001 00000001 68000000 00000002 2f610000 00000000")

    assert decode(Mounts, raw) == Mounts((Mount("h", "/a"),))


def test_a_path_has_1024_bytes_at_most() -> None:
    encode(Path("/" * 1024))
    with pytest.raises(ValueError, match="1025 does not fit"):
        encode(Path("/" * 1025))


@pytest.mark.parametrize(
    ("status", "name"),
    [(0, "MNT3_OK"), (13, "MNT3ERR_ACCES"), (10006, "MNT3ERR_SERVERFAULT"), (99, "99")],
)
def test_a_status_has_a_name_or_is_a_number(status: int, name: str) -> None:
    assert status_name(status) == name
