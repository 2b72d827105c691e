"""What was relayed and who was turned away: plain integers, read at scrape time.

Counters belong to a (gateway, service) pair and live as long as the daemon, so they survive
reconnects and reloads. The hot path only adds to integers: no locks, no label look-ups.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from hostnfsd.daemon.relay.lock_calls import LockCalls
from hostnfsd.daemon.relay.rpc_books import Follower, RpcBooks
from hostnfsd.services import Service
from hostnfsd.snapshot import ClientView, Refusal, RefusedView
from hostnfsd.sunrpc.tap import Tap
from hostnfsd.tunnel.work import Passed, Traffic

#: Originators remembered for ``status --clients``; the least recent is forgotten first.
_REFUSED_MOST: Final = 256


@dataclass(slots=True)
class Tally:
    """Counters of one service at one gateway."""

    connections: int = 0
    connections_total: int = 0
    bytes_to_host: int = 0
    bytes_to_client: int = 0
    revoked: int = 0
    refused: dict[Refusal, int] = field(default_factory=lambda: dict.fromkeys(Refusal, 0))


class OpenConnection(Protocol):
    """A relayed connection, as the ledger sees it."""

    def view(self) -> ClientView:
        """What ``status --clients`` shows of it."""
        ...


class Ledger:
    """All counters, all open connections of clients, and who was refused.

    Args:
        limit: how many client connections the whole daemon carries at once.

    Attributes:
        limit: the same.
        count_rpc: whether the calls of connections that begin now are counted.
        open: connections of clients.
        lock_calls: who has asked for locks.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count_rpc = True
        self.open: set[OpenConnection] = set()
        self.lock_calls = LockCalls()
        self._books: dict[tuple[str, Service], RpcBooks] = {}
        self._tallies: dict[tuple[str, Service], Tally] = {}
        self._refused: OrderedDict[tuple[str, Service, str, Refusal], RefusedView] = OrderedDict()

    @property
    def full(self) -> bool:
        """Whether no further client can be let in."""
        return len(self.open) >= self.limit

    def tally(self, gateway: str, service: Service) -> Tally:
        """The counters of one service, made at first use."""
        return self._tallies.setdefault((gateway, service), Tally())

    def books(self, gateway: str, service: Service) -> RpcBooks:
        """The calls to one service, made at first use."""
        return self._books.setdefault((gateway, service), RpcBooks(gateway, service))

    def follow(self, gateway: str, service: Service, originator: str) -> Follower:
        """What follows the calls of a connection that begins now.

        Whoever answers the connection tells it of every chunk and of both ends, calls
        :meth:`~hostnfsd.daemon.relay.rpc_books.Follower.enter` when he enters the connection here,
        and :meth:`~hostnfsd.daemon.relay.rpc_books.Follower.close` when it is over.
        """
        locks = None
        if service is Service.NLOCKMGR:
            locks = partial(self.lock_calls.note, gateway, originator)
        tap = Tap() if self.count_rpc or locks is not None else None
        return Follower(self.books(gateway, service), tap, originator=originator, locks=locks)

    def opened(self, connection: OpenConnection, tally: Tally) -> None:
        """A client is let in; it counts against the limit from now on."""
        self.open.add(connection)
        tally.connections += 1

    def closed(self, connection: OpenConnection, tally: Tally) -> None:
        """A client's connection ended."""
        self.open.discard(connection)
        tally.connections -= 1

    def refuse(
        self,
        gateway: str,
        service: Service,
        host: str,
        reason: Refusal,
        when: float,
        *,
        text: str | None = None,
    ) -> None:
        """A client was turned away at ``when`` (seconds since the epoch); ``text`` says why."""
        self.tally(gateway, service).refused[reason] += 1
        key = (gateway, service, host, reason)
        before = self._refused.pop(key, None)
        count = 1 if before is None else before.count + 1
        self._refused[key] = RefusedView(gateway, service, host, reason, count, when, text)
        if len(self._refused) > _REFUSED_MOST:
            self._refused.popitem(last=False)

    def worked(self) -> Passed:
        """What has passed between clients and nfs, of all gateways."""
        procedures: dict[str, Traffic] = {}
        compounds = 0
        for (_, service), books in self._books.items():
            if service is Service.NFS:
                compounds += books.working
                for name, entry in books.procedures.items():
                    procedures[name] = procedures.get(name, Traffic()).plus(entry.traffic)
        tallies = (t for (_, service), t in self._tallies.items() if service is Service.NFS)
        relayed = sum(t.bytes_to_host + t.bytes_to_client for t in tallies)
        return Passed(relayed, procedures, compounds)

    def clients(self) -> Iterator[ClientView]:
        """Who is connected."""
        return (connection.view() for connection in self.open)

    def turned_away(self) -> tuple[RefusedView, ...]:
        """Who was refused, the latest last."""
        return tuple(self._refused.values())
