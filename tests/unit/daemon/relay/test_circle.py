"""hostnfsd.daemon.relay.circle: what befalls one connection spares the others."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from hostnfsd.daemon.relay.circle import Circle, end
from hostnfsd.services import Service
from hostnfsd.snapshot import ClientView


@dataclass(eq=False)
class Member:
    """A connection that notes what it is asked, and fails in some of it."""

    circle: Circle
    service: Service = Service.NFS
    fails_in: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)
    judged: bool = True

    def __post_init__(self) -> None:
        self.circle.relays.add(self)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.fails_in:
            raise RuntimeError("a bug")

    def view(self) -> ClientView:
        if "view" in self.fails_in:
            raise RuntimeError("a bug")
        return ClientView(
            gateway="dev-gw",
            service=self.service,
            host="10.9.8.7",
            port=700,
            since=time.time(),
            bytes_to_host=0,
            bytes_to_client=0,
        )

    def update_reading(self) -> None:
        self._ask("update_reading")

    def finish_when_quiet(self) -> None:
        self._ask("finish_when_quiet")

    def abort(self) -> None:
        self._ask("abort")
        self.circle.relays.discard(self)


def everything(_service: Service) -> bool:
    return True


@pytest.mark.parametrize(
    ("do", "asked"),
    [
        (lambda circle: circle.set_congested(True), "update_reading"),
        (lambda circle: circle.set_congested(False), "update_reading"),
        (lambda circle: end(circle.relays, at_once=False), "finish_when_quiet"),
    ],
    ids=["full", "drained", "drain"],
)
def test_a_bug_in_one_connection_ends_that_and_leaves_none_out(
    do: Callable[[Circle], None], asked: str
) -> None:
    circle = Circle()
    healthy = [Member(circle) for _ in range(19)]
    broken = Member(circle, fails_in=frozenset({asked}))

    with capture_logs() as logs:
        do(circle)

    assert [member.asked for member in healthy] == [[asked]] * 19
    assert broken.asked == [asked, "abort"]
    assert [(line["event"], line["callback"]) for line in logs] == [("relay_broke", asked)]
    assert circle.relays == set(healthy)


def test_one_that_cannot_even_be_aborted_keeps_no_other_alive() -> None:
    circle = Circle()
    healthy = [Member(circle) for _ in range(19)]
    Member(circle, fails_in=frozenset({"abort"}))

    with capture_logs() as logs:
        circle.abort()

    assert [member.asked for member in healthy] == [["abort"]] * 19
    assert {line["event"] for line in logs} == {"relay_broke"}


def test_one_that_cannot_tell_who_it_is_ends_and_does_not_hold_a_drain_up() -> None:
    circle = Circle()
    Member(circle, fails_in=frozenset({"view", "abort"}))

    with capture_logs():
        assert circle.of(everything) == []


def test_only_the_connections_of_a_service_end() -> None:
    circle = Circle()
    nfs, mountd = Member(circle), Member(circle, Service.MOUNTD)

    end(circle.of(lambda service: service is Service.MOUNTD), at_once=False)
    end(circle.of(lambda service: service is Service.MOUNTD), at_once=True)

    assert (nfs.asked, mountd.asked) == ([], ["finish_when_quiet", "abort"])
    assert circle.relays == {nfs}
