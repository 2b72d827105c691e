"""Tells the daemon's own probes from clients that dial in at the same moment.

A probe is dialled by the gateway itself, and comes back to us like a client's connection. Two
things tell it apart: its originator is one of the gateway's addresses while a probe of that service
is outstanding, and the first record of what it says carries the probe's transaction number.

Whoever answers a connection (a relay, the virtual portmapper) asks :meth:`Recognition.look` when it
comes in. None: a client, and nothing more to do. Otherwise it keeps the :class:`Candidate` and

- enters the connection in books and cap at once unless :attr:`Candidate.presumed`,
- sets :attr:`Candidate.became_client` to what enters it (harmless when it is entered already),
- hands every chunk from the client to :meth:`Candidate.hear` until that returns something else
  than ``UNKNOWN``, and treats the bytes like any others meanwhile, but counts them only if and
  when the connection is entered,
- says :meth:`Candidate.ended` when the client sends no more or is gone, and
  :meth:`Candidate.failed` when the service cannot be reached for it.

Nobody passes the cap whose address is not known to be the gateway's. Hence a probe from an address
that the gateway did not tell, and that is not the one dialled, is counted as a client: once per
address and session, for its number tells where it came from. Services that are probed for the first
time at the same moment may each be counted so.
"""

import ipaddress
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final

from hostnfsd.services import Service

#: Bytes that tell: the record mark and the transaction number (RFC 5531 sections 9 and 11).
_TELLING: Final = 8
_MARK: Final = 4
#: Seconds in which a probe may yet come in that was given up.
LATE_S: Final = 5.0


class Who(Enum):
    """Whose connection it is."""

    UNKNOWN = "unknown"  # it has not said enough
    OURS = "ours"  # a probe: counted nowhere, for good
    CLIENT = "client"


class Expected:
    """A probe that is to come in.

    Attributes:
        service: what is probed.
        address: what the gateway was asked to dial.
        xid: the probe's transaction number.
        came_in: whether a connection has carried that number.
        arrivals: connections that have come in and may be the probe.
        error: why the service was not reached for a connection that was likely to be the probe.
        turned_away: it came in, and the gate did not know it.
    """

    def __init__(self, service: Service, address: str, xid: int) -> None:
        self.service = service
        self.address = address
        self.xid = xid
        self.came_in = False
        self.arrivals = 0
        self.error: str | None = None
        self.turned_away = False
        self.until: float | None = None

    @property
    def arrived(self) -> bool:
        """Whether it came in, or something that may be it."""
        return self.came_in or self.arrivals > 0

    def live(self, now: float) -> bool:
        """Whether it may yet come in."""
        return not self.came_in and (self.until is None or now < self.until)


class Candidate:
    """A connection that may be a probe, until its first bytes tell.

    Attributes:
        presumed: its originator is known to be one of the gateway's addresses: it passes gate and
            cap, and is entered in no book unless it turns out to be a client's. Others are entered
            at once, and only looked at: a gateway may be reached through an address that it does
            not know, or tell none at all.
        who: what is known.
        became_client: called once, when it has turned out to be a client's.
    """

    def __init__(
        self,
        recognition: "Recognition",
        service: Service,
        originator: str,
        *,
        presumed: bool,
        probes: Sequence[Expected],
    ) -> None:
        self._recognition = recognition
        self._probes = probes
        for expected in self._probes:
            expected.arrivals += 1
        self._head = b""
        self._claimed: Expected | None = None
        self.service = service
        self.originator = originator
        self.presumed = presumed
        self.who = Who.UNKNOWN
        self.became_client: Callable[[], None] = lambda: None

    def hear(self, data: bytes) -> Who:
        """The next bytes from the client, in order; whose they are."""
        if self.who is Who.UNKNOWN:
            self._head += data[: _TELLING - len(self._head)]
            if len(self._head) == _TELLING:
                xid = int.from_bytes(self._head[_MARK:], "big")
                self._claimed = self._recognition.claims(self, xid)
                self.settle(ours=self._claimed is not None)
        return self.who

    def turned_away(self) -> None:
        """It is ours, and was not let in: its address was not known for the gateway's before."""
        if self._claimed is not None:
            self._claimed.turned_away = True

    def ended(self) -> None:
        """The client sends no more, or is gone. Whoever said nothing stays unknown."""
        if self._head:
            self.settle(ours=False)
        self._recognition.forget(self)

    def failed(self, error: str) -> None:
        """The service could not be reached for it; ``error`` says why."""
        for expected in self._probes:
            expected.error = error
        self._recognition.forget(self)

    def settle(self, *, ours: bool) -> None:
        """It is known now; what was known before stays."""
        if self.who is not Who.UNKNOWN:
            return
        self.who = Who.OURS if ours else Who.CLIENT
        self._recognition.forget(self)
        # It is known now which probe it was, if any: it can be no other one.
        for expected in self._probes:
            expected.arrivals -= 1
        if not ours:
            self.became_client()


