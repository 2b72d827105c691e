"""How many clients the descriptors carry."""

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.daemon.limits import Carrying, decide, needed, raise_limit

INFINITY = resource.RLIM_INFINITY


@given(st.integers(1, 65535), st.integers(1, 10**6))
def test_what_is_carried_fits(wished: int, soft: int) -> None:
    carrying = decide(wished, soft)

    assert 1 <= carrying.connections <= wished
    assert (carrying.text is None) == (carrying.connections == wished and soft >= needed(wished))
    assert needed(carrying.connections) <= soft or carrying.connections == 1


def test_fewer_than_wished_are_told() -> None:
    assert decide(1024, 256) == Carrying(
        160,
        "only 256 descriptors are allowed, so at most 160 connections are carried instead of 1024",
    )


class System:
    """A system with a soft and a hard limit; ``ceiling`` is macOS's kern.maxfilesperproc."""

    def __init__(self, soft: int, hard: int, ceiling: int = 10**9) -> None:
        self.limits, self.ceiling = (soft, hard), ceiling
        self.asked: list[tuple[int, int]] = []

    def getrlimit(self, what: int) -> tuple[int, int]:
        assert what == resource.RLIMIT_NOFILE
        return self.limits

    def setrlimit(self, what: int, limits: tuple[int, int]) -> None:
        assert what == resource.RLIMIT_NOFILE
        if limits[0] > self.ceiling:
            raise ValueError("current limit exceeds maximum limit")
        self.asked.append(limits)
        self.limits = limits


@pytest.mark.parametrize(
    ("system", "asked", "carried"),
    [
        (System(4096, 4096), [], 1000),
        (System(256, 4096), [(1096, 4096)], 1000),
        (System(256, INFINITY), [(1096, INFINITY)], 1000),
        (System(256, 512), [(512, 512)], 416),
        (System(INFINITY, INFINITY), [], 1000),
        (System(256, INFINITY, ceiling=1000), [], 160),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_it_goes(
    system: System,
    asked: list[tuple[int, int]],
    carried: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", system.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", system.setrlimit)
    carrying = raise_limit(1000)

    assert (system.asked, carrying.connections) == (asked, carried)
    assert (carrying.text is None) == (carried == 1000)
