"""The tunnel's state machine: what may happen, what then follows. A table; no clock, no sockets.

House rules: every transition of the program stands in ``TRANSITIONS`` below; a cell has one target
phase (where two are wanted, the event is split: ``Failed`` can be retried, ``Refused`` needs a
person); an event that may arrive late has an explicit cell that ignores it; a missing cell is a
bug and raises :class:`IllegalTransitionError`. Time is monotonic seconds and an argument, and so is
chance.

The shell (``hostnfsd.daemon.gateway.supervisor``) feeds events, keeps one timer for ``wake_at``
and carries out the commands. Entering CONNECTING always means: end whatever session stands, then
dial.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from hostnfsd.snapshot import FailureKind, Phase
from hostnfsd.tunnel import backoff
from hostnfsd.tunnel.backoff import Limits
from hostnfsd.tunnel.failure import Failure


@dataclass(frozen=True, slots=True)
class Start:
    """Supervision begins."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Supervision shall end."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The SSH session stands and we are authenticated."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Every forward was answered once, and not all were forbidden."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt failed in a way that waiting may cure."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Refused:
    """An attempt failed in a way that a person must cure."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Lost:
    """The session that stood is gone."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class WakeUp:
    """The timer for ``wake_at`` ran out."""


@dataclass(frozen=True, slots=True)
class Hasten:
    """Somebody asked to try now, or a file on which the login depends changed."""


@dataclass(frozen=True, slots=True)
class Redial:
    """The configuration of the connection itself changed: the old session will not do."""


@dataclass(frozen=True, slots=True)
class Woke:
    """This machine slept, and runs again."""


@dataclass(frozen=True, slots=True)
class NetworkChanged:
    """An address, a link or a route of this machine came or went."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The session has been taken down as asked."""


Event = (
    Start
    | Stop
    | Connected
    | Bound
    | Failed
    | Refused
    | Lost
    | WakeUp
    | Hasten
    | Redial
    | Woke
    | NetworkChanged
    | Closed
)


class Command(Enum):
    """What the shell must do next."""

    CONNECT = auto()  # end any session, dial, authenticate; answer Connected, Failed or Refused
    BIND = auto()  # ask for every forward; answer Bound, Refused or Lost
    DISCONNECT = auto()  # drain and close; answer Closed


