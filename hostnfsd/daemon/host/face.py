"""The seam between the host's services and those who dial, probe and tell of them."""

import socket
from typing import Protocol

from hostnfsd.config.model import Carried
from hostnfsd.server.finding import Denial, HostFinding, Place
from hostnfsd.services import Service


class HostServices(Protocol):
    """The host's NFS server, as the rest of the daemon sees it. One for all gateways."""

    def place(self, carried: Carried) -> Place:
        """Where a service is dialled now. Never blocks."""
        ...

    def versions(self, service: Service) -> tuple[int, ...]:
        """Versions the service has, ascending, as registered now or when last seen.

        Empty if it was never seen.
        """
        ...

    async def dial(self, carried: Carried) -> socket.socket:
        """A connected non-blocking TCP socket to the service, from the source port it wants.

        Where the place is rpcbind's word and nothing listens there, rpcbind is asked again and
        the new port dialled.

        Raises:
            OSError: refused, unreachable, reset, timed out, or no source port is left.
        """
        ...

    async def dial_plainly(self, carried: Carried) -> socket.socket:
        """The same from an ordinary source port, for a NULL when no reserved one is left.

        Every server answers that one from any port.

        Raises:
            OSError: refused, unreachable, reset, timed out.
        """
        ...

    async def probe(self, carried: Carried, timeout_s: float) -> HostFinding:
        """One RPC NULL call, dialled as clients' connections are. Never raises OSError.

        Calls for the same service that come in while one is under way share its result.
        """
        ...

    def denial(self, carried: Carried) -> Denial | None:
        """Why nfs or mountd would not let a client mount, as last tried; None if it does.

        Or if the service is another than the one that was tried: at a port of its own.
        """
        ...

    def pending(self, carried: Carried) -> bool:
        """Whether nobody knows yet what :meth:`denial` will say: nfs and mountd, for seconds.

        So at the start, and after the server was away, or moved.
        """
        ...

    def doubt(self, service: Service) -> None:
        """A client or a probe failed: ask rpcbind again, and try a mount again, at once."""
        ...
