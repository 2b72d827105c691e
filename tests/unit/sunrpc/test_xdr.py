"""hostnfsd.sunrpc.xdr."""

from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.errors import Exit
from hostnfsd.sunrpc import mount, nfs, portmap, rpc, rpcbind, xdr
from hostnfsd.sunrpc.xdr import Message, Reader, RpcDecodeError, Writer, decode, encode
from tests.unit.sunrpc.messages import BODIES


class Colour(IntEnum):
    RED = 2


def test_every_type_with_an_xdr_form_has_a_strategy() -> None:
    types = {
        kind
        for module in (rpc, portmap, rpcbind, mount, nfs)
        for kind in vars(module).values()
        if isinstance(kind, type) and hasattr(kind, "read") and kind.__module__ == module.__name__
    }

    assert set(BODIES) == types


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
@given(data=st.data())
def test_decode_of_encode_is_identity(kind: type[Message], data: st.DataObject) -> None:
    value = data.draw(BODIES[kind])
    raw = encode(value)

    assert len(raw) % 4 == 0
    assert decode(kind, raw) == value
    assert decode(kind, memoryview(raw)) == value


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
@given(raw=st.binary(max_size=200))
def test_any_bytes_decode_to_what_encodes_to_them_or_to_one_error(
    kind: type[Message], raw: bytes
) -> None:
    try:
        value = decode(kind, raw)
    except RpcDecodeError as caught:
        offset = caught.offset
    else:
        offset = 0
        assert encode(value) == raw
    assert 0 <= offset <= len(raw)


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
@given(data=st.data())
def test_what_is_cut_short_or_too_long_is_an_error(
    kind: type[Message], data: st.DataObject
) -> None:
    raw = encode(data.draw(BODIES[kind]))

    with pytest.raises(RpcDecodeError, match="4 bytes too many"):
        decode(kind, raw + bytes(4))
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(RpcDecodeError, match="ends early"):
        decode(kind, raw[:cut])


def test_integers_are_big_endian() -> None:
    reader = Reader(bytes.fromhex("00000001 ffffffff 0000000100000002"))

    assert (reader.uint(), reader.uint(), reader.uhyper()) == (1, 0xFFFFFFFF, 0x1_0000_0002)
    assert reader.offset == 16
    reader.finish()


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        (b"", "00000000"),
        (b"a", "00000001 61000000"),
        (b"ab", "00000002 61620000"),
        (b"abc", "00000003 61626300"),
        (b"abcd", "00000004 61626364"),
    ],
)
def test_opaque_data_is_padded_to_four(value: bytes, raw: str) -> None:
    writer = Writer()
    writer.opaque(value, 4)

    assert writer.taken() == bytes.fromhex(raw)
    assert Reader(bytes.fromhex(raw)).opaque(4) == value


def test_an_error_says_where_and_is_for_people() -> None:
    reader = Reader(bytes.fromhex("00000000 00000007 61"))
    reader.uint()

    with pytest.raises(RpcDecodeError, match=r"8 bytes wanted, 1 left \(byte 8\)") as caught:
        reader.opaque(10)

    assert caught.value.offset == 8
    assert caught.value.exit_code is Exit.INTERNAL


@pytest.mark.parametrize("raw", ["00000001 61000001", "00000002 61620100", "00000003 61626380"])
def test_padding_must_be_zero(raw: str) -> None:
    with pytest.raises(RpcDecodeError, match="padding is not zero"):
        Reader(bytes.fromhex(raw)).opaque(10)


def test_a_length_is_judged_before_anything_is_read() -> None:
    with pytest.raises(RpcDecodeError, match=r"4294967295 bytes are too many \(at most 9\)"):
        Reader(bytes.fromhex("ffffffff")).opaque(9)


@pytest.mark.parametrize(("raw", "value"), [("00000000", False), ("00000001", True)])
def test_booleans(raw: str, value: bool) -> None:
    writer = Writer()
    writer.boolean(value)

    assert Reader(bytes.fromhex(raw)).boolean() is value
    assert writer.taken() == bytes.fromhex(raw)


def test_two_is_no_boolean() -> None:
    with pytest.raises(RpcDecodeError, match="2 is no boolean"):
        Reader(bytes.fromhex("00000002")).boolean()


def test_enumerations_are_closed() -> None:
    assert Reader(bytes.fromhex("00000002")).enum(Colour) is Colour.RED
    with pytest.raises(RpcDecodeError, match="3 is no Colour"):
        Reader(bytes.fromhex("00000003")).enum(Colour)


def test_strings_that_are_not_utf8_survive() -> None:
    writer = Writer()
    writer.string("/b\udce4r", 10)

    assert writer.taken() == bytes.fromhex("00000004 2f62e472")
    assert Reader(writer.taken()).string(10) == "/b\udce4r"


def test_the_rest_is_taken_as_it_is() -> None:
    reader = Reader(b"\0\0\0\1xyz")
    reader.uint()

    assert reader.rest() == b"xyz"
    reader.finish()


def test_leftovers_are_an_error() -> None:
    reader = Reader(bytes(8))
    reader.uint()

    with pytest.raises(RpcDecodeError, match=r"4 bytes too many \(byte 4\)"):
        reader.finish()


@pytest.mark.parametrize("value", [-1, xdr.UINT_MAX + 1])
def test_what_does_not_fit_is_our_mistake(value: int) -> None:
    with pytest.raises(ValueError, match=f"{value} does not fit"):
        Writer().uint(value)


@pytest.mark.parametrize("value", [-1, xdr.UHYPER_MAX + 1])
def test_so_is_a_larger_one(value: int) -> None:
    with pytest.raises(ValueError, match=f"{value} does not fit 64 bits"):
        Writer().uhyper(value)


def test_so_is_opaque_data_of_another_length() -> None:
    with pytest.raises(ValueError, match="1 bytes where 2 belong"):
        Writer().fixed(b"x", 2)
    with pytest.raises(ValueError, match="3 does not fit"):
        Writer().opaque(b"xyz", 2)


def test_a_list_ends_with_a_false() -> None:
    writer = Writer()
    writer.items((portmap.Port(1), portmap.Port(2)))

    assert writer.taken() == bytes.fromhex("00000001 00000001 00000001 00000002 00000000")
    assert Reader(writer.taken()).items(portmap.Port) == (portmap.Port(1), portmap.Port(2))
