"""What a client does that works, and what one does that has only something mounted."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.sunrpc.programs import PROCEDURE_NAMES
from hostnfsd.tunnel.work import (
    IDLE_CALLS,
    UNFOLLOWED,
    Passed,
    Traffic,
    done,
)

BEFORE = Passed(5_000_000, {"getattr": Traffic(7, 7, 900, 800), "compound": Traffic(9, 9, 10, 10)})


def after(name: str, new: Traffic, *, more: int = 0) -> Passed:
    """``new`` on top of BEFORE, and as many bytes that no call accounts for."""
    procedures = {**BEFORE.procedures}
    procedures[name] = procedures.get(name, Traffic()).plus(new)
    marks = 4 * (new.calls + new.replies)
    return Passed(BEFORE.bytes + new.to_host + new.to_client + marks + more, procedures)


def test_silence_is_no_work() -> None:
    assert not done(BEFORE, BEFORE)


def test_the_names_are_names() -> None:
    assert IDLE_CALLS <= PROCEDURE_NAMES


@pytest.mark.parametrize("name", sorted(IDLE_CALLS))
def test_what_a_kernel_asks_by_itself_is_no_work(name: str) -> None:
    # kubelet asks for the free space of fifty volumes at the same moment.
    assert not done(BEFORE, after(name, Traffic(50, 50, 50 * 140, 50 * 170)))


@pytest.mark.parametrize("name", ["read", "write", "lookup", "readdirplus", "create", "other"])
def test_one_call_that_somebody_makes_is_work(name: str) -> None:
    assert done(BEFORE, after(name, Traffic(1, 0, 130, 0)))


def test_a_compound_that_works_is_work_and_no_other() -> None:
    many = after("compound", Traffic(100, 100, 20_000, 30_000))
    assert not done(BEFORE, many)
    assert done(BEFORE, replace(many, compounds=1))
    assert not done(replace(BEFORE, compounds=1), replace(many, compounds=1))


def test_bytes_that_are_not_followed_count_where_they_are_many() -> None:
    nothing = Traffic()
    assert not done(BEFORE, after("getattr", nothing, more=UNFOLLOWED - 1))
    assert done(BEFORE, after("getattr", nothing, more=UNFOLLOWED))
    # [metrics] rpc = false: none is followed.
    assert done(Passed(100), Passed(100 + UNFOLLOWED))


numbers = st.integers(0, 1000)


@given(st.sampled_from(sorted(IDLE_CALLS)), numbers, numbers)
def test_idle_calls_never_add_up_to_work(name: str, calls: int, replies: int) -> None:
    assert not done(BEFORE, after(name, Traffic(calls, replies, calls * 200, replies * 300)))


@given(st.sampled_from(sorted(PROCEDURE_NAMES - IDLE_CALLS)), st.integers(1, 1000))
def test_no_crowd_of_idle_calls_hides_one_that_works(name: str, crowd: int) -> None:
    idle = after("getattr", Traffic(crowd, crowd, crowd * 140, crowd * 170))
    assert done(BEFORE, Passed(idle.bytes + 150, {**idle.procedures, name: Traffic(1, 0, 146, 0)}))
