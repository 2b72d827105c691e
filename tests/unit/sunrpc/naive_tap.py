"""A tap that is slow and plain: it looks at every byte, keeps every record whole."""

from dataclasses import dataclass, field

from hostnfsd.sunrpc.outcome import Error
from hostnfsd.sunrpc.record import FREE_FRAGMENTS, LEAST_FRAGMENT
from hostnfsd.sunrpc.scan import HEAD, Off
from hostnfsd.sunrpc.tap import Call, Reply


@dataclass
class Direction:
    """One stream, byte by byte."""

    mark: bytes = b""
    payload: bytes = b""
    announced: int = 0
    left: int = 0
    last: bool = False
    inside: bool = False
    began: float = 0.0
    pieces: list[int] = field(default_factory=list)
    opened: bool = False
    entered: bool = False


@dataclass
class NaiveTap:
    """What :class:`hostnfsd.sunrpc.tap.Tap` should say."""

    max_record: int
    max_outstanding: int
    off: Off | None = None
    overrun: bool = False
    strays: int = 0
    waiting: dict[int, tuple[int, int, int, bool, float]] = field(default_factory=dict)
    calls: Direction = field(default_factory=Direction)
    replies: Direction = field(default_factory=Direction)
    host_over: bool = False
    lost: list[tuple[int, int, int]] = field(default_factory=list)
    events: list[Call | Reply] = field(default_factory=list)

    @property
    def oldest(self) -> float | None:
        return min((call[4] for call in self.waiting.values()), default=None)

    @property
    def quiet(self) -> bool | None:
        if self.off or self.overrun:
            return None
        whole = [not (d.inside or d.mark) for d in (self.calls, self.replies)]
        return not self.waiting and all(whole)

    def feed(self, chunk: bytes, now: float, *, to_host: bool) -> list[Call | Reply]:
        self.events = []
        for value in chunk:
            if self.off is None:
                self._byte(bytes([value]), now, to_host=to_host)
        return self.events

    def stop(self, why: Off) -> None:
        if self.off is None:
            self.off = why
            self.waiting = {}

    def client_ended(self) -> None:
        if self.calls.entered:
            self.waiting.pop(self._words_of_the_open_call()[0], None)
        self.calls = Direction()

    def host_ended(self) -> None:
        self.host_over = True
        if self.waiting or self.replies.inside or self.replies.mark:
            lost = self.unanswered()
            self.stop(Off.HALF_OPEN)
            self.lost = lost

    def close(self) -> list[tuple[int, int, int]]:
        return self.lost or self.unanswered()

    def unanswered(self) -> list[tuple[int, int, int]]:
        cut = self._words_of_the_open_call()[0] if self.calls.entered else None
        return [call[:3] for xid, call in self.waiting.items() if xid != cut]

    def _words_of_the_open_call(self) -> list[int]:
        return _words(self.calls.payload)

    def _byte(self, value: bytes, now: float, *, to_host: bool) -> None:
        half = self.calls if to_host else self.replies
        if half.left:
            half.payload += value
            half.left -= 1
        else:
            self._mark(half, value, now)
        if self.off is not None or half.mark:
            return
        ended = half.last and not half.left
        if to_host and (ended or len(half.payload) >= HEAD) and not half.opened:
            half.opened = True
            self._enter(half.payload, half.began, whole=ended)
        if ended:
            if self.off is None:
                self._passed(half.payload, now, to_host=to_host)
            half.inside, half.opened, half.entered = False, False, False

    def _mark(self, half: Direction, value: bytes, now: float) -> None:
        if not half.mark and not half.inside:
            half.began, half.payload, half.announced = now, b"", 0
        half.mark += value
        if len(half.mark) == 4:
            word = int.from_bytes(half.mark, "big")
            half.mark, half.inside = b"", True
            half.last, half.left = word >> 31 == 1, word & 0x7FFFFFFF
            half.announced += half.left
            if not half.last:
                half.pieces.append(half.left)
            spare = sum(half.pieces) + FREE_FRAGMENTS * LEAST_FRAGMENT
            if half.announced > self.max_record:
                self.stop(Off.OVERSIZE)
            elif not half.last and spare < LEAST_FRAGMENT * len(half.pieces):
                self.stop(Off.GARBAGE)

    def _enter(self, record: bytes, began: float, *, whole: bool) -> None:
        words = _words(record)
        if len(record) < 20:
            self.stop(Off.GARBAGE)
        elif words[1] == 1:
            pass
        elif (whole and len(record) < 40) or words[1:3] != [0, 2]:
            self.stop(Off.GARBAGE)
        elif words[0] not in self.waiting:
            if self.host_over:
                self.stop(Off.HALF_OPEN)
            elif len(self.waiting) == self.max_outstanding:
                self.overrun = True
            else:
                xid, (program, version, procedure) = words[0], words[3:6]
                shown = words[6] != 6 and _answers_with_status(program, version, procedure)
                self.waiting[xid] = program, version, procedure, shown, began
                self.calls.entered = True

    def _passed(self, record: bytes, now: float, *, to_host: bool) -> None:
        words = _words(record)
        if to_host:
            if words[1] == 0:
                self.events.append((words[0], (words[3], words[4], words[5]), len(record)))
        elif len(record) < 20:
            self.stop(Off.GARBAGE)
        elif words[1] != 0:
            self._answered(record, words, now)

    def _answered(self, record: bytes, words: list[int], now: float) -> None:
        if words[1] != 1 or words[2] > 1:
            self.stop(Off.GARBAGE)
            return
        error, status = Error.RPC, 0
        if words[2] == 0:
            at = 5 + (words[4] + 3) // 4
            if words[4] > 400 or len(record) < 4 * at + 4:
                self.stop(Off.GARBAGE)
                return
            seen = _words(record[:HEAD])
            if at >= len(seen) or seen[at] == 0:
                status = seen[at + 1] if at + 1 < len(seen) else 0
                error = Error.STATUS if status else Error.NONE
            elif seen[at] > 5:
                self.stop(Off.GARBAGE)
                return
        if words[0] not in self.waiting:
            self.strays += 1
            return
        program, version, procedure, shown, began = self.waiting.pop(words[0])
        if error is Error.STATUS and not shown:
            error, status = Error.NONE, 0
        self.events.append(
            (words[0], (program, version, procedure), error, status, len(record), now - began)
        )


def _words(record: bytes) -> list[int]:
    whole = len(record) // 4 * 4
    return [int.from_bytes(record[at : at + 4], "big") for at in range(0, whole, 4)]


def _answers_with_status(program: int, version: int, procedure: int) -> bool:
    if program == 100005:
        return procedure == 1
    if program not in {100003, 100227} or procedure == 0:
        return False
    return (program, version, procedure) not in {(100003, 2, 3), (100003, 2, 7)}
