"""Calls over sockets of loopback, on both event loops."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing

import pytest

from hostnfsd.dial.caller import (
    Caller,
    HungUpError,
    NoAnswerError,
    NotRpcError,
    RejectedError,
    Reply,
    TcpStream,
    over,
    rejection,
    results,
    versions_offered,
)
from hostnfsd.sunrpc import portmap, record, rpc
from hostnfsd.sunrpc.record import RecordReader
from hostnfsd.sunrpc.rpc import Accepted, AuthStat, Denied
from hostnfsd.sunrpc.xdr import encode
from tests.support.host_services import Behaviour, HostService, absorb, echo, reset

XID = 0x1234_5678
PROGRAM = 100003
#: A deadline that no test waits for.
AMPLE_S = 20.0

Answer = Callable[[rpc.Call], list[bytes]]


def answering(answer: Answer) -> Behaviour:
    """A service that sends what ``answer`` makes of each call, piece by piece."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        records = RecordReader(4096)
        while data := await reader.read(65536):
            for each in records.feed(data):
                call = rpc.decode_message(each)
                assert isinstance(call, rpc.Call)
                for piece in answer(call):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)

    return behave


def sent(*replies: Reply, max_fragment: int = record.MAX_FRAGMENT) -> list[bytes]:
    return [record.encode(encode(reply), max_fragment) for reply in replies]


async def connected(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return sock


@pytest.fixture
async def calling() -> AsyncIterator[Callable[[Behaviour], Awaitable[tuple[Caller, HostService]]]]:
    """Makes a service of a behaviour, and a caller connected to it."""
    services: list[HostService] = []
    callers: list[Caller] = []

    async def call(behaviour: Behaviour) -> tuple[Caller, HostService]:
        service = HostService(behaviour)
        await service.start()
        services.append(service)
        callers.append(await over(await connected(service.port), first_xid=XID, max_reply=1000))
        return callers[-1], service

    yield call
    for caller in callers:
        caller.close()
    for service in services:
        await service.stop()


Calling = Callable[[Behaviour], Awaitable[tuple[Caller, HostService]]]


async def test_a_call_brings_its_reply(calling: Calling) -> None:
    seen: list[rpc.Call] = []

    def answer(call: rpc.Call) -> list[bytes]:
        seen.append(call)
        return sent(Accepted(call.xid, rpc.Success(b"fine")))

    caller, _ = await calling(answering(answer))
    credential = rpc.AuthSys("host", 501, 20).credential()

    reply = await caller.call(PROGRAM, 3, 1, b"args", credential=credential, within_s=AMPLE_S)

    assert reply == Accepted(XID, rpc.Success(b"fine"))
    assert seen == [rpc.Call(XID, PROGRAM, 3, 1, b"args", credential)]


async def test_the_next_xid_is_known_before_the_call_and_counts_on(calling: Calling) -> None:
    caller, _ = await calling(answering(lambda call: sent(Accepted(call.xid))))

    for expected in (XID, XID + 1, XID + 2):
        assert caller.next_xid == expected
        assert (await caller.call(PROGRAM, 3, 0, within_s=AMPLE_S)).xid == expected


async def test_xids_wrap_around(calling: Calling) -> None:
    _, service = await calling(answering(lambda call: sent(Accepted(call.xid))))

    with await over(await connected(service.port), first_xid=0xFFFF_FFFF) as caller:
        assert (await caller.call(PROGRAM, 3, 0, within_s=AMPLE_S)).xid == 0xFFFF_FFFF
        assert (await caller.call(PROGRAM, 3, 0, within_s=AMPLE_S)).xid == 0


async def test_replies_to_others_are_passed_over(calling: Calling) -> None:
    caller, _ = await calling(
        answering(
            lambda call: [
                b"".join(
                    sent(
                        Accepted(call.xid ^ 1, rpc.Success(b"not ours")),
                        Accepted(call.xid, rpc.Success(b"ours")),
                        Accepted(call.xid ^ 2, rpc.Success(b"late")),
                    )
                )
            ]
        )
    )

    for _ in range(2):  # what came after ours does not harm the next call
        reply = await caller.call(PROGRAM, 3, 0, within_s=AMPLE_S)
        assert results(reply) == b"ours"


async def test_a_reply_may_come_in_any_pieces(calling: Calling) -> None:
    def bytewise(call: rpc.Call) -> list[bytes]:
        (whole,) = sent(Accepted(call.xid, rpc.Success(b"abcd")), max_fragment=3)
        return [whole[i : i + 1] for i in range(len(whole))]

    caller, _ = await calling(answering(bytewise))

    assert results(await caller.call(PROGRAM, 3, 0, within_s=AMPLE_S)) == b"abcd"


async def test_a_service_that_says_nothing_gets_its_time_and_no_more(calling: Calling) -> None:
    caller, _ = await calling(absorb)
    began = asyncio.get_running_loop().time()

    with pytest.raises(NoAnswerError, match=r"^did not answer within 0\.05 s$"):
        await caller.call(PROGRAM, 3, 0, within_s=0.05)

    assert asyncio.get_running_loop().time() - began < 5


async def test_after_a_missed_deadline_the_next_call_is_answered(calling: Calling) -> None:
    calls: list[rpc.Call] = []

    def late(call: rpc.Call) -> list[bytes]:
        calls.append(call)
        return [] if len(calls) == 1 else sent(*(Accepted(each.xid) for each in calls))

    caller, _ = await calling(answering(late))

    with pytest.raises(NoAnswerError):
        await caller.call(PROGRAM, 3, 0, within_s=0.05)
    assert (await caller.call(PROGRAM, 3, 0, within_s=AMPLE_S)).xid == XID + 1


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await reader.read(65536)


async def hang_up_by_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65536)
    reset(writer)


