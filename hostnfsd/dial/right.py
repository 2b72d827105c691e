"""Whether this process may use reserved source ports, found out without an event loop."""

import socket
from collections.abc import Iterable

from hostnfsd.dial.ports import Meaning, Step, meaning


def right(source_ports: Iterable[int]) -> bool:
    """Bind one, and give it back.

    Also true where nothing is learned: all are in use, or there is no IPv4 here.
    """
    for port in source_ports:
        try:
            with socket.socket() as sock:
                # The wildcard: macOS lets anybody bind a reserved port of it. Nothing listens.
                sock.bind(("0.0.0.0", port))  # noqa: S104  # see above
        except OSError as exc:
            match meaning(Step.BIND, exc.errno):
                case Meaning.NO_RIGHT:
                    return False
                case Meaning.FINAL:
                    return True
                case Meaning.NEXT:
                    continue
        return True
    return True
