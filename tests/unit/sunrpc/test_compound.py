"""What a COMPOUND is about."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.sunrpc import rpc
from hostnfsd.sunrpc.compound import LARGE, Operation, works
from hostnfsd.sunrpc.record import encode as mark
from hostnfsd.sunrpc.tap import Tap
from hostnfsd.sunrpc.xdr import encode

# RFC 7530 section 16: numbers of operations that somebody works at.
CLOSE, COMMIT, CREATE, LOOKUP, OPEN, READ, READDIR, REMOVE, RENAME, WRITE = (
    *(4, 5, 6, 15, 18),
    *(25, 26, 28, 29, 38),
)
SEQUENCE = struct.pack(">I32x", Operation.SEQUENCE)
HANDLE = bytes(range(29))


def opaque(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


PUTFH = struct.pack(">I", Operation.PUTFH) + opaque(HANDLE)


def op(number: int, arguments: bytes = b"") -> bytes:
    return struct.pack(">I", number) + arguments


def compound(
    *operations: bytes, tag: bytes = b"", credential: rpc.Auth | None = None, count: int = -1
) -> bytes:
    """A call's message, without its mark. AUTH_SYS as a kernel sends it, with a host name."""
    sys = rpc.Auth(
        rpc.AuthFlavor.SYS,
        struct.pack(">I", 7) + opaque(b"pod-kernel") + struct.pack(">3I", 0, 0, 0),
    )
    number = len(operations) if count < 0 else count
    arguments = opaque(tag) + struct.pack(">2I", 1, number) + b"".join(operations)
    call = rpc.Call(7, 100003, 4, 1, arguments, credential or sys)
    return encode(call)


def judged(message: bytes) -> bool:
    return works(b"mark" + message + b"next", 4, 4 + len(message))


GETATTR = op(Operation.GETATTR, struct.pack(">3I", 2, 0x18, 0x30A23A))
IDLE = {
    "a lease of 4.1": (SEQUENCE,),
    "a lease of 4.0": (op(Operation.RENEW, bytes(8)),),
    "attributes": (SEQUENCE, PUTFH, GETATTR),
    "attributes, 4.0": (PUTFH, GETATTR),
    "rights": (SEQUENCE, PUTFH, op(Operation.ACCESS, bytes(4)), GETATTR),
    "the root": (SEQUENCE, op(Operation.PUTROOTFH), op(Operation.GETFH), GETATTR),
    "a session": (op(Operation.EXCHANGE_ID, bytes(40)),),
    "nothing": (),
}
WORK = {
    "a read": (SEQUENCE, PUTFH, op(READ, bytes(28))),
    "a line written": (SEQUENCE, PUTFH, op(WRITE, bytes(24) + opaque(b"a line\n")), GETATTR),
    "an open": (SEQUENCE, PUTFH, op(OPEN, bytes(60)), GETATTR),
    "a name": (SEQUENCE, PUTFH, op(LOOKUP, opaque(b"hello")), op(Operation.GETFH), GETATTR),
    "a listing": (SEQUENCE, PUTFH, op(READDIR, bytes(32))),
    "a rename": (SEQUENCE, PUTFH, op(Operation.SAVEFH), PUTFH, op(RENAME, bytes(16))),
    "a removal, 4.0": (PUTFH, op(REMOVE, opaque(b"log"))),
    "one that came later": (SEQUENCE, PUTFH, op(59)),
}


@pytest.mark.parametrize("operations", IDLE.values(), ids=IDLE)
def test_what_a_kernel_does_by_itself_is_no_work(operations: tuple[bytes, ...]) -> None:
    assert not judged(compound(*operations))
    assert not judged(compound(*operations, tag=b"renew"))


@pytest.mark.parametrize("operations", WORK.values(), ids=WORK)
def test_what_somebody_asks_for_is_work(operations: tuple[bytes, ...]) -> None:
    assert judged(compound(*operations))
    assert judged(compound(*operations, tag=b"a tag"))


def test_the_next_call_in_the_same_chunk_is_not_read() -> None:
    idle, work = compound(SEQUENCE, count=3), compound(*WORK["a read"])
    assert not works(idle + work, 0, len(idle))


def test_what_is_encrypted_works_if_it_is_large() -> None:
    gss = rpc.Auth(rpc.AuthFlavor.RPCSEC_GSS, bytes(24))
    assert not judged(compound(bytes(200), credential=gss))
    assert judged(compound(bytes(LARGE), credential=gss))


@given(st.binary(max_size=300), st.integers(0, 40))
def test_any_bytes_are_judged(message: bytes, at: int) -> None:
    assert works(message, at, len(message)) in {True, False}


@given(st.sampled_from(sorted(WORK)), st.integers(0, 200))
def test_one_that_is_cut_is_judged(name: str, cut: int) -> None:
    message = compound(*WORK[name])
    assert works(message[:cut], 0, len(message)) in {True, False}


def told(*messages: bytes, size: int = 1 << 20) -> int:
    tap = Tap()
    stream = b"".join(
        mark(struct.pack(">I", xid) + message[4:]) for xid, message in enumerate(messages)
    )
    for at in range(0, len(stream), size):
        tap.to_host(stream[at : at + size], 1.0)
    return tap.working


def test_a_tap_counts_those_that_work() -> None:
    idle, work = compound(*IDLE["attributes"]), compound(*WORK["a read"])
    assert told(idle, work, idle, work, work) == 3


def test_of_one_that_comes_in_pieces_the_size_tells() -> None:
    large = compound(SEQUENCE, PUTFH, op(WRITE, bytes(24) + opaque(bytes(4 * LARGE))))
    assert told(compound(SEQUENCE), large, compound(SEQUENCE), size=100) == 1


def test_version_3_is_not_taken_for_it() -> None:
    tap = Tap()
    tap.to_host(mark(encode(rpc.Call(1, 100003, 3, 1, opaque(HANDLE)))), 1.0)
    assert tap.working == 0
