"""What following the calls costs a relay: ``[metrics] rpc`` on against off, in turns.

    make bench WHAT=tap
    python -m tests.bench.relay_tap [ROUNDS]

One daemon on the test bed, and four connections through it: two that began when calls were
followed, and two when they were not, for no two connections are equally quick. They take turns, so
that each meets each of the other kind. The service is a plain one of this process
that answers at once, so that the relay is what is measured: READ and WRITE of 1 MiB, 4 in flight,
as kernel clients do, and small calls one at a time and 16 in flight. Of each pair of rounds the
quotient is taken, and of these the median, which is what resolves a few per cent on a machine that
does other things as well. The processor time of the daemon is told beside the time on the clock.
"""

import statistics
import struct
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from socket import socket
from typing import Final, NamedTuple

from hostnfsd.services import FACTS, Service
from hostnfsd.sunrpc import rpc
from hostnfsd.sunrpc.record import LAST_FRAGMENT
from hostnfsd.sunrpc.record import encode as mark
from hostnfsd.sunrpc.xdr import encode
from tests.bed import network, tcp_service
from tests.bed.bed import Bed
from tests.bed.daemon import Daemon

ROUNDS: Final = 48
MIB: Final = 1024 * 1024
BULK_CALLS: Final = 40
SMALL_CALLS: Final = 500
PIPELINED_CALLS: Final = 2500
_PROGRAM: Final = FACTS[Service.RQUOTAD].program
#: Procedures of the service: their calls and replies are what is sent, whatever they are called.
_GET, _BIG_REPLY = 1, 2
_SHORT: Final = 88


class Figures(NamedTuple):
    """What one round took, for each call."""

    seconds: float
    cpu_seconds: float


class Answering(tcp_service.Server):
    """Answers every call at once; procedure 2 with a MiB."""

    def serve(self, connection: socket) -> None:
        """Read calls whole, answer them by their xid."""
        big, small = bytes(MIB), bytes(_SHORT)
        stream = connection.makefile("rb", buffering=MIB)
        while head := stream.read(4):
            size = int.from_bytes(head, "big") - LAST_FRAGMENT
            record = stream.read(size)
            xid, procedure = struct.unpack_from(">I16xI", record)
            results = big if procedure == _BIG_REPLY else small
            connection.sendall(mark(encode(rpc.Accepted(xid, rpc.Success(results)))))


def call(xid: int, procedure: int, size: int) -> bytes:
    """A call with AUTH_SYS, as it goes on the stream."""
    who = rpc.AuthSys("kind-worker", 1000, 1000, (4, 20, 24)).credential()
    return mark(encode(rpc.Call(xid, _PROGRAM, 1, procedure, bytes(size), who)))


def converse(client: socket, calls: list[bytes], window: int) -> None:
    """Send the calls, ``window`` of them unanswered at a time; read every reply whole."""
    stream = client.makefile("rb", buffering=MIB)
    for one in calls[:window]:
        client.sendall(one)
    for number in range(len(calls)):
        size = int.from_bytes(stream.read(4), "big") - LAST_FRAGMENT
        reply = stream.read(size)
        assert len(reply) == size
        if number + window < len(calls):
            client.sendall(calls[number + window])


_KINDS: Final[dict[str, tuple[int, int, int, int]]] = {
    # calls, procedure, size of the arguments, window
    "read 1 MiB, 4 in flight": (BULK_CALLS, _BIG_REPLY, 36, 4),
    "write 1 MiB, 4 in flight": (BULK_CALLS, _GET, MIB, 4),
    "small calls, one at a time": (SMALL_CALLS, _GET, 36, 1),
    "small calls, 16 in flight": (PIPELINED_CALLS, _GET, 36, 16),
}


def cpu_seconds(pid: int) -> float:
    """Processor time that the thread of a process has used which runs its event loop."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def once(client: socket, pid: int, kind: str) -> Figures:
    """One round."""
    count, procedure, size, window = _KINDS[kind]
    calls = [call(xid, procedure, size) for xid in range(count)]
    before, started = cpu_seconds(pid), time.perf_counter()
    converse(client, calls, window)
    seconds = time.perf_counter() - started
    return Figures(seconds / count, (cpu_seconds(pid) - before) / count)


def connected(bed: Bed, daemon: Daemon, *, on: bool) -> socket:
    """A connection through the daemon that has its calls followed, or not."""
    daemon.change(metrics={"rpc": on})
    daemon.command("reload", check=True)
    client = bed.network.pod.connect(network.GATEWAY, tcp_service.PORT, timeout_s=60)
    converse(client, [call(1, _GET, 36)], 1)
    return client


def measure(rounds: int) -> None:
    """Print the table."""
    found: dict[tuple[str, bool], list[Figures]] = {}
    with ExitStack() as stack:
        bed = stack.enter_context(Bed())
        stack.enter_context(Answering(bed.network.host))
        daemon = bed.daemon(tcp_service.SERVICES)
        daemon.await_ready()
        clients: dict[bool, list[socket]] = {False: [], True: []}
        for on in (True, False, False, True):
            client = stack.enter_context(connected(bed, daemon, on=on))
            clients[on].append(client)
        pid = daemon.process.pid.number
        for kind in _KINDS:
            for number in range(rounds):
                for on in (False, True) if number % 2 else (True, False):
                    client = clients[on][number // (2 if on else 4) % 2]
                    found.setdefault((kind, on), []).append(once(client, pid, kind))
        counted = daemon.metric("hostnfsd_rpc_calls_total", service="rquotad")
        assert counted == 2 + rounds * sum(calls for calls, *_ in _KINDS.values())
        for client in (*clients[False], *clients[True]):
            client.close()
        daemon.terminate()
    print(f"Following calls against not following them, {rounds} rounds of each in turns")
    print(f"  {'':28} {'off':>9} {'on':>9}   median of quotients (processor time)")
    for kind in _KINDS:
        off, on_ = found[kind, False], found[kind, True]
        print(
            f"  {kind:28} {_us(off):7.0f}us {_us(on_):7.0f}us   "
            f"{_more(off, on_, lambda f: f.seconds):+6.1%}  "
            f"({_more(off, on_, lambda f: f.cpu_seconds):+6.1%})",
            flush=True,
        )


def _us(figures: list[Figures]) -> float:
    return statistics.median(f.seconds for f in figures) * 1e6


def _more(off: list[Figures], on: list[Figures], which: Callable[[Figures], float]) -> float:
    pairs = zip(off, on, strict=True)
    return statistics.median(which(b) / which(a) for a, b in pairs if which(a)) - 1


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
