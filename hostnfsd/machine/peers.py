"""Who is at the other end of a unix socket."""

import socket
import struct
import sys
from typing import Final

#: macOS <sys/un.h>; Python names neither. Not run on a Mac.
_SOL_LOCAL: Final = 0
_LOCAL_PEERPID: Final = 2
_CREDENTIALS: Final = "3i"  # struct ucred of unix(7): pid, uid, gid


def peer_pid(connection: socket.socket) -> int | None:
    """The process at the other end of a connected socket; of a listener, who made it listen.

    None where the system does not tell, or where it is of another pid namespace.
    """
    try:
        if sys.platform == "darwin":
            return connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID) or None
        size = struct.calcsize(_CREDENTIALS)
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    except (AttributeError, OSError):
        return None
    pid: int = struct.unpack(_CREDENTIALS, told)[0]
    return pid or None