@dataclass(frozen=True, slots=True)
class Policy:
    """The parts of ``[tunnel]`` that decide."""

    limits: Limits = field(default_factory=Limits)
    steady_after_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Where a tunnel stands. Instants are monotonic seconds.

    Attributes:
        phase: the phase.
        up_since: when UP was entered; set exactly in UP.
        wake_at: when the next attempt is due; set exactly in BACKOFF and BLOCKED.
        failures: attempts in a row that failed.
        losses: losses of established sessions in a row, none of which lasted ``steady_after_s``.
        series_since: when the first of them happened.
        not_before: no attempt may start earlier, not even a hastened one.
        failure: the last failure; None once UP again.
    """

    phase: Phase = Phase.STOPPED
    up_since: float | None = None
    wake_at: float | None = None
    failures: int = 0
    losses: int = 0
    series_since: float | None = None
    not_before: float = 0.0
    failure: Failure | None = None


class IllegalTransitionError(Exception):
    """An event that cannot happen in this phase: a bug in the shell."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """What an effect may look at besides the tunnel."""

    now: float
    chance: float
    policy: Policy


_Effect = Callable[[Tunnel, Event, _Moment], Tunnel]


def _keep(tunnel: Tunnel, _event: Event, _at: _Moment) -> Tunnel:
    return tunnel


def _leave(tunnel: Tunnel, _event: Event, _at: _Moment) -> Tunnel:
    return replace(tunnel, up_since=None, wake_at=None)


def _reset(_tunnel: Tunnel, _event: Event, _at: _Moment) -> Tunnel:
    return Tunnel()


def _come_up(tunnel: Tunnel, _event: Event, at: _Moment) -> Tunnel:
    return replace(tunnel, up_since=at.now, failure=None)


def _leave_up(tunnel: Tunnel, _event: Event, at: _Moment) -> Tunnel:
    """A session that lasted long enough wipes out what went wrong before it."""
    assert tunnel.up_since is not None  # noqa: S101  # invariant of UP
    if at.now - tunnel.up_since < at.policy.steady_after_s:
        return replace(tunnel, up_since=None)
    return replace(tunnel, up_since=None, failures=0, losses=0, series_since=None)


def _wait_after_failure(tunnel: Tunnel, event: Event, at: _Moment) -> Tunnel:
    """A failed attempt, or a session lost before its forwards were answered."""
    assert isinstance(event, Failed | Lost)  # noqa: S101  # the table's columns
    failures = tunnel.failures + 1
    delay = backoff.after_failure(event.failure.kind, failures, at.chance, at.policy.limits)
    return replace(
        tunnel, up_since=None, failures=failures, wake_at=at.now + delay, failure=event.failure
    )


def _wait_after_loss(tunnel: Tunnel, event: Event, at: _Moment) -> Tunnel:
    """A session that was up is retried at once; a series of losses slowly calms down."""
    assert isinstance(event, Lost)  # noqa: S101  # the table's columns
    left = _leave_up(tunnel, event, at)
    since = at.now if left.series_since is None else left.series_since
    losses = left.losses + 1
    delay = backoff.after_loss(losses, at.now - since, at.chance, at.policy.limits)
    return replace(
        left, losses=losses, series_since=since, wake_at=at.now + delay, failure=event.failure
    )


def _wait_for_a_person(tunnel: Tunnel, event: Event, at: _Moment) -> Tunnel:
    assert isinstance(event, Refused)  # noqa: S101  # the table's columns
    # sshd penalises refused authentications: even a person who asks has to leave it its time.
    floor = backoff.AUTH_FLOOR_S if event.failure.kind is FailureKind.AUTH else 0.0
    return replace(
        tunnel,
        up_since=None,
        failures=tunnel.failures + 1,
        wake_at=at.now + backoff.BLOCKED_RETRY_S,
        not_before=at.now + floor,
        failure=event.failure,
    )


def _bring_forward(tunnel: Tunnel, _event: Event, at: _Moment) -> Tunnel:
    soon = max(at.now, tunnel.not_before)
    return replace(tunnel, wake_at=soon if tunnel.wake_at is None else min(soon, tunnel.wake_at))


def _bring_forward_unless_busy(tunnel: Tunnel, event: Event, at: _Moment) -> Tunnel:
    """What changed here may have been in the way; but not where sshd turns us away for a while."""
    if tunnel.failure is not None and tunnel.failure.kind is FailureKind.BUSY:
        return tunnel
    return _bring_forward(tunnel, event, at)


_P = Phase
TRANSITIONS: Final[Mapping[tuple[Phase, type[Event]], tuple[Phase, _Effect]]] = MappingProxyType(
    {
        (_P.STOPPED, Start): (_P.CONNECTING, _leave),
        (_P.CONNECTING, Connected): (_P.BINDING, _leave),
        (_P.CONNECTING, Failed): (_P.BACKOFF, _wait_after_failure),
        (_P.CONNECTING, Refused): (_P.BLOCKED, _wait_for_a_person),
        # A session may end before anybody heard that it stood.
        (_P.CONNECTING, Lost): (_P.BACKOFF, _wait_after_failure),
        (_P.CONNECTING, Redial): (_P.CONNECTING, _leave),
        # What was dialled before the machine slept is most likely answered by nobody.
        (_P.CONNECTING, Woke): (_P.CONNECTING, _leave),
        (_P.BINDING, Bound): (_P.UP, _come_up),
        (_P.BINDING, Lost): (_P.BACKOFF, _wait_after_failure),
        (_P.BINDING, Refused): (_P.BLOCKED, _wait_for_a_person),
        (_P.BINDING, Redial): (_P.CONNECTING, _leave),
        (_P.UP, Lost): (_P.BACKOFF, _wait_after_loss),
        (_P.UP, Redial): (_P.CONNECTING, _leave_up),
        (_P.BACKOFF, WakeUp): (_P.CONNECTING, _leave),
        (_P.BACKOFF, Hasten): (_P.BACKOFF, _bring_forward),
        (_P.BACKOFF, Redial): (_P.BACKOFF, _bring_forward),
        (_P.BACKOFF, Woke): (_P.BACKOFF, _bring_forward_unless_busy),
        (_P.BACKOFF, NetworkChanged): (_P.BACKOFF, _bring_forward_unless_busy),
        (_P.BLOCKED, WakeUp): (_P.CONNECTING, _leave),
        (_P.BLOCKED, Hasten): (_P.BLOCKED, _bring_forward),
        (_P.BLOCKED, Redial): (_P.BLOCKED, _bring_forward),
        (_P.STOPPING, Closed): (_P.STOPPED, _reset),
        # Stop is lawful everywhere; where nothing stands, the shell answers Closed at once.
        (_P.STOPPED, Stop): (_P.STOPPED, _keep),
        (_P.CONNECTING, Stop): (_P.STOPPING, _leave),
        (_P.BINDING, Stop): (_P.STOPPING, _leave),
        (_P.UP, Stop): (_P.STOPPING, _leave),
        (_P.BACKOFF, Stop): (_P.STOPPING, _leave),
        (_P.BLOCKED, Stop): (_P.STOPPING, _leave),
        (_P.STOPPING, Stop): (_P.STOPPING, _keep),
        # There is nothing to hasten while an attempt runs or a session stands.
        (_P.CONNECTING, Hasten): (_P.CONNECTING, _keep),
        (_P.BINDING, Hasten): (_P.BINDING, _keep),
        (_P.UP, Hasten): (_P.UP, _keep),
        # A session that stands is asked whether it still does; a person's work is not done by that.
        **{(phase, Woke): (phase, _keep) for phase in (_P.BINDING, _P.UP, _P.BLOCKED)},
        **{
            (phase, NetworkChanged): (phase, _keep)
            for phase in (_P.CONNECTING, _P.BINDING, _P.UP, _P.BLOCKED)
        },
        # What was under way when Stop came may still report.
        **{
            (phase, late): (phase, _keep)
            for phase in (_P.STOPPING, _P.STOPPED)
            for late in set(Event.__args__) - {Start, Stop, Closed}
        },
        **{
            (phase, Closed): (phase, _keep)
            for phase in (_P.STOPPED, _P.BLOCKED, _P.BACKOFF, _P.CONNECTING)
        },
    }
)

#: What entering a phase asks of the shell. CONNECTING is also re-entered.
ON_ENTRY: Final[Mapping[Phase, tuple[Command, ...]]] = MappingProxyType(
    {
        _P.CONNECTING: (Command.CONNECT,),
        _P.BINDING: (Command.BIND,),
        _P.BLOCKED: (Command.DISCONNECT,),
        _P.STOPPING: (Command.DISCONNECT,),
    }
)


def step(
    tunnel: Tunnel, event: Event, *, now: float, chance: float, policy: Policy
) -> tuple[Tunnel, tuple[Command, ...]]:
    """Take one event.

    Args:
        tunnel: where it stands.
        event: what happened.
        now: monotonic seconds.
        chance: uniform in [0, 1), for jitter.
        policy: the timing in force.

    Returns:
        Where it stands now, and what the shell must do, in order.

    Raises:
        IllegalTransitionError: if this event cannot happen in this phase.
    """
    cell = TRANSITIONS.get((tunnel.phase, type(event)))
    if cell is None:
        raise IllegalTransitionError(f"{type(event).__name__} while {tunnel.phase}")
    target, effect = cell
    entered = target is not tunnel.phase or (
        target is Phase.CONNECTING and isinstance(event, Redial | Woke)
    )
    after = replace(effect(tunnel, event, _Moment(now, chance, policy)), phase=target)
    return after, ON_ENTRY.get(target, ()) if entered else ()
