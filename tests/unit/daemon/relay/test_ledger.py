"""Counters that only count, and a memory of the refused that stays small."""

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hostnfsd.daemon.relay.ledger import Ledger
from hostnfsd.services import FACTS, Service
from hostnfsd.snapshot import ClientView, Refusal, RefusedView
from hostnfsd.sunrpc import rpc
from hostnfsd.sunrpc.record import encode as mark
from hostnfsd.sunrpc.xdr import encode
from hostnfsd.tunnel.work import Passed, Traffic


class Connection:
    def __init__(self, port: int) -> None:
        self.port = port

    def view(self) -> ClientView:
        return ClientView("gw", Service.NFS, "10.0.0.1", self.port, 0.0, 1, 2)


def test_a_client_counts_while_it_is_connected() -> None:
    ledger, client = Ledger(limit=2), Connection(700)
    tally = ledger.tally("gw", Service.NFS)
    ledger.opened(client, tally)

    assert (tally.connections, [c.port for c in ledger.clients()]) == (1, [700])
    ledger.closed(client, tally)
    assert (tally.connections, list(ledger.clients())) == (0, [])


def test_it_is_full_at_its_limit() -> None:
    ledger = Ledger(limit=2)
    tally = ledger.tally("gw", Service.NFS)
    clients = [Connection(n) for n in (1, 2)]
    assert not ledger.full
    for client in clients:
        ledger.opened(client, tally)
    assert ledger.full
    ledger.closed(clients[0], tally)
    assert not ledger.full


def test_a_lower_limit_counts_at_once() -> None:
    ledger = Ledger(limit=2)
    ledger.opened(Connection(1), ledger.tally("gw", Service.NFS))
    ledger.limit = 1

    assert ledger.full


def test_counters_belong_to_a_gateway_and_a_service() -> None:
    ledger = Ledger(limit=1)
    ledger.tally("a", Service.NFS).bytes_to_host += 5

    assert ledger.tally("a", Service.NFS).bytes_to_host == 5
    assert ledger.tally("b", Service.NFS).bytes_to_host == 0
    assert ledger.tally("a", Service.MOUNTD).bytes_to_host == 0


def test_every_reason_is_counted_from_zero() -> None:
    assert Ledger(1).tally("gw", Service.NFS).refused == dict.fromkeys(Refusal, 0)


def test_who_was_refused_is_remembered_the_latest_last() -> None:
    ledger = Ledger(1)
    for host, when in (("10.0.0.1", 1.0), ("10.0.0.2", 2.0), ("10.0.0.1", 3.0)):
        ledger.refuse("gw", Service.NFS, host, Refusal.LIMIT, when)

    assert ledger.turned_away() == (
        RefusedView("gw", Service.NFS, "10.0.0.2", Refusal.LIMIT, 1, 2.0),
        RefusedView("gw", Service.NFS, "10.0.0.1", Refusal.LIMIT, 2, 3.0),
    )
    assert ledger.tally("gw", Service.NFS).refused[Refusal.LIMIT] == 3


def test_a_flood_of_originators_takes_no_memory() -> None:
    ledger = Ledger(1)
    for n in range(10_000):
        ledger.refuse("gw", Service.NFS, f"10.0.{n >> 8}.{n & 255}", Refusal.LIMIT, float(n))

    remembered = ledger.turned_away()
    assert len(remembered) == 256
    assert [view.last for view in remembered] == [float(n) for n in range(9744, 10_000)]
    assert ledger.tally("gw", Service.NFS).refused[Refusal.LIMIT] == 10_000


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from("xyz"), st.sampled_from(Refusal))
    )
)
def test_the_counters_sum_up_what_is_remembered(
    refusals: list[tuple[str, str, Refusal]],
) -> None:
    ledger = Ledger(1)
    for when, (gateway, host, reason) in enumerate(refusals):
        ledger.refuse(gateway, Service.NFS, host, reason, float(when))

    for gateway in ("a", "b"):
        for reason, count in ledger.tally(gateway, Service.NFS).refused.items():
            assert count == sum(
                view.count
                for view in ledger.turned_away()
                if (view.gateway, view.reason) == (gateway, reason)
            )


def test_calls_are_counted_of_a_gateway_and_service() -> None:
    ledger = Ledger(limit=2)
    follower = ledger.follow("gw", Service.NFS, "10.0.0.1")
    follower.enter()

    assert follower.on
    assert ledger.books("gw", Service.NFS).following == {follower}
    assert not ledger.books("other", Service.NFS).following


def test_without_counting_only_calls_for_locks_are_followed() -> None:
    ledger = Ledger(limit=2)
    ledger.count_rpc = False

    assert {s for s in Service if ledger.follow("gw", s, "10.0.0.1").on} == {Service.NLOCKMGR}


def test_whoever_asks_for_a_lock_is_told_of() -> None:
    ledger = Ledger(limit=2)
    lock = mark(encode(rpc.Call(1, FACTS[Service.NLOCKMGR].program, 4, 2)))
    with capture_logs() as logs:
        for _ in range(2):
            follower = ledger.follow("gw", Service.NLOCKMGR, "10.0.0.1")
            follower.enter()
            follower.to_host(lock, 0)

    assert [(line["event"], line["originator"]) for line in logs] == [("nlm_calls", "10.0.0.1")]


def test_what_passed_to_and_from_nfs_is_told_of_all_gateways_together() -> None:
    ledger = Ledger(limit=1)
    read = (FACTS[Service.NFS].program, 3, 6)
    call = mark(encode(rpc.Call(7, *read, bytes(100))))
    reply = mark(encode(rpc.Accepted(7, rpc.Success(bytes(4)))))
    for gateway in ("a", "b"):
        follower = ledger.follow(gateway, Service.NFS, "10.0.0.1")
        follower.enter()
        follower.to_host(call, 1.0)
        follower.to_client(reply, 2.0)
        ledger.tally(gateway, Service.NFS).bytes_to_host += len(call)
        ledger.tally(gateway, Service.NFS).bytes_to_client += len(reply)
    ledger.tally("a", Service.MOUNTD).bytes_to_host += 1000

    passed = ledger.worked()

    assert passed.bytes == 2 * (len(call) + len(reply))
    # Without the four bytes of each record mark (RFC 5531 section 11).
    sizes = (2 * (len(call) - 4), 2 * (len(reply) - 4))
    assert passed.procedures == {"read": Traffic(2, 2, *sizes)}


def test_what_is_no_clients_does_not_count_as_passed() -> None:
    ledger = Ledger(limit=1)
    probe = ledger.follow("gw", Service.NFS, "10.0.0.1")
    probe.to_host(mark(encode(rpc.Call(7, FACTS[Service.NFS].program, 3, 6, bytes(100)))), 1.0)

    assert ledger.worked() == Passed()


def test_compounds_that_somebody_works_at_count_of_clients_only() -> None:
    ledger = Ledger(limit=1)
    # Version 4, one operation without a file: READ (25).
    arguments = bytes(8) + (1).to_bytes(4, "big") + (25).to_bytes(4, "big") + bytes(28)
    nfs = FACTS[Service.NFS].program
    calls = [mark(encode(rpc.Call(xid, nfs, 4, 1, arguments))) for xid in range(3)]
    follower = ledger.follow("gw", Service.NFS, "10.0.0.1")
    follower.to_host(calls[0], 1.0)
    assert ledger.worked().compounds == 0
    follower.enter()
    follower.to_host(calls[1], 1.0)
    follower.to_host(calls[2], 1.0)

    # The one that came before it was known for a client's is as good as the others.
    assert ledger.worked().compounds == 3
