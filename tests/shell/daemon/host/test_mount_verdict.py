"""When an export is mounted for trial, and what is told until the verdict is there."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from hostnfsd.config.model import Carried, Config, Gateway, Probe
from hostnfsd.daemon.host import mount_trial, mount_verdict
from hostnfsd.daemon.host.mount_verdict import Haste, MountVerdict
from hostnfsd.services import Service
from hostnfsd.sunrpc import mount
from hostnfsd.sunrpc.mount import Status
from tests.support.conditions import eventually, never
from tests.support.nfs_host import NfsHost, nfs_host
from tests.support.ports import connected

NFS, MOUNTD = Service.NFS, Service.MOUNTD


class Judge:
    """A verdict, and what it depends on."""

    def __init__(self, server: NfsHost) -> None:
        self.server = server
        self.probe = Probe(interval_s=10, mount_interval_s=50)
        self.changes = 0
        self.mute = False
        self.heard: list[tuple[list[str], float]] = []
        self.verdict = MountVerdict(
            config=lambda: Config(gateway={"a": Gateway()}, probe=self.probe),
            carried=self._carried,
            dial=lambda carried: connected(server.port(carried.service)),
            versions=lambda service: server.manners[service].versions,
            mute=lambda: self.mute,
            changed=self._changed,
            heard=lambda listed, asked_at: self.heard.append(([*listed], asked_at)),
        )

    def _carried(self) -> Mapping[Service, Carried]:
        return Config(gateway={"a": Gateway()}).carried("a")

    def _changed(self) -> None:
        self.changes += 1

    @property
    def tries(self) -> int:
        return self.server.count(MOUNTD, mount.Procedure.EXPORT)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.verdict.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def first(self) -> None:
        await eventually(lambda: self.tries == 1, "the first trial")

    async def judged(self) -> None:
        """The first trial is over."""
        await eventually(lambda: self.verdict._mounted is not None, "the first verdict")


@pytest.fixture
async def judge(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Judge]:
    monkeypatch.setattr(mount_verdict, "_SPACING_S", 0.02)
    monkeypatch.setattr(mount_trial, "_AGAIN_AFTER_S", 0.01)
    async with nfs_host(NFS, MOUNTD) as server:
        yield Judge(server)


async def test_until_the_first_trial_has_spoken_nothing_is_known(judge: Judge) -> None:
    assert not judge.verdict.pending
    judge.verdict.expect()
    assert judge.verdict.pending
    async with judge.running():
        await eventually(lambda: not judge.verdict.pending, "the verdict")
    assert judge.tries == 1
    assert judge.changes == 1, "nobody was told that clients may come"


async def test_a_server_that_is_back_is_judged_anew_and_at_once(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with judge.running():
        await judge.judged()
        monkeypatch.setattr(mount_verdict, "_SPACING_S", 3600.0)
        judge.server.exports = {"/a": Status.ACCES}
        judge.verdict.expect()
        while judge.verdict.pending:
            assert judge.verdict.denial(MOUNTD) is None
            await asyncio.sleep(0)
        assert judge.verdict.denial(MOUNTD) is not None


async def test_a_server_that_is_not_there_yet_stays_unjudged_for_a_while_only(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mount_verdict, "_PENDING_GRACE_S", 0.2)
    judge.probe = Probe(interval_s=10, timeout_s=0.1)
    await judge.server.services[MOUNTD].stop()
    judge.verdict.expect()
    async with judge.running():
        await never(lambda: not judge.verdict.pending, "judged", for_s=0.15)
        await eventually(lambda: not judge.verdict.pending, "the end of waiting", timeout_s=1.0)


async def test_a_server_that_cannot_be_judged_does_not_wait(judge: Judge) -> None:
    judge.probe = Probe(interval_s=10, timeout_s=0.05)
    judge.server.manners[MOUNTD].silent = True
    judge.verdict.expect()
    async with judge.running():
        await eventually(lambda: not judge.verdict.pending, "the end of waiting", timeout_s=0.8)


async def test_what_changes_while_a_trial_is_made_is_not_settled_by_it(judge: Judge) -> None:
    async with judge.running():
        await eventually(lambda: judge.tries == 1, "the start of the first trial")
        judge.verdict.expect()
        await eventually(lambda: not judge.verdict.pending, "the verdict")
        assert judge.tries == 2


async def test_who_is_denied_for_long_asks_less_often(judge: Judge) -> None:
    """Each refusal is a line in the log of Linux's mountd."""
    pauses = []
    judge.server.exports = {"/a": Status.ACCES}
    for _ in range(5):
        await judge.verdict._try_mount()
        pauses.append(judge.verdict._pause_s())
    judge.server.exports = {"/a": Status.NOENT}
    await judge.verdict._try_mount()
    pauses.append(judge.verdict._pause_s())

    assert pauses == [10, 20, 40, 50, 50, 10]


