"""A service that fails is asked for less and less often."""

from hostnfsd.server.doubts import Doubts
from hostnfsd.services import Service

NFS, RQUOTAD = Service.NFS, Service.RQUOTAD


def asked(doubts: Doubts, service: Service, until: int, *, needed: bool) -> list[int]:
    """The seconds at which it is asked for, by somebody who fails each second."""
    return [now for now in range(until) if doubts.due(service, float(now), needed=needed)]


def test_what_is_missed_is_asked_for_less_and_less_then_left_alone() -> None:
    times = asked(Doubts(), NFS, 3600, needed=True)

    assert times[:7] == [0, 1, 3, 7, 12, 17, 22]
    assert times[-1] < 300


def test_what_nobody_misses_is_asked_for_once() -> None:
    assert asked(Doubts(), RQUOTAD, 3600, needed=False) == [0]


def test_a_change_begins_it_anew() -> None:
    doubts = Doubts()
    assert asked(doubts, NFS, 3, needed=True) == [0, 1]
    doubts.over(NFS)
    assert asked(doubts, NFS, 3, needed=True) == [0, 1]
    doubts.all_over()
    assert asked(doubts, NFS, 3, needed=True) == [0, 1]
    doubts.over(RQUOTAD)


def test_services_are_apart() -> None:
    doubts = Doubts()
    assert doubts.due(NFS, 0.0, needed=True)
    assert doubts.due(RQUOTAD, 0.0, needed=True)
    assert not doubts.due(NFS, 0.5, needed=True)
