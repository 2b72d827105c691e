"""The checks of the machine that hostnfsd runs on: sleep, and the clock beside the gateway's."""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from hostnfsd.doctor import machine_state
from hostnfsd.doctor.check import Check, Id
from hostnfsd.doctor.finding import Finding, passed, skipped, warned
from hostnfsd.doctor.link import Link
from hostnfsd.doctor.scene import Scene
from hostnfsd.readable import duration
from hostnfsd.tunnel import wakelock

SECTION: Final = "This machine"
#: Seconds that two clocks may differ without harm: make(1) and the like compare whole seconds.
CLOCK_S: Final = 2.0
_CLOCK_COMMAND: Final = "date +%s"


def checks(scene: Scene, links: Sequence[Link]) -> Iterator[Check]:
    """What is nobody's hop."""
    yield Check(Id("sleep"), "sleep", SECTION, partial(_sleep, scene))
    for link in links:
        before = (Id("login", link.name),)
        work = partial(_clock, link)
        yield Check(Id("clock", link.name), "clock", SECTION, work, before)


async def _sleep(scene: Scene) -> Sequence[Finding]:
    mode = scene.config.host.keep_awake
    awake = None if scene.snapshot is None else scene.snapshot.awake
    error = None if awake is None else awake.error
    if scene.platform == "darwin":
        printed = (await scene.run(*machine_state.PMSET)).output
        return (machine_state.of_pmset(printed, mode, error),)
    told, idle = await asyncio.gather(
        scene.run(*machine_state.SLEEP_TARGETS), scene.run(*wakelock.IDLE_ACTION)
    )
    return (machine_state.of_systemd(told.status, told.output, idle.output, mode, error),)


async def _clock(link: Link) -> Sequence[Finding]:
    """The gateway's clock against ours; the question's way there and back is allowed for."""
    await link.session()
    before = time.time()
    output = await link.output(_CLOCK_COMMAND)
    after = time.time()
    found = re.search(r"^(\d{9,11})$", output or "", re.MULTILINE)
    if found is None:
        return (skipped(f"{link.name} does not tell its time: it runs no commands for our login"),)
    return (clock_verdict(link.name, int(found[1]), before, after),)


def clock_verdict(gateway: str, theirs: int, before: float, after: float) -> Finding:
    """Judge a gateway's clock that told whole seconds at some time between two of ours."""
    off = max(before - (theirs + 1), theirs - after, 0.0)
    if off <= CLOCK_S:
        return passed(f"that of {gateway} agrees with ours")
    way = "ahead of" if theirs > after else "behind"
    return warned("clock-off", f"that of {gateway} is {duration(off)} {way} ours")
