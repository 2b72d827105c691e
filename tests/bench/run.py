"""Measures hostnfsd against what people use instead, interleaved, in one run, on the test bed.

    make bench                            # all of it, some minutes, on a machine that is idle
    make bench WHAT=footprint             # one of: recovery transfer footprint tap states probes

- recovery: kill -9 of sshd's session process, once a second, until the NFS port answers a client
  again; the peer is autossh with ssh's own keepalive, as its manual advises.
- reading and writing 128 MiB by a real kernel client; the peers are ``ssh -N -R`` as people run it
  and ``ssh -R`` with a session open, which has TCP_NODELAY.
- what following the calls of clients costs: see relay_tap.py.
- how soon each fault is told, see states.py; what probes cost, see probes.py.
- the daemon's memory, idle and with 200 connections, and how long commands take to start.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Final

from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.daemon import Daemon
from tests.bed.nfs_server import EXPORT
from tests.bed.process import Process
from tests.bed.waiting import wait_until
from tests.bench import probes as probing
from tests.bench import relay_tap
from tests.bench import states as faults

KILLS: Final = 20
ROUNDS: Final = 3
SIZE_MIB: Final = 128
PORTS: Final = (2049, 20048)
#: As ``hostnfsd mount --for linux`` prints them: the peers forward no rpcbind to ask.
OPTIONS: Final = "vers=3,proto=tcp,port=2049,mountproto=tcp,mountport=20048,nolock,hard"


def main(wanted: list[str]) -> None:
    """Run the measurements that are wanted, or all, and print a table of each."""
    for measure in (recovery, transfer, footprint, tap, states, probes):
        if not wanted or measure.__name__ in wanted:
            measure()


# -- recovery ----------------------------------------------------------------------------------


def recovery() -> None:
    """Print how long clients are refused after each kill."""
    print(f"Seconds from kill -9 of the session process to serving again, {KILLS} kills 1 s apart")
    with Bed() as bed, hostnfsd(bed):
        show("hostnfsd", [outage(bed, give_up_s=60) for _ in range(KILLS)])
    with Bed() as bed, autossh(bed):
        show("autossh", [outage(bed, give_up_s=60) for _ in range(9)], "9 kills; 60 s at most each")


def outage(bed: Bed, *, give_up_s: float) -> float:
    """Kill the session; seconds until a client reaches the NFS server through the gateway."""
    wait_until(bed.gateway.sessions, "a session")
    started = time.monotonic()
    bed.gateway.kill_sessions()
    while not answers(bed):
        if time.monotonic() - started > give_up_s:
            break
    seconds = time.monotonic() - started
    wait_until(lambda: answers(bed), "the service", timeout_s=700)
    time.sleep(1)
    return seconds


#: NFS v3 NULL, RFC 5531 section 9: record mark; xid, CALL, RPC 2, 100003, 3, 0; no credentials.
NULL: Final = bytes.fromhex(
    "80000028 00000001 00000000 00000002 000186a3 00000003 00000000"
    "00000000 00000000 00000000 00000000"
)


def answers(bed: Bed) -> bool:
    """Whether an NFS NULL call that enters at the gateway is answered."""
    try:
        with bed.network.pod.connect(network.GATEWAY, 2049, timeout_s=2) as client:
            client.sendall(NULL)
            return len(client.recv(28)) > 0
    except OSError:
        return False


# -- transfer ----------------------------------------------------------------------------------


def transfer() -> None:
    """Print what a kernel client reads and writes through each tunnel."""
    tunnels: dict[str, Callable[[Bed], AbstractContextManager[object]]] = {
        "hostnfsd": hostnfsd,
        "ssh -N -R": lambda bed: plain(bed, session=False),
        "ssh -R, session open": lambda bed: plain(bed, session=True),
    }
    read: dict[str, list[float]] = {name: [] for name in tunnels}
    written: dict[str, list[float]] = {name: [] for name in tunnels}
    with Bed() as bed:
        subprocess.run(
            ["dd", "if=/dev/urandom", f"of={bed.share}/data", "bs=1M", f"count={SIZE_MIB}"],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(ROUNDS):
            for name, tunnel in tunnels.items():
                with tunnel(bed):
                    one_read, one_write = kernel_copies(bed)
                read[name].append(one_read)
                written[name].append(one_write)
    print(f"\nA kernel client reads {SIZE_MIB} MiB, MiB/s, {ROUNDS} rounds interleaved")
    for name, speeds in read.items():
        show(name, speeds)
    print(f"\nA kernel client writes {SIZE_MIB} MiB, MiB/s")
    for name, speeds in written.items():
        show(name, speeds)


def kernel_copies(bed: Bed) -> tuple[float, float]:
    """Mount, read, write, unmount; MiB/s read and written."""
    bed.kernel.mount(f"{network.GATEWAY_NAME}:{EXPORT}", OPTIONS)
    try:
        bed.kernel.run("echo 3 > /proc/sys/vm/drop_caches")
        started = time.monotonic()
        bed.kernel.run("dd if=/mnt/nfs/data of=/dev/null bs=1M", timeout_s=300)
        read = SIZE_MIB / (time.monotonic() - started)
        started = time.monotonic()
        bed.kernel.run(
            f"dd if=/dev/zero of=/mnt/nfs/back bs=1M count={SIZE_MIB} conv=fsync", timeout_s=300
        )
        return read, SIZE_MIB / (time.monotonic() - started)
    finally:
        bed.kernel.unmount()


# -- footprint ---------------------------------------------------------------------------------


def footprint() -> None:
    """Print the daemon's memory and what commands take to start."""
    print("\nResident memory of the daemon, MiB")
    with Bed() as bed, ExitStack() as stack:
        daemon = stack.enter_context(hostnfsd(bed))
        show("idle", [daemon.memory_bytes() / 2**20])
        for _ in range(200):
            client = stack.enter_context(bed.network.pod.connect(network.GATEWAY, 2049))
            client.sendall(NULL)
            assert client.recv(28)
        show("200 connections", [daemon.memory_bytes() / 2**20])
        print("\nSeconds until a command has ended")
        configuration = str(daemon.config_file)
        for words in (["--version"], ["check"], ["status"]):
            command = [sys.executable, "-m", "hostnfsd", "--config", configuration, *words]
            show(" ".join(words), [timed(bed, command) for _ in range(7)])
    with Bed() as bed:
        started = time.monotonic()
        with hostnfsd(bed):
            show("run, until serving", [time.monotonic() - started])