async def test_doubts_do_not_hurry_a_denial(judge: Judge) -> None:
    """The services' NULL may fail as well, once a second: that is no news."""
    judge.server.exports = {"/a": Status.ACCES}
    async with judge.running():
        await eventually(lambda: judge.verdict.denial(MOUNTD), "the denial")
        for _ in range(20):
            judge.verdict.want(Haste.DOUBT)
            await asyncio.sleep(0.01)
        assert judge.tries == 1


@pytest.mark.patient
async def test_doubts_that_find_nothing_new_are_followed_less_and_less(judge: Judge) -> None:
    async with judge.running():
        await judge.first()
        loop = asyncio.get_running_loop()
        end = loop.time() + 0.7
        while loop.time() < end:
            judge.verdict.want(Haste.DOUBT)
            await asyncio.sleep(0.005)
        # After 0.02 s, 0.04 s, 0.08 s, 0.16 s, 0.32 s, …
        assert 3 <= judge.tries <= 7
        tries = judge.tries
        judge.verdict.want(Haste.SOON)
        await eventually(lambda: judge.tries > tries, "what news leads to", timeout_s=0.3)


async def test_who_cannot_answer_is_not_mounted_from(judge: Judge) -> None:
    judge.mute = True
    async with judge.running():
        await never(lambda: judge.tries, "a trial", for_s=0.1)


async def test_all_exports_are_gone_through_before_anybody_is_denied(judge: Judge) -> None:
    judge.server.exports = {f"/{n}": Status.ACCES for n in range(20)}
    async with judge.running():
        await eventually(lambda: judge.verdict.denial(MOUNTD), "the denial")
    assert judge.server.count(MOUNTD, mount.Procedure.MNT) == 20


async def test_what_cannot_be_found_out_is_told_once(judge: Judge) -> None:
    judge.probe = Probe(interval_s=0.05, timeout_s=0.02, mount_interval_s=50)
    judge.server.manners[MOUNTD].silent = True
    with capture_logs() as logs:
        async with judge.running():
            await eventually(judge.verdict.advice, "the advice")
            tries = judge.tries
            await eventually(lambda: judge.tries >= tries + 2, "further trials")
            judge.server.manners[MOUNTD].silent = False
            await eventually(lambda: not judge.verdict.advice(), "its end")
    told = [line for line in logs if line["event"] == "mount_undecided"]
    assert len(told) == 1
    assert "mountd, called for EXPORT, did not answer within" in told[0]["error"]


async def test_what_the_server_lists_is_told_with_the_time_of_the_question(judge: Judge) -> None:
    began = asyncio.get_running_loop().time()
    judge.server.exports = {"/a": Status.OK, "/b": Status.ACCES}
    async with judge.running():
        await judge.judged()
        first = asyncio.get_running_loop().time()
        judge.server.exports = {}
        judge.verdict.renew()
        await eventually(lambda: len(judge.heard) == 2, "what it lists then")

    assert [sorted(listed) for listed, _ in judge.heard] == [["/a", "/b"], []]
    assert began <= judge.heard[0][1] <= first <= judge.heard[1][1]


async def test_other_exports_are_tried_at_once(judge: Judge) -> None:
    """A denial is not waited for: whoever edited the file wants to see what it does."""
    judge.server.exports = {"/a": Status.ACCES}
    async with judge.running():
        await eventually(lambda: judge.verdict.denial(MOUNTD), "the denial")
        judge.server.exports = {"/a": Status.OK}
        judge.verdict.renew()
        await eventually(lambda: judge.verdict.denial(MOUNTD) is None, "its end", timeout_s=2)
        assert not judge.verdict.pending, "clients were told to wait"
