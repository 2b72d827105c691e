"""Coverage-guided fuzzing of everything that reads bytes from the network as ONC RPC.

    make fuzz                             # a minute of it; CI does
    python -m tests.fuzz.fuzz_rpc SECONDS [libFuzzer options] [corpus folder]

Each input is split into chunks by its own first bytes. What must hold:

- a record reader gives the same records and the same error for the stream in one piece and in
  chunks;
- a record is a message that encodes to the same bytes, or one RpcDecodeError;
- so are a message's arguments and results, for every type there is;
- the portmapper answers a call with a message of the same xid, anything else with nothing;
- the tap says what the naive one says;
- who is refused is refused the same, in one piece and in chunks.

The vectors are the first corpus. A finding ends the run with a traceback and leaves the input in a
file ``crash-*``; run the target with that file as the only argument after SECONDS to see it again.
"""

import ipaddress
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# The optional group "fuzz" installs it; it has no types.
import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

with atheris.instrument_imports(include=["hostnfsd.sunrpc"]):
    from hostnfsd.services import Service
    from hostnfsd.sunrpc import denying, portmapper, record, rpc, rpcbind, tap, xdr

from tests.unit.sunrpc.messages import BODIES
from tests.unit.sunrpc.naive_tap import NaiveTap
from tests.vectors import rpc_vectors

_MAX_RECORD: Final = 600
_VIEW: Final = portmapper.PortmapView(
    (
        portmapper.Carried(Service.RPCBIND, 111),
        portmapper.Carried(Service.NFS, 2049, (3,)),
        portmapper.Carried(Service.MOUNTD, 20048, (1, 3)),
    ),
    (ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("2001:db8::1")),
)
_KINDS: Final = tuple(BODIES)
_PLAN_BYTES: Final = 8


def one(raw: bytes) -> None:
    """Try one input."""
    plan, stream = raw[:_PLAN_BYTES], raw[_PLAN_BYTES:]
    chunks = list(cut(stream, plan))
    whole = records([stream])
    check(whole == records(chunks), "the records depend on the chunks")
    for one_record in whole[0]:
        message(one_record)
    message(stream)
    check(refusals([stream]) == refusals(chunks), "the refusals depend on the chunks")
    if plan:
        body(_KINDS[plan[0] % len(_KINDS)], stream)
    taps(chunks, plan)


def check(holds: bool, what: str) -> None:
    """Fail in a way that python -O keeps."""
    if not holds:
        raise AssertionError(what)


def cut(stream: bytes, plan: bytes) -> Iterable[bytes]:
    """The stream in chunks of the sizes in the plan, again and again."""
    sizes = [size + 1 for size in plan] or [len(stream) or 1]
    at = turn = 0
    while at < len(stream):
        yield stream[at : at + sizes[turn % len(sizes)]]
        at += sizes[turn % len(sizes)]
        turn += 1


def records(chunks: Iterable[bytes]) -> tuple[list[bytes], tuple[str, int] | None]:
    """Records and the error after them."""
    reader = record.RecordReader(_MAX_RECORD)
    found: list[bytes] = []
    try:
        for chunk in chunks:
            found.extend(reader.feed(chunk))
        reader.finish()
    except xdr.RpcDecodeError as error:
        return found, (str(error), error.offset)
    return found, None


def refusals(chunks: Iterable[bytes]) -> tuple[bytes, bool]:
    """What a refused client is told, and whether that is all."""
    denier = denying.Denier(rpc.AuthStat.AUTH_BADCRED)
    told = b"".join(map(denier.hear, chunks))
    return told, denier.over


