"""A TCP service of a test's own on the host: it does what NFS servers do not.

The daemon's probes are answered, so that it is thought well.
"""

import socket
import threading
from typing import Final, Self

from tests.bed.box import Box
from tests.support.rpc_services import NULL_MARK, NULL_SIZE, null_reply

#: It stands where rquotad would: it does what NFS servers do not.
PORT: Final = 875
#: Laid over a configuration, it has the service forwarded. Probes find that it is no rquotad.
SERVICES: Final = {"services": {"rquotad": {"port": PORT, "host_port": 9875, "required": False}}}

#: Seconds: probes call at once.
_PATIENCE_S: Final = 0.2


class Server:
    """A TCP service in the host's box; ``serve`` gets each connection in a thread of its own."""

    def __init__(self, box: Box) -> None:
        self._socket = box.new_socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 9875))
        self._socket.listen(512)
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._survive, args=(connection,))
            self._connections.append(connection)
            self._threads.append(thread)
            thread.start()

    def _survive(self, connection: socket.socket) -> None:
        with connection:
            try:
                if self._is_probe(connection):
                    call = connection.recv(NULL_SIZE, socket.MSG_WAITALL)
                    connection.sendall(null_reply(call))
                else:
                    self.serve(connection)
            except OSError:
                return

    def _is_probe(self, connection: socket.socket) -> bool:
        """Whether it begins with a NULL call. Who says nothing for a while is a client."""
        connection.settimeout(_PATIENCE_S)
        try:
            return connection.recv(len(NULL_MARK), socket.MSG_PEEK) == NULL_MARK
        except TimeoutError:
            return False
        finally:
            connection.settimeout(None)

    def serve(self, connection: socket.socket) -> None:
        """Echo until the end of file, then say how much it was."""
        total = 0
        while data := connection.recv(65536):
            total += len(data)
            connection.sendall(data)
        connection.sendall(b"|%d" % total)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in (self._accepting, *self._threads):
            thread.join(10)
