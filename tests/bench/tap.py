"""What the tap costs the relay, in nanoseconds. No network: chunks as the relay gets them.

    python -m tests.bench.tap

The peer is the relay's own work for a chunk, counting it: a method call and two additions.
"""

import statistics
import time
from collections.abc import Callable
from typing import Final

from hostnfsd.sunrpc import nfs, rpc
from hostnfsd.sunrpc.record import encode as mark
from hostnfsd.sunrpc.tap import Tap
from hostnfsd.sunrpc.xdr import encode

ROUNDS: Final = 7
CHUNK: Final = 64 * 1024
PAYLOAD: Final = 1024 * 1024
_WHO: Final = rpc.AuthSys("kind-worker", 1000, 1000, (4, 20, 24)).credential()


class Counting:
    """Counts bytes as the relay does."""

    def __init__(self) -> None:
        self.relay = 0
        self.service = 0

    def moved(self, size: int) -> None:
        """A chunk has passed."""
        self.relay += size
        self.service += size


def call(xid: int, procedure: int, size: int = 36) -> bytes:
    """A call of NFS version 3 with AUTH_SYS."""
    return mark(encode(rpc.Call(xid, nfs.PROGRAM, 3, procedure, bytes(size), _WHO)))


def reply(xid: int, size: int = 88) -> bytes:
    """A reply with status OK and that many bytes of results."""
    return mark(encode(rpc.Accepted(xid, rpc.Success(bytes(size)))))


def best(work: Callable[[], int]) -> float:
    """Nanoseconds for one of what ``work`` does; ``work`` tells how many it did."""
    figures = []
    for _ in range(ROUNDS):
        started = time.perf_counter_ns()
        count = work()
        figures.append((time.perf_counter_ns() - started) / count)
    return statistics.median(figures)


def small_calls(batch: int) -> Callable[[], int]:
    """GETATTR and its reply; ``batch`` of them in each chunk."""
    total = 20_000
    xids = [range(start, start + batch) for start in range(0, total, batch)]
    calls = [b"".join(call(xid, 1) for xid in some) for some in xids]
    replies = [b"".join(reply(xid) for xid in some) for some in xids]

    def work() -> int:
        tap = Tap()
        now = 0.0
        for asked, answered in zip(calls, replies, strict=True):
            tap.to_host(asked, now)
            tap.to_client(answered, now)
            now += 0.001
        assert tap.quiet
        return total

    return work


def bulk(chunk: int, *, write: bool) -> Callable[[], int]:
    """READ or WRITE of 1 MiB, cut into chunks; per chunk."""
    xids = range(64)
    asked = b"".join(call(xid, 7, PAYLOAD) if write else call(xid, 6) for xid in xids)
    answered = b"".join(reply(xid) if write else reply(xid, PAYLOAD) for xid in xids)
    stream = asked if write else answered
    view = memoryview(stream)
    chunks = [bytes(view[at : at + chunk]) for at in range(0, len(stream), chunk)]

    def work() -> int:
        tap = Tap()
        if not write:
            tap.to_host(asked, 0)
        feed = tap.to_host if write else tap.to_client
        for one in chunks:
            feed(one, 0)
        if write:
            tap.to_client(answered, 0)
        assert tap.quiet
        return len(chunks)

    return work


def counting() -> int:
    """The relay's own counting, per chunk."""
    moved = Counting().moved
    chunk = bytes(CHUNK)
    for _ in range(100_000):
        moved(len(chunk))
    return 100_000


def tap_inside_a_record() -> int:
    """Chunks wholly inside one record."""
    tap = Tap(max_record=1 << 31)
    tap.to_host(call(1, 7, 64)[:80].replace(b"\x80\0\0", b"\xff\xff\xff", 1), 0)
    chunk = bytes(1000)
    for _ in range(100_000):
        tap.to_host(chunk, 0)
    assert tap.off is None
    return 100_000


def main() -> None:
    """Print the table."""
    for name, work in (
        ("counting a chunk, as the relay does", counting),
        ("chunk inside a record", tap_inside_a_record),
        ("64 KiB chunk of READ replies of 1 MiB", bulk(CHUNK, write=False)),
        ("64 KiB chunk of WRITE calls of 1 MiB", bulk(CHUNK, write=True)),
        ("16 KiB chunk of READ replies of 1 MiB", bulk(16 * 1024, write=False)),
        ("GETATTR and reply, one a chunk", small_calls(1)),
        ("GETATTR and reply, 16 a chunk", small_calls(16)),
    ):
        print(f"{name:40} {best(work):8.0f} ns")


if __name__ == "__main__":
    main()
