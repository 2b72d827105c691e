"""hostnfsd.sunrpc.portmap; what every type keeps is in test_xdr.py."""

import pytest

from hostnfsd.sunrpc.portmap import NOT_REGISTERED, Mapping, Mappings, Port, Protocol
from hostnfsd.sunrpc.xdr import RpcDecodeError, decode, encode

ROW = "000186a3 00000003 00000006 00000801"


def test_a_mapping_is_four_numbers() -> None:
    assert encode(Mapping(100003, 3, Protocol.TCP, 2049)) == bytes.fromhex(ROW)


def test_rows_follow_one_another() -> None:
    raw = bytes.fromhex(f"00000001 {ROW} 00000001 {ROW} 00000000")

    assert decode(Mappings, raw).rows == (Mapping(100003, 3, 6, 2049),) * 2
    assert encode(Mappings()) == bytes(4)


def test_a_list_that_does_not_end_is_an_error() -> None:
    with pytest.raises(RpcDecodeError, match="ends early"):
        decode(Mappings, bytes.fromhex(f"00000001 {ROW}"))


def test_a_port_has_sixteen_bits() -> None:
    assert decode(Port, bytes.fromhex("0000ffff")) == Port(65535)
    assert decode(Port, bytes(4)) == Port(NOT_REGISTERED)
    with pytest.raises(RpcDecodeError, match=r"65536 is too large \(at most 65535\)"):
        decode(Port, bytes.fromhex("00010000"))
    with pytest.raises(ValueError, match="65536 does not fit"):
        encode(Port(65536))