def message(raw: bytes) -> None:
    """Decode, encode, answer."""
    answer = portmapper.answer(raw, _VIEW)
    try:
        said = rpc.decode_message(raw)
    except xdr.RpcDecodeError:
        check(answer is None, "garbage is answered")
        return
    check(xdr.encode(said) == raw, "another message")
    called = isinstance(said, rpc.Call | rpc.ForeignCall)
    check(called is (answer is not None), "a call is answered, a reply is not")
    if answer is not None:
        check(rpc.decode_message(answer).xid == said.xid, "another xid")
    if isinstance(said, rpc.Call):
        types = rpc_vectors.TYPES.get((said.program, said.version, said.procedure), (None, None))
        for kind in types:
            if kind is not None:
                body(kind, said.arguments)


def body(kind: type[xdr.Message], raw: bytes) -> None:
    """Decode and encode arguments or results."""
    try:
        value = xdr.decode(kind, raw)
    except xdr.RpcDecodeError:
        return
    check(xdr.encode(value) == raw, "another value")
    if isinstance(value, rpcbind.Uaddr):
        try:
            address, port = rpcbind.parse_uaddr(value.text)
        except ValueError:
            return
        check(rpcbind.parse_uaddr(rpcbind.uaddr(address, port)) == (address, port), "another uaddr")


def taps(chunks: list[bytes], plan: bytes) -> None:
    """The tap and the naive one, chunks of both directions mixed by the plan's bits."""
    quick, naive = tap.Tap(max_record=_MAX_RECORD, max_outstanding=3), NaiveTap(_MAX_RECORD, 3)
    turns = int.from_bytes(plan, "big")
    for number, chunk in enumerate(chunks):
        to_host = bool(turns >> number % 64 & 1)
        feed = quick.to_host if to_host else quick.to_client
        check(
            list(feed(chunk, number)) == naive.feed(chunk, number, to_host=to_host),
            "the taps tell different events",
        )
        check(
            (quick.off, quick.overrun, quick.unanswered, quick.oldest, quick.quiet, quick.strays)
            == (
                naive.off,
                naive.overrun,
                len(naive.waiting),
                naive.oldest,
                naive.quiet,
                naive.strays,
            ),
            "the taps stand differently",
        )
    for either in (quick, naive):
        if turns & 1:
            either.client_ended()
        if turns & 2:
            either.host_ended()
    check(quick.off == naive.off and quick.quiet == naive.quiet, "the taps end differently")
    check(list(quick.close()) == naive.close(), "the taps miss different replies")


def seed(folder: Path) -> None:
    """Write the vectors as a first corpus: alone, and as a conversation."""
    for name, vector in rpc_vectors.load().items():
        call, reply = record.encode(vector.call), record.encode(vector.reply, 100)
        plan = bytes([len(call) - 1 & 0xFF] * _PLAN_BYTES)
        (folder / f"{name}-call").write_bytes(plan + call)
        (folder / f"{name}-both").write_bytes(plan + call + reply)
        for part, kind in (("arguments", 0), ("results", 1)):
            raw = _part(vector, kind)
            if raw is not None:
                number, words = raw
                (folder / f"{name}-{part}").write_bytes(bytes([number] * _PLAN_BYTES) + words)


def _part(vector: rpc_vectors.Vector, index: int) -> tuple[int, bytes] | None:
    """The type's number and the bytes of a vector's arguments (0) or results (1)."""
    asked, answered = rpc.decode_message(vector.call), rpc.decode_message(vector.reply)
    if not isinstance(asked, rpc.Call):
        return None
    types = rpc_vectors.TYPES.get((asked.program, asked.version, asked.procedure), (None, None))
    kind = types[index]
    if kind is None:
        return None
    if index == 0:
        return _KINDS.index(kind), asked.arguments
    if isinstance(answered, rpc.Accepted) and isinstance(answered.outcome, rpc.Success):
        return _KINDS.index(kind), answered.outcome.results
    return None


def main() -> None:
    """Run for the seconds given."""
    seconds, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as corpus:
        seed(Path(corpus))
        arguments = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=1024", *options]
        if not any(Path(option).is_file() for option in options):
            arguments.append(corpus)
        atheris.Setup(arguments, one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
