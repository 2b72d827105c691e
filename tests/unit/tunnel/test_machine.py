"""Any sequence of lawful events keeps the machine's promises; an unlawful one is a bug, said so."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.snapshot import FailureKind, Phase
from hostnfsd.tunnel import machine
from hostnfsd.tunnel.backoff import AUTH_FLOOR_S, BLOCKED_RETRY_S, Limits
from hostnfsd.tunnel.failure import NEEDS_A_PERSON, Failure
from hostnfsd.tunnel.machine import (
    ON_ENTRY,
    TRANSITIONS,
    Bound,
    Closed,
    Command,
    Connected,
    Event,
    Failed,
    Hasten,
    IllegalTransitionError,
    Lost,
    NetworkChanged,
    Policy,
    Redial,
    Refused,
    Start,
    Stop,
    Tunnel,
    WakeUp,
    Woke,
    step,
)

EVENTS: tuple[type[Event], ...] = Event.__args__
POLICY = Policy(Limits(min_s=0.2, max_s=30.0), steady_after_s=60.0)
NEARLY_ONE = 1 - 2**-53
WAITING = {Phase.BACKOFF, Phase.BLOCKED}

retryable = st.sampled_from(sorted(set(FailureKind) - NEEDS_A_PERSON))
for_a_person = st.sampled_from(sorted(NEEDS_A_PERSON))
chances = st.one_of(st.just(0.0), st.just(NEARLY_ONE), st.floats(0, 1, exclude_max=True))


def failure(kind: FailureKind) -> Failure:
    return Failure(kind, f"it was {kind}")


def make(event: type[Event], kind: FailureKind) -> Event:
    if event is Failed or event is Refused or event is Lost:
        return event(failure(kind))
    return event()  # type: ignore[call-arg]  # the others take nothing


def go(tunnel: Tunnel, *events: Event, now: float = 0.0, chance: float = 0.5) -> Tunnel:
    for event in events:
        tunnel, _ = step(tunnel, event, now=now, chance=chance, policy=POLICY)
    return tunnel


#: How each phase is reached from the start.
ROADS: dict[Phase, tuple[Event, ...]] = {
    Phase.STOPPED: (),
    Phase.CONNECTING: (Start(),),
    Phase.BINDING: (Start(), Connected()),
    Phase.UP: (Start(), Connected(), Bound()),
    Phase.BACKOFF: (Start(), Failed(failure(FailureKind.UNREACHABLE))),
    Phase.BLOCKED: (Start(), Refused(failure(FailureKind.AUTH))),
    Phase.STOPPING: (Start(), Stop()),
}


class Walk:
    """The machine and a shell that believes in it, along one sequence of events."""

    def __init__(self) -> None:
        self.tunnel = Tunnel()
        self.now = 1000.0
        self.phases = {Phase.STOPPED}
        self.attempting = False  # a CONNECT was asked for and has not been answered
        self.auth_refused_at: float | None = None

    def lawful(self) -> list[type[Event]]:
        return [event for event in EVENTS if (self.tunnel.phase, event) in TRANSITIONS]

    def take(self, event: Event, chance: float) -> None:
        before = self.tunnel
        self.tunnel, commands = step(before, event, now=self.now, chance=chance, policy=POLICY)
        self.phases.add(self.tunnel.phase)
        self.check(before, event, commands)

    def check(self, before: Tunnel, event: Event, commands: tuple[Command, ...]) -> None:
        after = self.tunnel
        assert (after.up_since is not None) == (after.phase is Phase.UP)
        assert (after.wake_at is not None) == (after.phase in WAITING)
        assert after.wake_at is None or after.wake_at >= min(self.now, before.wake_at or self.now)
        assert len(commands) <= 1
        assert after.failure is None or after.phase is not Phase.UP
        assert not commands or commands == ON_ENTRY[after.phase]
        if isinstance(event, Connected | Failed | Refused | Lost):
            self.attempting = False
        if Command.CONNECT in commands:
            # Only these may ask for a second one while the first runs: it ends the first.
            assert not self.attempting or isinstance(event, Redial | Woke)
            self.attempting = True
            if self.auth_refused_at is not None:
                assert self.now >= self.auth_refused_at + AUTH_FLOOR_S
        if Command.DISCONNECT in commands:
            self.attempting = False
        if isinstance(event, Refused) and after.phase is Phase.BLOCKED:
            refused = event.failure.kind is FailureKind.AUTH
            self.auth_refused_at = self.now if refused else None
        if after.phase is Phase.STOPPED:
            self.auth_refused_at = None


@given(st.data())
@pytest.mark.patient
def test_any_walk_of_lawful_events_keeps_the_promises(data: st.DataObject) -> None:
    walk = Walk()
    for _ in range(data.draw(st.integers(0, 40), "steps")):
        event = data.draw(st.sampled_from(walk.lawful()), "event")
        if event is WakeUp and walk.tunnel.wake_at is not None:
            walk.now = max(walk.now, walk.tunnel.wake_at)  # the timer cannot run out early
        else:
            walk.now += data.draw(st.sampled_from([0.0, 0.001, 1.0, 61.0, 1e5]), "later")
        kinds = for_a_person if event is Refused else retryable
        walk.take(make(event, data.draw(kinds, "kind")), data.draw(chances, "chance"))
    # Wherever it led, a stop ends it.
    walk.take(Stop(), 0.5)
    assert walk.tunnel.phase in {Phase.STOPPING, Phase.STOPPED}
    walk.take(Closed(), 0.5)
    assert walk.tunnel == Tunnel()


@given(st.sampled_from(Phase), st.sampled_from(EVENTS), st.sampled_from(FailureKind), chances)
def test_an_unlawful_event_raises_and_nothing_else(
    phase: Phase, event: type[Event], kind: FailureKind, chance: float
) -> None:
    tunnel = go(Tunnel(), *ROADS[phase])
    if (phase, event) in TRANSITIONS:
        after, _ = step(tunnel, make(event, kind), now=1.0, chance=chance, policy=POLICY)
        assert after.phase is TRANSITIONS[phase, event][0]
    else:
        with pytest.raises(IllegalTransitionError, match=f"{event.__name__} while {phase}"):
            step(tunnel, make(event, kind), now=1.0, chance=chance, policy=POLICY)


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_reached(phase: Phase) -> None:
    assert go(Tunnel(), *ROADS[phase]).phase is phase


def reachable(start: Phase) -> set[Phase]:
    found, new = {start}, {start}
    while new:
        new = {TRANSITIONS[key][0] for key in TRANSITIONS if key[0] in new} - found
        found |= new
    return found


@pytest.mark.parametrize("phase", Phase)
def test_no_phase_is_a_trap(phase: Phase) -> None:
    assert reachable(phase) == set(Phase)


@pytest.mark.parametrize("phase", Phase)
def test_stop_then_closed_ends_every_phase(phase: Phase) -> None:
    assert go(Tunnel(), *ROADS[phase], Stop(), Closed()) == Tunnel()


@pytest.mark.parametrize("phase", [p for p in Phase if p is not Phase.STOPPED])
@pytest.mark.parametrize("late", [e for e in EVENTS if e not in {Start, Closed, Stop}])
def test_what_was_under_way_may_report_after_stop(phase: Phase, late: type[Event]) -> None:
    stopping = go(Tunnel(), *ROADS[phase], Stop())

    assert go(stopping, make(late, FailureKind.CLOSED)) == stopping


# -- commands ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "event", "command"),
    [
        (Phase.STOPPED, Start(), Command.CONNECT),
        (Phase.CONNECTING, Connected(), Command.BIND),
        (Phase.CONNECTING, Redial(), Command.CONNECT),
        (Phase.CONNECTING, Woke(), Command.CONNECT),
        (Phase.BINDING, Redial(), Command.CONNECT),
        (Phase.UP, Redial(), Command.CONNECT),
        (Phase.BINDING, Refused(failure(FailureKind.FORBIDDEN)), Command.DISCONNECT),
        (Phase.BACKOFF, WakeUp(), Command.CONNECT),
        (Phase.BLOCKED, WakeUp(), Command.CONNECT),
        (Phase.UP, Stop(), Command.DISCONNECT),
    ],
)
def test_a_command_follows(phase: Phase, event: Event, command: Command) -> None:
    _, commands = step(go(Tunnel(), *ROADS[phase]), event, now=1.0, chance=0.5, policy=POLICY)

    assert commands == (command,)


@pytest.mark.parametrize(
    ("phase", "event"),
    [
        (Phase.BINDING, Bound()),
        (Phase.UP, Lost(failure(FailureKind.CLOSED))),
        (Phase.BACKOFF, Hasten()),
        (Phase.BACKOFF, Woke()),
        (Phase.BACKOFF, NetworkChanged()),
        (Phase.CONNECTING, NetworkChanged()),
        (Phase.UP, Woke()),
        (Phase.BLOCKED, Closed()),
        (Phase.STOPPING, Stop()),
    ],
)
def test_nothing_is_asked(phase: Phase, event: Event) -> None:
    _, commands = step(go(Tunnel(), *ROADS[phase]), event, now=1.0, chance=0.5, policy=POLICY)

    assert commands == ()


# -- waits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "shortest", "longest"),
    [
        (FailureKind.UNREACHABLE, 0.0, 5.0),
        (FailureKind.TIMEOUT, 0.0, 10.0),
        (FailureKind.BUSY, 20.0, 60.0),
        (FailureKind.PROTOCOL, 0.0, 30.0),
    ],
)
@pytest.mark.parametrize("chance", [0.0, NEARLY_ONE])
def test_the_wait_of_a_class_stays_within_its_bounds(
    kind: FailureKind, shortest: float, longest: float, chance: float
) -> None:
    tunnel = go(Tunnel(), Start())
    for _ in range(50):
        tunnel = go(tunnel, Failed(failure(kind)), now=100.0, chance=chance)
        assert tunnel.wake_at is not None
        assert 100.0 + shortest <= tunnel.wake_at <= 100.0 + longest
        tunnel = go(tunnel, WakeUp(), now=100.0)


def test_blocked_is_tried_again_after_five_minutes() -> None:
    for kind in NEEDS_A_PERSON:
        tunnel = go(Tunnel(), Start(), Refused(failure(kind)), now=50.0)

        assert tunnel.wake_at == 50.0 + BLOCKED_RETRY_S == 350.0


def test_a_refused_key_is_not_tried_within_six_seconds_whoever_asks() -> None:
    tunnel = go(Tunnel(), Start(), Refused(failure(FailureKind.AUTH)), now=50.0)

    for event in (Hasten(), Redial(), Hasten()):
        tunnel = go(tunnel, event, now=51.0)
        assert tunnel.wake_at == 56.0
    assert go(tunnel, Hasten(), now=57.0).wake_at == 56.0
    assert go(Tunnel(), *ROADS[Phase.BLOCKED], Hasten(), now=7.0).wake_at == 13.0


@pytest.mark.parametrize("kind", sorted(NEEDS_A_PERSON - {FailureKind.AUTH}))
def test_what_else_a_person_mended_is_tried_at_once(kind: FailureKind) -> None:
    blocked = go(Tunnel(), Start(), Refused(failure(kind)), now=50.0)

    assert go(blocked, Hasten(), now=51.0).wake_at == 51.0


@pytest.mark.parametrize("event", [Hasten(), Redial()])
@pytest.mark.parametrize("kind", [FailureKind.BUSY, FailureKind.UNREACHABLE])
def test_a_wait_is_dropped_when_hastened(kind: FailureKind, event: Event) -> None:
    waiting = go(Tunnel(), Start(), Failed(failure(kind)), now=50.0, chance=NEARLY_ONE)

    assert go(waiting, event, now=50.1).wake_at == 50.1


@pytest.mark.parametrize("event", [Woke(), NetworkChanged()])
def test_a_wait_is_dropped_when_this_machine_wakes_or_its_network_changes(event: Event) -> None:
    unreachable = failure(FailureKind.UNREACHABLE)
    waiting = go(Tunnel(), Start(), Failed(unreachable), now=50.0, chance=NEARLY_ONE)

    assert go(waiting, event, now=50.1).wake_at == 50.1


@pytest.mark.parametrize("event", [Woke(), NetworkChanged()])
def test_but_not_where_sshd_turns_us_away_for_a_while(event: Event) -> None:
    waiting = go(Tunnel(), Start(), Failed(failure(FailureKind.BUSY)), now=50.0)

    assert go(waiting, event, now=51.0) == waiting


@pytest.mark.parametrize("event", [Woke(), NetworkChanged()])
def test_what_a_person_must_mend_is_not_mended_by_a_nap(event: Event) -> None:
    blocked = go(Tunnel(), *ROADS[Phase.BLOCKED], now=50.0)

    assert go(blocked, event, now=60.0) == blocked


def test_hastening_never_delays() -> None:
    waiting = go(Tunnel(), *ROADS[Phase.BACKOFF], now=50.0, chance=0.5)
    assert waiting.wake_at == pytest.approx(50.1)

    assert go(waiting, Hasten(), now=50.3).wake_at == waiting.wake_at


# -- losses ------------------------------------------------------------------------------------

LOSS = Lost(failure(FailureKind.CLOSED))


def lose_every(up_s: float, until: float, chance: float = NEARLY_ONE) -> list[tuple[float, float]]:
    """Sessions that last ``up_s`` each: when each was lost, and how long was waited then."""
    tunnel, now, waits = go(Tunnel(), *ROADS[Phase.UP], now=0.0), 0.0, []
    while now < until:
        now += up_s
        tunnel = go(tunnel, LOSS, now=now, chance=chance)
        assert tunnel.wake_at is not None
        waits.append((now, tunnel.wake_at - now))
        now = tunnel.wake_at
        tunnel = go(tunnel, WakeUp(), Connected(), Bound(), now=now)
    return waits


def test_a_loss_is_retried_at_once() -> None:
    assert lose_every(5.0, until=1.0) == [(5.0, 0.0)]


@pytest.mark.parametrize("up_s", [0.0, 1.0, 59.0])
def test_a_series_of_losses_is_brisk_for_two_minutes_and_then_calms_down(up_s: float) -> None:
    waits = lose_every(up_s, until=3600.0)
    first = waits[0][0]

    assert all(wait < 1.0 for lost, wait in waits if lost - first < 120.0)
    assert waits[-1][1] == pytest.approx(30.0)
    assert all(earlier <= later + 1e-9 for (_, earlier), (_, later) in pairwise(waits))


def test_twenty_kills_a_second_apart_wait_less_than_four_seconds_in_all() -> None:
    waits = lose_every(1.0, until=24.0)

    assert len(waits) >= 20
    assert sum(wait for _, wait in waits[:20]) < 4.0


def test_a_steady_session_ends_the_series() -> None:
    waits = lose_every(60.0, until=36000.0)

    assert {wait for _, wait in waits} == {0.0}


def failing(tunnel: Tunnel, times: int, now: float = 0.0) -> Tunnel:
    for _ in range(times):
        tunnel = go(tunnel, Failed(failure(FailureKind.UNREACHABLE)), WakeUp(), now=now)
    return tunnel


def test_failures_are_forgotten_only_after_a_steady_session() -> None:
    up = go(failing(go(Tunnel(), Start()), 9), Connected(), Bound(), now=0.0)

    assert go(up, LOSS, now=59.9).failures == 9
    assert go(up, LOSS, now=60.0).failures == 0


@pytest.mark.parametrize(("up_s", "remembered"), [(59.9, (9, 1)), (60.0, (0, 0))])
def test_a_redial_ends_a_session_like_a_loss(up_s: float, remembered: tuple[int, int]) -> None:
    tunnel = go(Tunnel(), *ROADS[Phase.UP], LOSS, WakeUp(), now=0.0)
    up = go(failing(tunnel, 9), Connected(), Bound(), now=0.0)
    redialled = go(up, Redial(), now=up_s)

    assert (redialled.failures, redialled.losses) == remembered
    assert (redialled.series_since is None) == (redialled.losses == 0)


def test_a_session_lost_before_its_forwards_were_answered_counts_as_a_failed_attempt() -> None:
    binding = go(Tunnel(), *ROADS[Phase.BINDING])
    lost = go(binding, LOSS)

    assert (lost.failures, lost.losses, lost.phase) == (1, 0, Phase.BACKOFF)
    assert lost.failure == LOSS.failure


def test_coming_up_clears_the_failure() -> None:
    tunnel = go(Tunnel(), *ROADS[Phase.BLOCKED])
    assert tunnel.failure == failure(FailureKind.AUTH)

    tunnel = go(tunnel, WakeUp(), Connected(), now=400.0)
    assert tunnel.failure == failure(FailureKind.AUTH)
    assert go(tunnel, Bound(), now=400.0).failure is None


def test_time_is_only_what_it_is_given() -> None:
    """The same events at a later start give the same waits."""

    def shifted(tunnels: Iterable[Tunnel], by: float) -> list[Tunnel]:
        return [
            replace(
                t,
                wake_at=None if t.wake_at is None else round(t.wake_at - by, 6),
                up_since=None if t.up_since is None else t.up_since - by,
                series_since=None if t.series_since is None else t.series_since - by,
                not_before=max(0.0, t.not_before - by),
            )
            for t in tunnels
        ]

    def run(start: float) -> list[Tunnel]:
        tunnel, seen = Tunnel(), []
        for n, event in enumerate((*ROADS[Phase.UP], LOSS, WakeUp(), *ROADS[Phase.BACKOFF][1:])):
            tunnel = go(tunnel, event, now=start + n)
            seen.append(tunnel)
        return seen

    assert shifted(run(4096.0), 4096.0) == run(0.0)


def test_the_names_of_the_cells_are_the_events_of_the_module() -> None:
    assert {event for _, event in TRANSITIONS} == set(EVENTS)
    assert all(getattr(machine, event.__name__) is event for event in EVENTS)
