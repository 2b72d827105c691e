"""What is done about sessions of ours that hold a port, with a gateway that answers as told."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from hostnfsd.config.model import Config
from hostnfsd.daemon.gateway import own_sessions
from hostnfsd.daemon.gateway.own_sessions import OwnSessions
from hostnfsd.daemon.gateway.session_book import SessionBook
from hostnfsd.quiet import Quiet
from hostnfsd.snapshot import Reclaim
from hostnfsd.tunnel.own_session import OwnSession, Place, SessionProcess
from hostnfsd.tunnel.reclaim import Why
from tests.support.supervising import read

PLACE = Place("ff9591e5-965d-4b23-bbe2-03e021c699df", "pid:[4026533003]", 1330428)
OLD = SessionProcess(PLACE, 15, 1330855, 3022, "sshd")
HERE = SessionProcess(PLACE, 44, 1331363, 3022, "sshd")
KEY = "SHA256:key"
PORTS = frozenset({111, 662, 875, 2049, 20048, 32803})
DEAD = OwnSession(KEY, "admin@gw:22", 1000.0, PORTS, OLD)

Answer = Callable[[str], str | None]


class FakeSession:
    """A session whose gateway prints what a test says."""

    alias = "admin@gw:22"
    host_key = KEY

    def __init__(self, answer: Answer, process: SessionProcess | None = HERE) -> None:
        self.process = process
        self.over = False
        self.commands: list[str] = []
        self._answer = answer

    async def output(self, command: str, within_s: float) -> str | None:
        assert within_s > 0
        self.commands.append(command)
        await asyncio.sleep(0)
        return self._answer(command)


def config(mode: str = "auto") -> Config:
    return read({"gateway": {"gw": {"reclaim": mode}}})


class Bench:
    """The sessions with one gateway, and the session that stands now."""

    def __init__(
        self,
        answer: Answer = lambda _command: None,
        *,
        mode: str = "auto",
        process: SessionProcess | None = HERE,
        remembered: tuple[OwnSession, ...] = (DEAD,),
    ) -> None:
        self.book = SessionBook(None)
        self.book.keep("gw", remembered)
        self.config = config(mode)
        self.own = OwnSessions("gw", book=self.book, config=lambda: self.config, quiet=Quiet())
        self.fake = FakeSession(answer, process)
        self.session = cast("Any", self.fake)
        self.own.begins(self.session)

    @property
    def remembered(self) -> list[SessionProcess | None]:
        return [session.process for session in self.book.sessions("gw")]

    def why(self, port: int = 2049) -> Why | None:
        suspicion = self.own.suspicion(self.session, port)
        return None if suspicion is None else suspicion.why


def says(fate: str) -> Answer:
    return lambda _command: f"session {OLD.pid} {OLD.start} {OLD.uid} {OLD.name} {fate}\n"


async def test_a_dead_session_is_ended_and_forgotten() -> None:
    bench = Bench(says("ended"))
    with capture_logs() as lines:
        assert await bench.own.reclaim(bench.session, 2049)

    assert bench.fake.commands[0].endswith("end 15 1330855 3022 sshd; true")
    assert bench.remembered == [HERE]
    assert bench.own.counts == {Reclaim.ENDED: 1}
    assert bench.why() is None
    (line,) = lines
    assert (line["event"], line["process"], line["port"]) == ("session_reclaimed", 15, 2049)
    assert not await bench.own.reclaim(bench.session, 2049)


async def test_ports_that_are_refused_together_cost_one_command() -> None:
    bench = Bench(says("ended"))

    asked = [bench.own.reclaim(bench.session, port) for port in sorted(PORTS)]

    assert await asyncio.gather(*asked) == [True] * len(PORTS)
    assert len(bench.fake.commands) == 1


@pytest.mark.parametrize("fate", ["gone", "foreign"])
async def test_one_that_has_ended_is_forgotten_and_the_port_asked_for_again(fate: str) -> None:
    bench = Bench(says(fate))

    assert await bench.own.reclaim(bench.session, 2049)

    assert bench.remembered == [HERE]
    assert bench.own.counts == {Reclaim.GONE: 1}


@pytest.mark.parametrize(
    ("fate", "why", "counted"),
    [("denied", Why.DENIED, Reclaim.DENIED), ("stuck", Why.STUCK, Reclaim.STUCK)],
)
async def test_one_that_cannot_be_ended_is_told_once_and_tried_again_later(
    fate: str, why: Why, counted: Reclaim, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(says(fate))
    with capture_logs() as lines:
        for _ in range(3):
            assert not await bench.own.reclaim(bench.session, 2049)
        assert len(bench.fake.commands) == 1
        monkeypatch.setattr(own_sessions, "_AGAIN_S", 0)
        assert not await bench.own.reclaim(bench.session, 2049)

    assert len(bench.fake.commands) == 2
    assert [line["event"] for line in lines] == ["session_not_reclaimed"]
    assert bench.why() is why
    assert bench.why(port=80) is None
    assert bench.own.counts == {counted: 1}
    assert bench.remembered == [OLD, HERE]


async def test_wait_only_looks() -> None:
    bench = Bench(says("alive"), mode="wait")

    assert not await bench.own.reclaim(bench.session, 2049)

    assert bench.fake.commands[0].endswith("seen 15 1330855 3022 sshd; true")
    assert bench.why() is Why.WAIT
    assert bench.own.counts == {Reclaim.WAITED: 1}


async def test_who_only_looks_says_what_a_daemon_would_do() -> None:
    bench = Bench(says("alive"))
    bench.own = OwnSessions(
        "gw", book=bench.book, config=lambda: bench.config, quiet=Quiet(), ends=False
    )
    bench.own.begins(bench.session)

    assert not await bench.own.reclaim(bench.session, 2049)

    assert bench.fake.commands[0].endswith("seen 15 1330855 3022 sshd; true")
    assert bench.why() is Why.SEEN


async def test_never_remembers_asks_and_tells_nothing() -> None:
    bench = Bench(says("ended"), mode="never")

    assert not await bench.own.reclaim(bench.session, 2049)
    bench.own.remember(bench.session)

    assert bench.fake.commands == []
    assert bench.remembered == []
    assert bench.why() is None
    assert not bench.own.counts


@pytest.mark.parametrize("answer", [None, "", "This account is not available.\n"])
async def test_a_gateway_that_runs_no_command_is_waited_for(answer: str | None) -> None:
    bench = Bench(lambda _command: answer)

    assert not await bench.own.reclaim(bench.session, 2049)

    assert bench.why() is Why.UNTOLD
    assert bench.own.counts == {Reclaim.UNTOLD: 1}


async def test_where_the_gateway_does_not_tell_nothing_is_run() -> None:
    """Nobody knows then whether it is the machine of the record at all."""
    bench = Bench(says("ended"), process=None)

    assert not await bench.own.reclaim(bench.session, 2049)

    assert bench.fake.commands == []
    assert bench.why() is Why.UNTOLD


async def test_of_a_gateway_that_never_tells_the_session_before_is_suspected() -> None:
    untold = replace(DEAD, process=None)
    bench = Bench(process=None, remembered=(untold,))

    assert not await bench.own.reclaim(bench.session, 2049)

    assert bench.fake.commands == []
    suspicion = bench.own.suspicion(bench.session, 2049)
    assert suspicion is not None
    assert suspicion.session == untold


async def test_a_session_that_this_daemon_still_has_is_never_ended() -> None:
    bench = Bench(says("ended"))
    other: Any = FakeSession(says("ended"), OLD)
    bench.book.stands(other)

    assert not await bench.own.reclaim(bench.session, 2049)
    assert bench.fake.commands == []

    other.over = True
    assert await bench.own.reclaim(bench.session, 2049)


async def test_a_session_that_is_lost_meanwhile_concludes_nothing() -> None:
    bench = Bench()

    def lost(_command: str) -> None:
        bench.fake.over = True

    bench.fake._answer = lost
    assert not await bench.own.reclaim(bench.session, 2049)

    assert bench.remembered == [OLD, HERE]
    assert not bench.own.counts


async def test_what_is_learned_late_replaces_what_was_not_known() -> None:
    bench = Bench(process=None, remembered=())
    bench.own.remember(bench.session)
    assert bench.remembered == [None]

    bench.fake.process = HERE
    bench.own.remember(bench.session)

    assert bench.remembered == [HERE]


async def test_once_every_port_is_ours_the_others_are_forgotten() -> None:
    elsewhere = replace(DEAD, process=replace(OLD, place=replace(PLACE, boot_id="another")))
    bench = Bench(remembered=(DEAD, elsewhere))
    bench.own.all_ours(bench.session)
    assert bench.remembered == [OLD, elsewhere.process]

    bench.own.remember(bench.session)
    bench.own.all_ours(bench.session)

    assert bench.remembered == [elsewhere.process, HERE]


async def test_another_configuration_is_followed() -> None:
    bench = Bench(remembered=())
    bench.own.follow(bench.session)
    assert bench.remembered == []  # nothing is known of the session yet

    bench.own.remember(bench.session)
    bench.config = read({"gateway": {"gw": {}}, "services": {"nfs": 12049}})
    bench.own.follow(bench.session)
    (session,) = bench.book.sessions("gw")
    assert session.ports == PORTS - {2049} | {12049}

    bench.config = config("never")
    bench.own.follow(bench.session)
    assert bench.remembered == []


async def test_what_may_be_ended_now_is_not_left_alone_any_longer() -> None:
    bench = Bench(says("alive"), mode="wait")
    assert not await bench.own.reclaim(bench.session, 2049)

    bench.config = config("auto")
    bench.own.follow(bench.session)
    bench.fake._answer = says("ended")

    assert await bench.own.reclaim(bench.session, 2049)


@pytest.mark.parametrize(("process", "left"), [(HERE, [HERE]), (None, [])])
async def test_one_that_ended_in_good_order_is_remembered_only_if_it_can_be_looked_at(
    process: SessionProcess | None, left: list[SessionProcess]
) -> None:
    bench = Bench(process=process, remembered=())
    bench.own.remember(bench.session)

    bench.own.ended(bench.session)

    assert bench.remembered == left


async def test_a_new_session_tries_again_at_once() -> None:
    bench = Bench(says("denied"))
    assert not await bench.own.reclaim(bench.session, 2049)

    bench.own.begins(bench.session)

    assert bench.why() is None
    bench.fake._answer = says("ended")
    assert await bench.own.reclaim(bench.session, 2049)
