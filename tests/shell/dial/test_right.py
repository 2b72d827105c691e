import os
import socket
from pathlib import Path

import pytest

from hostnfsd.dial import ports
from hostnfsd.dial.right import right
from tests.support.ports import free_port


def taken(port: int) -> socket.socket:
    sock = socket.socket()
    sock.bind(("0.0.0.0", port))
    sock.listen()
    return sock


def test_a_port_that_is_taken_says_nothing() -> None:
    port = free_port()
    with taken(port):
        assert right([port])
        assert right([port, free_port()])
    assert right([])


def test_whoever_lacks_the_right_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    class Refusing(socket.socket):
        bind = refuse

    monkeypatch.setattr(socket, "socket", Refusing)

    assert not right([1023, 1022])


def test_an_interface_without_ipv4_is_no_missing_right(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> socket.socket:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", none)

    assert right([1023])


def test_what_the_kernel_says_counts() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    expected = os.geteuid() == 0 or lowest <= ports.lowest("linux")

    assert right(ports.candidates(ports.lowest("linux"), 0.5)) == expected
