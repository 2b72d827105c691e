"""Which port is believed, from what rpcbind says and what answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.server.finding import Origin, Reached
from hostnfsd.server.ports import (
    Candidate,
    Known,
    candidates,
    choose,
    known_now,
    mappings,
    registered,
    settled,
)
from hostnfsd.services import Service
from hostnfsd.sunrpc.portmap import Mapping, Protocol
from hostnfsd.sunrpc.rpcbind import Binding

NFS, MOUNTD = 100003, 100005


def tcp(program: int, version: int, port: int) -> Mapping:
    return Mapping(program, version, Protocol.TCP, port)


# -- rpcbind's table -----------------------------------------------------------------------------


def test_the_table_of_a_mac() -> None:
    """rpcinfo -p of macOS: mountd has another port for UDP, which fooled a person (nfs.md 1.3)."""
    rows = [
        tcp(MOUNTD, 1, 1023),
        tcp(MOUNTD, 3, 1023),
        Mapping(MOUNTD, 3, Protocol.UDP, 685),
        tcp(NFS, 2, 2049),
        tcp(NFS, 3, 2049),
        tcp(200006, 1, 1016),
    ]

    assert registered(rows) == {
        Service.MOUNTD: (Candidate(1023, Origin.RPCBIND, (1, 3)),),
        Service.NFS: (Candidate(2049, Origin.RPCBIND, (2, 3)),),
    }


def test_the_port_of_the_version_that_clients_want_comes_first() -> None:
    rows = [tcp(MOUNTD, 1, 600), tcp(MOUNTD, 3, 700), tcp(NFS, 4, 2049), tcp(NFS, 3, 12049)]

    found = registered(rows)

    assert [c.port for c in found[Service.MOUNTD]] == [700, 600]
    assert [c.port for c in found[Service.NFS]] == [12049, 2049]


@pytest.mark.parametrize("port", [0, 65536, 2**32 - 1])
def test_what_is_no_port_is_passed_over(port: int) -> None:
    assert registered([tcp(NFS, 3, port)]) == {}


@given(st.lists(st.builds(Mapping, *[st.integers(0, 2**32 - 1)] * 4)))
def test_any_table_can_be_read(rows: list[Mapping]) -> None:
    for service, found in registered(rows).items():
        assert found
        assert len({c.port for c in found}) == len(found), service


def test_the_table_of_versions_3_and_4_says_the_same() -> None:
    rows = [
        Binding(NFS, 3, "tcp", "0.0.0.0.8.1", "0"),
        Binding(NFS, 3, "tcp6", "::.8.1", "0"),
        Binding(NFS, 4, "udp", "0.0.0.0.8.2", "0"),
        Binding(NFS, 3, "local", "/run/rpcbind.sock", "0"),
        Binding(NFS, 3, "tcp", "nonsense", "0"),
    ]

    assert mappings(rows) == (tcp(NFS, 3, 2049), Mapping(NFS, 4, Protocol.UDP, 2050))


# -- where to look -------------------------------------------------------------------------------


def test_hearsay_memory_and_custom_in_this_order() -> None:
    told = (Candidate(700, Origin.RPCBIND, (3,)),)
    known = Known(600, Origin.RPCBIND, (1, 3), seen=True)

    assert candidates(told, known, (20048,)) == (
        Candidate(700, Origin.RPCBIND, (3,)),
        Candidate(600, Origin.LAST_KNOWN, (1, 3)),
        Candidate(20048, Origin.ASSUMED),
    )


def test_a_port_is_looked_at_once_and_rpcbind_has_the_word() -> None:
    told = (Candidate(20048, Origin.RPCBIND, (3,)),)
    known = Known(20048, Origin.LAST_KNOWN, (1,), seen=True)

    assert candidates(told, known, (20048,)) == told


def test_where_it_was_never_met_is_no_memory() -> None:
    assert candidates((), Known(600, Origin.RPCBIND), (20048,)) == (
        Candidate(20048, Origin.ASSUMED),
    )


def test_what_was_only_assumed_stays_so() -> None:
    known = Known(20048, Origin.ASSUMED, (3,), seen=True)

    assert candidates((), known, (20048,)) == (Candidate(20048, Origin.ASSUMED, (3,)),)


# -- what to believe -----------------------------------------------------------------------------

HERE = Candidate(700, Origin.RPCBIND, (3,))
BEFORE = Candidate(600, Origin.LAST_KNOWN, (3,))
USUAL = Candidate(20048, Origin.ASSUMED)


@pytest.mark.parametrize(
    ("here", "before", "usual", "chosen"),
    [
        (Reached.ANSWERED, Reached.ANSWERED, Reached.ANSWERED, HERE),
        # A stale row: the server was killed, and runs elsewhere.
        (Reached.DOWN, Reached.ANSWERED, Reached.DOWN, BEFORE),
        (Reached.FOREIGN, Reached.DOWN, Reached.ANSWERED, USUAL),
        # Frozen, or closing at once as macOS does, is better than nobody.
        (Reached.SILENT, Reached.DOWN, Reached.DOWN, HERE),
        (Reached.DOWN, Reached.HUNG_UP, Reached.DOWN, BEFORE),
        # At a port that nobody named, silence may be anybody's.
        (Reached.DOWN, Reached.DOWN, Reached.SILENT, HERE),
        (Reached.FOREIGN, Reached.DOWN, Reached.HUNG_UP, BEFORE),
        # Nothing better is known: rpcbind's word.
        (Reached.DOWN, Reached.DOWN, Reached.DOWN, HERE),
        # Another program there would mislead clients more than a refusal.
        (Reached.FOREIGN, Reached.DOWN, Reached.DOWN, BEFORE),
        (Reached.FOREIGN, Reached.FOREIGN, Reached.FOREIGN, HERE),
        # It denies us, and is the service.
        (Reached.DENIED, Reached.ANSWERED, Reached.ANSWERED, HERE),
    ],
)
def test_the_best_confirmed_is_believed(
    here: Reached, before: Reached, usual: Reached, chosen: Candidate
) -> None:
    tried = [(HERE, here), (BEFORE, before), (USUAL, usual)]

    assert choose(tried)[0] is chosen


@pytest.mark.parametrize("reached", Reached)
def test_one_looks_on_unless_the_service_spoke(reached: Reached) -> None:
    assert settled(reached) == (reached in {Reached.ANSWERED, Reached.DENIED})


# -- what is known then --------------------------------------------------------------------------


def test_met_it_has_the_versions_that_rpcbind_names() -> None:
    assert known_now(HERE, Reached.ANSWERED, (), None) == Known(
        700, Origin.RPCBIND, (3,), seen=True
    )


def test_its_own_word_weighs_more_than_rpcbinds() -> None:
    assert known_now(HERE, Reached.ANSWERED, (4,), None).versions == (4,)


@pytest.mark.parametrize("reached", [Reached.DOWN, Reached.FOREIGN])
def test_a_row_alone_shows_nothing(reached: Reached) -> None:
    now = known_now(HERE, reached, (), None)

    assert (now.seen, now.versions) == (False, ())


def test_silence_where_nobody_said_so_shows_nothing() -> None:
    assert not known_now(USUAL, Reached.SILENT, (), None).seen
    assert known_now(HERE, Reached.SILENT, (), None).seen


@pytest.mark.parametrize("reached", Reached)
def test_once_seen_it_stays_seen_and_keeps_its_versions(reached: Reached) -> None:
    before = Known(600, Origin.RPCBIND, (1, 3), seen=True)
    now = known_now(USUAL, reached, (), before)

    assert (now.port, now.seen, now.versions) == (20048, True, (1, 3))