async def half_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65536)
    writer.write(sent(Accepted(XID))[0][:10])
    await writer.drain()


@pytest.mark.parametrize("behaviour", [hang_up, hang_up_by_reset, half_an_answer])
async def test_a_service_that_goes_away_is_said_to_hang_up(
    calling: Calling, behaviour: Behaviour
) -> None:
    caller, _ = await calling(behaviour)

    with pytest.raises(HungUpError, match=r"the connection without an answer$"):
        await caller.call(PROGRAM, 3, 0, within_s=AMPLE_S)
    with pytest.raises(HungUpError):  # for good
        await caller.call(PROGRAM, 3, 0, within_s=AMPLE_S)


def saying(data: bytes) -> Behaviour:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        await reader.read()

    return behave


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(saying(b"SSH-2.0-OpenSSH_9.2p1\r\n"), id="another protocol"),
        pytest.param(saying(record.encode(b"?")), id="a record that is no message"),
        pytest.param(saying(record.encode(bytes(1001))), id="too large"),
        pytest.param(saying(b"\x80\x00\x03\xe9"), id="announces too much"),
        pytest.param(echo, id="our own words"),
    ],
)
async def test_what_is_no_reply_is_not_waited_upon(calling: Calling, behaviour: Behaviour) -> None:
    caller, _ = await calling(behaviour)

    with pytest.raises(NotRpcError, match=r"^answered with "):
        await caller.call(PROGRAM, 3, 0, within_s=AMPLE_S)


async def test_closing_ends_the_connection_and_may_be_done_again(calling: Calling) -> None:
    ended = asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await absorb(reader, writer)
        ended.set()

    caller, _ = await calling(watch)
    caller.close()
    caller.close()

    async with asyncio.timeout(10):
        await ended.wait()
    with pytest.raises(HungUpError):
        await caller.call(PROGRAM, 3, 0, within_s=AMPLE_S)


async def test_a_cancelled_call_leaves_the_caller_to_be_closed(calling: Calling) -> None:
    heard = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        heard.set()
        await absorb(reader, writer)

    caller, _ = await calling(hear)
    task = asyncio.get_running_loop().create_task(
        caller.call(PROGRAM, 3, 0, within_s=AMPLE_S), name="call"
    )
    async with asyncio.timeout(10):
        await heard.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_socket_that_cannot_be_taken_over_is_closed() -> None:
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as sock:
        sock.setblocking(False)
        with pytest.raises(ValueError, match=r"(?i)stream"):
            await TcpStream.over(sock)
        assert sock.fileno() == -1


async def test_a_typed_call_encodes_and_decodes(calling: Calling) -> None:
    wanted = portmap.Mapping(program=PROGRAM, version=3, protocol=6, port=0)

    def answer(call: rpc.Call) -> list[bytes]:
        assert call.arguments == encode(wanted)
        return sent(Accepted(call.xid, rpc.Success(encode(wanted))))

    caller, _ = await calling(answering(answer))

    assert await caller.ask(portmap.Mapping, 100000, 2, 3, wanted, within_s=AMPLE_S) == wanted


async def test_a_result_of_another_kind_is_not_rpc(calling: Calling) -> None:
    caller, _ = await calling(
        answering(lambda call: sent(Accepted(call.xid, rpc.Success(b"\0\0\0\1"))))
    )

    with pytest.raises(NotRpcError, match=r"^answered with a result that cannot be read"):
        await caller.ask(portmap.Mapping, 100000, 2, 3, within_s=AMPLE_S)


REJECTIONS: list[tuple[Reply, str]] = [
    (
        Denied(XID, rpc.AuthError(AuthStat.AUTH_TOOWEAK)),
        "refused the call: AUTH_ERROR, AUTH_TOOWEAK",
    ),
    (Denied(XID, rpc.RpcMismatch(3, 4)), "speaks RPC versions 3 to 4 only"),
    (
        Accepted(XID, rpc.ProgramMismatch(2, 3)),
        "has versions 2 to 3 of the program only (PROG_MISMATCH)",
    ),
    (
        Accepted(XID, rpc.Failure(rpc.AcceptStat.PROG_UNAVAIL)),
        "could not do the call: PROG_UNAVAIL",
    ),
]


@pytest.mark.parametrize(("reply", "words"), REJECTIONS, ids=[words for _, words in REJECTIONS])
async def test_a_typed_call_without_result_carries_the_reply(
    calling: Calling, reply: Reply, words: str
) -> None:
    caller, _ = await calling(answering(lambda _: sent(reply)))

    with pytest.raises(RejectedError) as caught:
        await caller.ask(portmap.Mapping, PROGRAM, 4, 0, within_s=AMPLE_S)

    assert caught.value.reply == reply
    assert str(caught.value) == words


def test_success_is_no_rejection() -> None:
    assert rejection(Accepted(XID)) == "did the call"


def test_a_mismatch_offers_versions_and_nothing_else_does() -> None:
    assert versions_offered(Accepted(XID, rpc.ProgramMismatch(2, 4))) == range(2, 5)
    assert versions_offered(Accepted(XID)) is None
    assert versions_offered(Denied(XID, rpc.RpcMismatch(2, 4))) is None


async def test_a_stream_that_times_out_by_itself_is_no_missed_deadline() -> None:
    class Dead:
        """Fails as a socket does whose peer is gone (tcp(7), TCP_USER_TIMEOUT)."""

        async def read(self) -> bytes:
            raise TimeoutError

        def write(self, data: bytes) -> None:
            del data

        def close(self) -> None:
            pass

    with pytest.raises(HungUpError):
        await Caller(Dead(), first_xid=1).call(PROGRAM, 3, 0, within_s=AMPLE_S)