class Recognition:
    """Which connections of one session are probes.

    Args:
        owns: whether an address is one of the gateway's; None while nobody knows its addresses.
        clock: seconds, of any clock that does not go back.
    """

    def __init__(self, owns: Callable[[str], bool | None], clock: Callable[[], float]) -> None:
        self._owns = owns
        self._clock = clock
        self._expected: list[Expected] = []
        self._undecided: dict[Candidate, None] = {}
        self._learned: set[str] = set()

    def expect(self, service: Service, address: str, xid: int) -> Expected:
        """A probe starts now: the gateway will dial ``address``, the call will carry ``xid``."""
        expected = Expected(service, _as_told(address), xid)
        self._expected.append(expected)
        return expected

    def over(self, expected: Expected, *, dialled: bool = True) -> None:
        """A probe has ended; where it did not come in, it may do so late.

        Args:
            expected: the probe.
            dialled: False if the gateway has said that it did not get through to the address: then
                nothing of it can come in any more. The first word on this holds.
        """
        if expected.until is None:
            expected.until = self._clock() + (LATE_S if dialled else 0.0)
        self.sweep()

    def sweep(self) -> None:
        """Whoever can be no probe any more is a client."""
        now = self._clock()
        self._expected = [e for e in self._expected if e.until is None or e.live(now)]
        for candidate in tuple(self._undecided):
            if not self._live(candidate.service):
                candidate.settle(ours=False)

    def look(self, service: Service, originator: str) -> Candidate | None:
        """A connection has come in; None if it is a client's beyond doubt."""
        live = self._live(service)
        if not live:
            return None
        own = self._own(originator)
        presumed = own is True or any(originator == e.address for e in live)
        # Where nobody knows the gateway's addresses it may be the probe, but anybody else as well.
        probes = live if presumed or own is None else ()
        candidate = Candidate(self, service, originator, presumed=presumed, probes=probes)
        self._undecided[candidate] = None
        return candidate

    # -- what candidates ask ---------------------------------------------------------------------

    def claims(self, candidate: Candidate, xid: int) -> Expected | None:
        """The probe that a connection is which begins with ``xid``; None if it is none."""
        for expected in self._live(candidate.service):
            if expected.xid == xid:
                expected.came_in = True
                self._learned.add(candidate.originator)
                return expected
        return None

    def forget(self, candidate: Candidate) -> None:
        """There is nothing more to learn about a candidate."""
        self._undecided.pop(candidate, None)

    def _live(self, service: Service) -> list[Expected]:
        now = self._clock()
        return [e for e in self._expected if e.service is service and e.live(now)]

    def _own(self, originator: str) -> bool | None:
        """Whether a probe may come from there; None while nothing is known."""
        if originator in self._learned:
            return True
        owned = self._owns(originator)
        return False if owned is None and self._learned else owned


def _as_told(address: str) -> str:
    """An address as sshd tells it of an originator, however it is spelled; or a name."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address