def timed(bed: Bed, command: list[str]) -> float:
    """Seconds a command takes in the host's box, what entering it takes left out."""
    entering = bed.network.host.enter()
    runs = []
    for argv in ([*entering, "true"], [*entering, *command]):
        started = time.monotonic()
        subprocess.run(argv, check=False, capture_output=True)
        runs.append(time.monotonic() - started)
    return runs[1] - runs[0]


# -- tap ---------------------------------------------------------------------------------------


def tap() -> None:
    """Print what following the calls costs."""
    print()
    relay_tap.measure(relay_tap.ROUNDS)


# -- states and probes -------------------------------------------------------------------------


def states() -> None:
    """Print how soon each fault is told."""
    print(f"\n{faults.table(faults.measure())}")


def probes() -> None:
    """Print what probes cost."""
    print()
    probing.measure(probing.SECONDS)


# -- tunnels -----------------------------------------------------------------------------------


@contextmanager
def hostnfsd(bed: Bed) -> Iterator[Daemon]:
    """The daemon, serving."""
    daemon = bed.daemon({"log": {"level": "info"}})
    daemon.await_ready()
    yield daemon
    daemon.terminate()


@contextmanager
def plain(bed: Bed, *, session: bool) -> Iterator[Process]:
    """Ssh by hand."""
    process = bed.plain_ssh(*PORTS, session=session)
    yield process
    process.stop()


@contextmanager
def autossh(bed: Bed) -> Iterator[Process]:
    """The usual keeper of tunnels, without its monitoring port, as its manual advises."""
    host, port = bed.ssh_address
    forwards = [word for one in PORTS for word in ("-R", f"{one}:127.0.0.1:{one}")]
    options = {
        "UserKnownHostsFile": bed.known_hosts,
        "GlobalKnownHostsFile": "/dev/null",
        "ExitOnForwardFailure": "yes",
        "ServerAliveInterval": "3",
        "ServerAliveCountMax": "2",
        "BatchMode": "yes",
    }
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    process = bed.network.host.start(
        "autossh",
        *("autossh", "-M", "0", "-F", "none", "-N", "-i", str(bed.key), "-p", str(port)),
        *(*words, *forwards, f"{bed.options.user}@{host}"),
        env={"AUTOSSH_GATETIME": "0"},
    )
    wait_until(lambda: answers(bed), "autossh to forward")
    yield process
    process.stop()


def show(name: str, values: list[float], remark: str = "") -> None:
    """One row: median, worst, all."""
    every = " ".join(f"{value:.2f}" for value in values) if len(values) > 1 else ""
    row = f"  {name:22} median {statistics.median(values):8.2f}"
    row += f"  min {min(values):8.2f}  max {max(values):8.2f}  {every}"
    print(f"{row}  {remark}".rstrip(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
