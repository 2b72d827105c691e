"""When the machine is kept awake: rules that hold for every course of events."""

from dataclasses import dataclass, field
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.tunnel.awake import LINGER_S, RETRY_S, Mode, Vigil

WHILE: Mode = "while-connected"


@dataclass
class Machine:
    """Does what it is told, as far as it can."""

    vigil: Vigil = field(default_factory=Vigil)
    now: float = 1000.0
    held: bool = False
    tried: list[float] = field(default_factory=list)
    let_go: list[float] = field(default_factory=list)

    def look(self, mode: Mode, *, worked: bool, able: bool = True, for_good: bool = False) -> bool:
        self.vigil, step = self.vigil.look(mode, worked=worked, held=self.held, now=self.now)
        if step == "hold":
            assert not self.held
            self.tried.append(self.now)
            self.held = able
            if not able:
                self.vigil = self.vigil.failed(self.now, for_good=for_good)
        elif step == "let-go":
            assert self.held
            self.let_go.append(self.now)
            self.held = False
        return self.held


def test_nobody_at_work_is_no_reason() -> None:
    assert not Machine().look(WHILE, worked=False)


def test_work_holds_at_once_and_for_a_while_after() -> None:
    machine = Machine()
    assert machine.look(WHILE, worked=True)
    machine.now += LINGER_S - 1
    assert machine.look(WHILE, worked=False)
    machine.now += 1
    assert not machine.look(WHILE, worked=False)


def test_always_needs_no_work_and_never_no_rest() -> None:
    machine = Machine()
    assert machine.look("always", worked=False)
    machine.now += 10 * LINGER_S
    assert machine.look("always", worked=False)
    assert not machine.look("never", worked=True)


def test_what_worked_under_another_mode_still_counts() -> None:
    machine = Machine()
    machine.look("never", worked=True)
    machine.now += 10
    assert machine.look(WHILE, worked=False)


def test_a_failure_is_tried_again_after_a_minute() -> None:
    machine = Machine()
    for _ in range(int(3 * RETRY_S)):
        machine.look("always", worked=False, able=False)
        machine.now += 1
    assert machine.tried == [1000.0, 1000.0 + RETRY_S, 1000.0 + 2 * RETRY_S]


def test_what_fails_for_good_is_not_tried_again_while_the_same_is_wanted() -> None:
    machine = Machine()
    for _ in range(100):
        machine.look(WHILE, worked=True, able=False, for_good=True)
        machine.now += LINGER_S / 2
    assert len(machine.tried) == 1

    machine.now += LINGER_S
    machine.look(WHILE, worked=False)  # nobody works any more
    assert machine.look(WHILE, worked=True)  # and then somebody does


def test_a_new_configuration_may_be_tried_at_once() -> None:
    machine = Machine()
    machine.look("always", worked=False, able=False, for_good=True)
    machine.vigil = machine.vigil.anew()
    assert machine.look("always", worked=False)


LOOKS = st.lists(
    st.tuples(
        st.floats(0.1, 400.0),
        st.booleans(),
        st.booleans(),
        st.sampled_from(get_args(Mode)),
    ),
    max_size=60,
)


@given(LOOKS)
def test_it_is_held_exactly_while_it_is_wanted_and_can_be(
    looks: list[tuple[float, bool, bool, Mode]],
) -> None:
    machine = Machine()
    worked_at: float | None = None
    for step_s, worked, able, mode in looks:
        machine.now += step_s
        worked_at = machine.now if worked else worked_at
        held = machine.look(mode, worked=worked, able=able)
        recent = worked_at is not None and machine.now - worked_at < LINGER_S
        wanted = mode == "always" or (mode == WHILE and recent)
        assert not held or wanted
        if wanted and not held:  # then it was tried, within the last minute
            assert machine.now - machine.tried[-1] < RETRY_S


@given(LOOKS)
def test_it_does_not_flap(looks: list[tuple[float, bool, bool, Mode]]) -> None:
    machine = Machine()
    work = -1.0
    for step_s, worked, _, _ in looks:
        machine.now += step_s
        work = machine.now if worked else work
        count = len(machine.let_go)
        machine.look(WHILE, worked=worked)
        if len(machine.let_go) > count:
            assert machine.now - work >= LINGER_S
    pauses = [b - a for a, b in zip(machine.let_go, machine.let_go[1:], strict=False)]
    assert all(pause >= LINGER_S for pause in pauses)


@pytest.mark.parametrize("mode", get_args(Mode))
def test_the_modes_are_those_of_the_configuration(mode: Mode) -> None:
    from hostnfsd.config.model import Host  # noqa: PLC0415  # for this one

    assert Host(keep_awake=mode).keep_awake == mode
