"""What clients do to the relay: many at once, half-close, never read, hammer."""

import os
import socket
from contextlib import ExitStack
from typing import Final

from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.tcp_service import PORT, SERVICES, Server

MEBIBYTE: Final = 1024 * 1024


class Source(Server):
    """Sends for ever to whoever connects."""

    def serve(self, connection: socket.socket) -> None:
        """Send until the client is gone."""
        block = bytes(MEBIBYTE)
        while True:
            connection.sendall(block)


def test_half_close_lets_the_answer_come_late(bed: Bed) -> None:
    with Server(bed.network.host):
        daemon = bed.daemon(SERVICES)
        daemon.await_ready()

        with bed.network.pod.connect(network.GATEWAY, PORT) as client:
            client.sendall(b"ping")
            assert client.recv(4) == b"ping"
            client.shutdown(socket.SHUT_WR)
            assert client.recv(16) == b"|4"
            assert client.recv(16) == b""

        assert daemon.terminate() == 0


def test_two_hundred_connections_at_once(bed: Bed) -> None:
    with Server(bed.network.host), ExitStack() as stack:
        daemon = bed.daemon(SERVICES)
        daemon.await_ready()
        before = daemon.descriptors()

        # One after the other: sshd listens with a backlog of 128, and what overflows it waits for
        # the kernel's retransmissions.
        clients = [stack.enter_context(greeted(bed)) for _ in range(200)]
        payloads = [os.urandom(32 * 1024) for _ in clients]
        for client, payload in zip(clients, payloads, strict=True):
            client.sendall(payload)
        for client, payload in zip(clients, payloads, strict=True):
            assert read_exactly(client, len(payload)) == payload
        assert daemon.metric("hostnfsd_connections", service="rquotad") == 200
        for client in clients:
            client.close()

        daemon.wait_until(
            lambda: daemon.metric("hostnfsd_connections", service="rquotad") == 0, "all to be gone"
        )
        daemon.wait_until(
            lambda: daemon.descriptors() <= before + 2, "descriptors to be given back"
        )
        total = daemon.metric("hostnfsd_connections_total", service="rquotad")
        assert total == 200
        moved = daemon.metric(
            "hostnfsd_relayed_bytes_total", service="rquotad", direction="to_host"
        )
        assert moved == 200 * (32 * 1024 + 1)
        assert daemon.terminate() == 0


def test_client_that_never_reads_costs_neither_memory_nor_its_neighbour(bed: Bed) -> None:
    with Source(bed.network.host), ExitStack() as stack:
        daemon = bed.daemon(SERVICES)
        daemon.await_ready()
        reader = stack.enter_context(bed.network.pod.connect(network.GATEWAY, PORT))
        assert len(read_exactly(reader, 32 * MEBIBYTE)) == 32 * MEBIBYTE
        before = daemon.memory_bytes()

        stalled = [
            stack.enter_context(bed.network.pod.connect(network.GATEWAY, PORT)) for _ in range(4)
        ]
        assert len(stalled) == 4
        # Far more goes to the reader than could be buffered for the stalled ones.
        assert len(read_exactly(reader, 256 * MEBIBYTE)) == 256 * MEBIBYTE

        grown = daemon.memory_bytes() - before
        # A channel's window of 2 MiB and one read of the socket, for each that is stalled.
        assert grown < 4 * 4 * MEBIBYTE + 8 * MEBIBYTE, f"{grown / MEBIBYTE:.1f} MiB"
        assert daemon.terminate(timeout_s=30) == 0


def test_connections_beyond_the_limit_are_turned_away_and_counted(bed: Bed) -> None:
    with Server(bed.network.host), ExitStack() as stack:
        daemon = bed.daemon({**SERVICES, "access": {"max_connections": 3}})
        daemon.await_ready()
        for _ in range(3):
            stack.enter_context(greeted(bed))

        extra = stack.enter_context(bed.network.pod.connect(network.GATEWAY, PORT))
        extra.settimeout(5)
        assert closed(extra)

        assert daemon.metric("hostnfsd_connections_refused_total", reason="limit") == 1
        assert daemon.metric("hostnfsd_connections_limit") == 3
        assert daemon.ready()
        listed = daemon.command("status", "--clients").output
        assert network.POD in listed
        assert daemon.terminate() == 0


def greeted(bed: Bed) -> socket.socket:
    """A connection through which a byte has gone there and back."""
    client = bed.network.pod.connect(network.GATEWAY, PORT)
    client.sendall(b"x")
    assert client.recv(1) == b"x"
    return client


def read_exactly(client: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        data = client.recv(min(MEBIBYTE, size - len(parts)))
        assert data, f"ended after {len(parts)} of {size} bytes"
        parts += data
    return bytes(parts)


def closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
