"""What was on the wire: tests/vectors/rpc."""

import re

import pytest

from hostnfsd.sunrpc import rpc
from hostnfsd.sunrpc.mount import Exports
from hostnfsd.sunrpc.outcome import Error
from hostnfsd.sunrpc.portmap import Mapping, Mappings, Protocol
from hostnfsd.sunrpc.record import RecordReader
from hostnfsd.sunrpc.record import encode as mark
from hostnfsd.sunrpc.rpcbind import Bindings
from hostnfsd.sunrpc.tap import Tap
from hostnfsd.sunrpc.xdr import decode, encode
from tests.vectors.rpc_vectors import TYPES, Vector, explain, load

VECTORS = load()


@pytest.fixture(params=VECTORS)
def vector(request: pytest.FixtureRequest) -> Vector:
    return VECTORS[request.param]


def test_there_are_vectors_of_every_kind() -> None:
    tools = {vector.tool.split(" -")[0].split(" [")[0].split()[0] for vector in VECTORS.values()}

    assert {"rpcinfo", "showmount", "mount", "umount"} <= tools
    assert len(VECTORS) > 40


def test_a_file_is_written_as_it_is_read(vector: Vector) -> None:
    assert Vector.parse(vector.text()) == vector


def test_the_bytes_mean_what_the_file_says(vector: Vector) -> None:
    said = explain(rpc.decode_message(vector.call), rpc.decode_message(vector.reply))

    assert said == vector.meaning


def test_messages_encode_to_the_same_bytes(vector: Vector) -> None:
    for raw in (vector.call, vector.reply):
        assert encode(rpc.decode_message(raw)) == raw
        assert list(RecordReader(len(raw)).feed(mark(raw, 50))) == [raw]


def test_arguments_and_results_encode_to_the_same_bytes(vector: Vector) -> None:
    asked, answered = rpc.decode_message(vector.call), rpc.decode_message(vector.reply)
    assert isinstance(asked, rpc.Call)
    arguments, results = TYPES.get((asked.program, asked.version, asked.procedure), (None, None))
    refused = rpc.Accepted(asked.xid, rpc.Failure(rpc.AcceptStat.GARBAGE_ARGS))

    if arguments is not None and answered != refused:
        assert encode(decode(arguments, asked.arguments)) == asked.arguments
    if (
        results is not None
        and isinstance(answered, rpc.Accepted)
        and isinstance(answered.outcome, rpc.Success)
    ):
        assert encode(decode(results, answered.outcome.results)) == answered.outcome.results


def test_the_tap_sees_the_exchange(vector: Vector) -> None:
    asked, answered = rpc.decode_message(vector.call), rpc.decode_message(vector.reply)
    assert isinstance(asked, rpc.Call)
    tap = Tap()

    called = asked.xid, (asked.program, asked.version, asked.procedure)
    assert tap.to_host(mark(vector.call), 1.0) == [(*called, len(vector.call))]
    ((xid, numbers, error, _, size, seconds),) = tap.to_client(mark(vector.reply), 1.5)

    assert (xid, numbers, size, seconds) == (*called, len(vector.reply), 0.5)
    succeeded = isinstance(answered, rpc.Accepted) and isinstance(answered.outcome, rpc.Success)
    assert (error is Error.RPC) != succeeded
    assert (tap.quiet, tap.strays) == (True, 0)


@pytest.mark.parametrize(
    ("name", "error", "status"),
    [
        ("mount-3", Error.NONE, 0),
        ("mount-11", Error.STATUS, 2),
        ("mount-missing-0", Error.STATUS, 13),
        ("too-weak-0", Error.RPC, 0),
        ("rpcinfo-T-any-1", Error.RPC, 0),
        ("mount-0", Error.NONE, 0),
    ],
)
def test_the_tap_sees_what_became_of_it(name: str, error: Error, status: int) -> None:
    vector = VECTORS[name]
    tap = Tap()
    tap.to_host(mark(vector.call), 0)

    ((_, _, *became, _, _),) = tap.to_client(mark(vector.reply), 0)

    assert became == [error, status]


def _results(name: str) -> bytes:
    message = rpc.decode_message(VECTORS[name].reply)
    assert isinstance(message, rpc.Accepted)
    assert isinstance(message.outcome, rpc.Success)
    return message.outcome.results


def test_rpcinfo_printed_what_we_decode() -> None:
    printed = {
        Mapping(int(program), int(version), Protocol[protocol.upper()], int(port))
        for program, version, protocol, port in re.findall(
            r"^ +(\d+) +(\d+) +(tcp|udp) +(\d+)", VECTORS["rpcinfo-p-1"].printed, re.MULTILINE
        )
    }

    assert set(decode(Mappings, _results("rpcinfo-p-1")).rows) == printed
    assert len(printed) == 20


def test_rpcinfo_printed_the_universal_addresses_we_decode() -> None:
    printed = re.findall(
        r"^ +(\d+) +(\d+) +(\S+) +(\S+) +\S+ +(\S+)", VECTORS["rpcinfo-0"].printed, re.MULTILINE
    )

    assert [
        (str(row.program), str(row.version), row.netid, row.address, row.owner)
        for row in decode(Bindings, _results("rpcinfo-0")).rows
    ] == printed


def test_showmount_printed_what_we_decode() -> None:
    (export,) = decode(Exports, _results("showmount-e-1")).rows
    lines = VECTORS["showmount-e-1"].printed.splitlines()

    assert [export.path, "(everyone)" if not export.groups else ""] == lines[1].split()
