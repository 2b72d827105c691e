"""hostnfsd.sunrpc.rpc."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.sunrpc import rpc
from hostnfsd.sunrpc.rpc import decode_message
from hostnfsd.sunrpc.xdr import RpcDecodeError, encode
from tests.unit.sunrpc.messages import AUTH_SYS, MESSAGES


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


@given(MESSAGES)
def test_decode_of_encode_is_identity(message: rpc.Message) -> None:
    assert decode_message(encode(message)) == message


@given(st.binary(max_size=100))
def test_any_bytes_are_a_message_or_one_error(raw: bytes) -> None:
    try:
        message = decode_message(raw)
    except RpcDecodeError as caught:
        offset = caught.offset
    else:
        offset = 0
        assert encode(message) == raw
    assert 0 <= offset <= len(raw)


@given(AUTH_SYS)
def test_a_credential_says_who_calls(who: rpc.AuthSys) -> None:
    assert rpc.AuthSys.of(who.credential()) == who


CALL = "00000007 00000000 00000002 000186a3 00000003 00000000 00000000 00000000 00000000 00000000"
ACCEPTED = "00000007 00000001 00000000 00000000 00000000"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (CALL, rpc.Call(7, 100003, 3, 0)),
        (f"{CALL} 01020304", rpc.Call(7, 100003, 3, 0, b"\1\2\3\4")),
        ("00000007 00000000 00000003 99", rpc.ForeignCall(7, 3, b"\x99")),
        (f"{ACCEPTED} 00000000 01020304", rpc.Accepted(7, rpc.Success(b"\1\2\3\4"))),
        (f"{ACCEPTED} 00000001", rpc.Accepted(7, rpc.Failure(rpc.AcceptStat.PROG_UNAVAIL))),
        (f"{ACCEPTED} 00000002 00000002 00000004", rpc.Accepted(7, rpc.ProgramMismatch(2, 4))),
        (f"{ACCEPTED} 00000003", rpc.Accepted(7, rpc.Failure(rpc.AcceptStat.PROC_UNAVAIL))),
        (f"{ACCEPTED} 00000004", rpc.Accepted(7, rpc.Failure(rpc.AcceptStat.GARBAGE_ARGS))),
        (f"{ACCEPTED} 00000005", rpc.Accepted(7, rpc.Failure(rpc.AcceptStat.SYSTEM_ERR))),
        (
            "00000007 00000001 00000001 00000000 00000002 00000002",
            rpc.Denied(7, rpc.RpcMismatch()),
        ),
        (
            "00000007 00000001 00000001 00000001 00000005",
            rpc.Denied(7, rpc.AuthError(rpc.AuthStat.AUTH_TOOWEAK)),
        ),
    ],
)
def test_every_form_of_message(raw: str, message: rpc.Message) -> None:
    assert decode_message(hexed(raw)) == message
    assert encode(message) == hexed(raw)


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        ("", "ends early"),
        ("00000007", "ends early"),
        ("00000007 00000002", "2 is no MessageType"),
        ("00000007 00000000 00000002 000186a3", "ends early"),
        ("00000007 00000001 00000002", "2 is no ReplyStat"),
        (f"{ACCEPTED} 00000006", "6 is no AcceptStat"),
        (f"{ACCEPTED} 00000001 00000000", "4 bytes too many"),
        (f"{ACCEPTED} 00000002 00000002", "ends early"),
        ("00000007 00000001 00000001 00000002", "2 is no RejectStat"),
        ("00000007 00000001 00000001 00000001 0000000f", "15 is no AuthStat"),
        ("00000007 00000001 00000001 00000001 00000005 00000000", "4 bytes too many"),
        ("00000007 00000001 00000000 00000000 00000191", "401 bytes are too many"),
    ],
)
def test_what_is_no_message(raw: str, what: str) -> None:
    with pytest.raises(RpcDecodeError, match=what):
        decode_message(hexed(raw))


def test_success_and_mismatch_are_no_failures() -> None:
    for stat in (rpc.AcceptStat.SUCCESS, rpc.AcceptStat.PROG_MISMATCH):
        with pytest.raises(ValueError, match=f"{stat.name} has a type of its own"):
            rpc.Failure(stat)


def test_a_credential_of_400_bytes_is_the_longest() -> None:
    call = rpc.Call(1, 2, 3, 4, credential=rpc.Auth(6, bytes(400)))
    assert decode_message(encode(call)) == call

    with pytest.raises(ValueError, match="401 does not fit"):
        encode(rpc.Call(1, 2, 3, 4, credential=rpc.Auth(6, bytes(401))))


def test_sixteen_groups_are_the_most() -> None:
    assert rpc.AuthSys.of(rpc.AuthSys("m", 0, 0, tuple(range(16))).credential()).gids[-1] == 15

    with pytest.raises(ValueError, match="17 does not fit"):
        rpc.AuthSys("m", 0, 0, tuple(range(17))).credential()
    body = hexed("00000000 00000000 00000000 00000000 00000011") + bytes(17 * 4)
    with pytest.raises(RpcDecodeError, match="17 is too large"):
        rpc.AuthSys.of(rpc.Auth(rpc.AuthFlavor.SYS, body))


def test_a_machine_name_has_255_bytes_at_most() -> None:
    rpc.AuthSys("m" * 255, 0, 0).credential()

    with pytest.raises(ValueError, match="256 does not fit"):
        rpc.AuthSys("m" * 256, 0, 0).credential()


def test_another_flavor_says_nothing_of_that_kind() -> None:
    with pytest.raises(RpcDecodeError, match="flavor 0, not AUTH_SYS"):
        rpc.AuthSys.of(rpc.AUTH_NONE)


def test_an_accepted_reply_is_a_success_unless_said_otherwise() -> None:
    assert rpc.Accepted(1) == rpc.Accepted(1, rpc.Success(b""), rpc.AUTH_NONE)
