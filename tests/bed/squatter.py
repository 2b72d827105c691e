"""Somebody else's process that holds a port of the gateway."""

from typing import Final, Self

from tests.bed.box import Box
from tests.bed.process import Process
from tests.bed.waiting import wait_until

# Arguments: user id, then address and port of each listener.
_PROGRAM: Final = """
import os, signal, socket, sys
held = []
for address, port in zip(sys.argv[2::2], sys.argv[3::2]):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((address, int(port)))
    listener.listen()
    held.append(listener)
os.setuid(int(sys.argv[1]))
signal.pause()
"""


class Squatter:
    """Listens at ``port`` of a box until :meth:`release`. Also a context manager.

    It accepts nothing: whoever connects meets the kernel's backlog.
    """

    def __init__(
        self, box: Box, port: int, *addresses: str, uid: int = 0, python: str = "/usr/bin/python3"
    ) -> None:
        """Args:
        box: where.
        port: which.
        addresses: ``0.0.0.0`` if none is given; ``::`` means IPv6 alone.
        uid: who holds it.
        python: an interpreter that the box has.
        """
        at = addresses or ("0.0.0.0",)
        pairs = [word for address in at for word in (address, str(port))]
        self._process: Process = box.start(
            f"squatter-{port}", python, "-c", _PROGRAM, str(uid), *pairs
        )
        wanted = {(address, port) for address in at}
        wait_until(
            lambda: wanted <= box.listening() or not self._process.running,
            f"the squatter to hold port {port}",
        )
        assert self._process.running, self._process.tail()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the port back. Can be called again."""
        if self._process.running:
            self._process.kill()
