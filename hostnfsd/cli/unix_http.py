"""One HTTP request over a unix socket, answered with a JSON object. Quick to import."""

import http.client
import json
import socket
from pathlib import PurePath
from typing import Any, NamedTuple

from hostnfsd.machine.peers import peer_pid


class Answer(NamedTuple):
    """What the daemon said: HTTP status and document."""

    status: int
    document: dict[str, Any]


class NotOursError(Exception):
    """What answers does not speak as hostnfsd does."""


class SilentError(TimeoutError):
    """Somebody is there, and does not answer in time.

    Attributes:
        pid: who listens there; None where the system does not tell.
    """

    def __init__(self, pid: int | None) -> None:
        super().__init__("no answer in time")
        self.pid = pid


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: PurePath, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path
        self._timeout_s = timeout_s

    def connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(self._timeout_s)
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        self.sock = connection


def ask(path: PurePath, method: str, target: str, timeout_s: float) -> Answer:
    """Send one request.

    Args:
        path: the socket.
        method: ``GET`` or ``POST``.
        target: path and query.
        timeout_s: how long connecting and each part of the answer may take.

    Raises:
        SilentError: somebody is there, and does not answer in time.
        OSError: nobody answers there.
        NotOursError: the answer is no HTTP, or no JSON object.
    """
    connection = _UnixConnection(path, timeout_s)
    try:
        connection.request(method, target)
        response = connection.getresponse()
        document = json.loads(response.read())
    except ConnectionError:
        # http.client.RemoteDisconnected is one: the daemon stopped while it was asked.
        raise
    except TimeoutError as exc:
        raise SilentError(None if connection.sock is None else peer_pid(connection.sock)) from exc
    except (ValueError, http.client.HTTPException) as exc:
        raise NotOursError(str(exc) or type(exc).__name__) from exc
    finally:
        connection.close()
    if not isinstance(document, dict):
        raise NotOursError("its answer is no JSON object")
    return Answer(response.status, document)
