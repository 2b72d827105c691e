from dataclasses import replace

import pytest

from hostnfsd.tunnel import reclaim
from hostnfsd.tunnel.forward import Answer, Verdict
from hostnfsd.tunnel.own_session import OwnSession, Place, SessionProcess
from hostnfsd.tunnel.reclaim import Fate, Suspicion, Why

PLACE = Place("ff9591e5-965d-4b23-bbe2-03e021c699df", "pid:[4026533003]", 1330428)
OLD = SessionProcess(PLACE, 15, 1330855, 3022, "sshd")
HERE = SessionProcess(PLACE, 44, 1331363, 3022, "sshd")
KEY = "SHA256:y6Eg+56WMzwuHM8sf656iSpe2ntilms6zVQnuDBxLq0"
PORTS = frozenset({111, 2049})
DEAD = OwnSession(KEY, "admin@gw:22", 1000.0, PORTS, OLD)
PRESENT = OwnSession(KEY, "admin@gw:22", 1060.0, PORTS, HERE)


def suspects(*remembered: OwnSession, **facts: object) -> tuple[OwnSession, ...]:
    given: dict[str, object] = {"here": HERE, "host_key": KEY, "port": 2049} | facts
    return reclaim.suspects(remembered, **given)  # type: ignore[arg-type]


def test_the_session_before_this_one_is_suspected_and_this_one_is_not() -> None:
    assert suspects(DEAD, PRESENT) == (DEAD,)


def test_the_latest_comes_first() -> None:
    older = replace(DEAD, since=1.0, process=replace(OLD, pid=9, start=5))

    assert suspects(older, DEAD) == (DEAD, older)


@pytest.mark.parametrize(
    "other",
    [
        replace(DEAD, host_key="SHA256:another"),
        replace(DEAD, ports=frozenset({111})),
        replace(DEAD, process=replace(OLD, place=replace(PLACE, boot_id="another"))),
        # A container that was restarted: the same boot, and small numbers again.
        replace(DEAD, process=replace(OLD, place=replace(PLACE, namespace="pid:[4026533999]"))),
        replace(DEAD, process=replace(OLD, place=replace(PLACE, first_start=1340000))),
    ],
    ids=["host key", "port", "boot", "namespace", "first process"],
)
def test_one_of_another_machine_boot_or_container_is_not(other: OwnSession) -> None:
    assert suspects(other) == ()


def test_one_that_this_daemon_still_has_is_not() -> None:
    assert suspects(DEAD, standing={OLD}) == ()


def test_where_nothing_is_told_it_may_be_any_of_them() -> None:
    untold = replace(DEAD, process=None)

    assert suspects(DEAD, here=None) == (DEAD,)
    assert suspects(untold) == (untold,)


def test_a_session_with_all_ports_clears_those_of_its_own_place_only() -> None:
    elsewhere = replace(DEAD, process=replace(OLD, place=replace(PLACE, boot_id="another")))
    another = replace(DEAD, host_key="SHA256:another", process=None)
    untold = replace(DEAD, process=None)

    kept = reclaim.elsewhere([DEAD, elsewhere, another, untold], here=HERE, host_key=KEY)

    assert kept == (elsewhere, another)


def test_only_what_was_asked_about_is_read() -> None:
    output = (
        "Welcome to dev-gw\nsession 15 1330855 3022 sshd ended\nsession 16 1330855 3022 sshd gone\n"
        "session 15 1330856 3022 sshd gone\nsession 15 1330855 0 sshd gone\n"
        "session 15 1330855 3022 sshd purple\nsession 15\nsession\n"
    )

    assert reclaim.read(output, [OLD]) == {OLD: Fate.ENDED}


@pytest.mark.parametrize("output", [None, "", "This account is not available.\n"])
def test_a_command_that_was_not_run_says_nothing(output: str | None) -> None:
    assert reclaim.read(output, [OLD]) is None


def test_the_command_names_exactly_the_processes() -> None:
    ending = reclaim.command([OLD, HERE], end=True)
    looking = reclaim.command([OLD], end=False)

    assert ending.endswith("end 15 1330855 3022 sshd; end 44 1331363 3022 sshd; true")
    assert looking.endswith("seen 15 1330855 3022 sshd; true")


BUSY = Answer(Verdict.BUSY, "port 2049 is already taken on the gateway (ipv4)", "ss -ltnp")


@pytest.mark.parametrize(
    ("why", "says", "helps"),
    [
        (Why.WAIT, 'reclaim = "wait"', 'reclaim = "auto"'),
        (Why.UNTOLD, "runs no command", "ClientAliveInterval 5"),
        (Why.DENIED, "our login may not end it", "as root: kill 15"),
        (Why.SEEN, "hostnfsd ends it when it runs", "start the daemon"),
        (Why.STUCK, "it did not end though it was killed", "restart the gateway"),
    ],
)
def test_a_busy_port_is_told_with_our_session_and_its_age(why: Why, says: str, helps: str) -> None:
    answer = reclaim.explain(BUSY, Suspicion(DEAD, why), now=1000 + 725)

    assert answer.text is not None
    assert answer.text.startswith("port 2049 is already taken on the gateway (ipv4); ")
    assert "the session we recorded there 12 min 5 s ago (process 15) may hold it" in answer.text
    assert says in answer.text
    assert answer.hint is not None
    assert helps in answer.hint
    assert answer.verdict is Verdict.BUSY


def test_nobody_is_suspected_of_a_port_that_is_forbidden_or_ours() -> None:
    for answer in (Answer(Verdict.POLICY, "forbidden"), Answer(Verdict.BOUND)):
        assert reclaim.explain(answer, Suspicion(DEAD, Why.WAIT), 1060.0) == answer
    assert reclaim.explain(BUSY, None, 1060.0) == BUSY
