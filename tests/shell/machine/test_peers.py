"""Who listens at a unix socket, asked of the kernel."""

import os
import socket
from pathlib import Path

from hostnfsd.machine.peers import peer_pid


def test_the_listener_of_a_socket_is_known_before_it_has_accepted(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as caller:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        caller.connect(str(tmp_path / "s"))

        assert peer_pid(caller) == os.getpid()


def test_a_socket_without_a_peer_has_none() -> None:
    with socket.socket(socket.AF_UNIX) as alone:
        assert peer_pid(alone) is None
