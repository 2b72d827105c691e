"""The check of what the daemon remembers across restarts: can it, and what is it now."""

from collections.abc import Iterator, Sequence
from functools import partial

from hostnfsd.daemon.gateway.session_book import NOT_REMEMBERED
from hostnfsd.daemon.gateway.session_store import StoreError
from hostnfsd.doctor.check import Check, Id
from hostnfsd.doctor.finding import Finding, passed, skipped, warned
from hostnfsd.doctor.scene import Scene


def checks(scene: Scene, section: str) -> Iterator[Check]:
    """The one, shown under a section."""
    yield Check(Id("sessions"), "sessions", section, partial(_sessions, scene))


async def _sessions(scene: Scene) -> Sequence[Finding]:
    if all(gateway.reclaim == "never" for gateway in scene.config.gateway.values()):
        return (skipped('reclaim = "never": none are remembered'),)
    if scene.snapshot is not None:
        troubles = [a for a in scene.snapshot.advice if a.text.startswith(NOT_REMEMBERED)]
        rows = [warned("state-unusable", a.text, _cure(a.hint)) for a in troubles]
        return rows or (passed("the daemon remembers them, also after a crash"),)
    if scene.store is None or scene.mute is not None:
        return (skipped("not known: a daemon that runs has them, and cannot be asked"),)
    found = await scene.remembered()
    if isinstance(found, StoreError):
        return (warned("state-unusable", str(found), _cure(found.hint)),)
    counts = {gateway: len(sessions) for gateway, sessions in found.items() if sessions}
    if not counts:
        return (passed(f"none; the daemon will keep them in {scene.store.folder}"),)
    told = ", ".join(f"{count} with {gateway}" for gateway, count in counts.items())
    return (passed(f"{told} ({scene.store.path})"),)


def _cure(hint: str) -> tuple[str, ...]:
    return (f"$ {hint}" if hint.startswith("chmod ") else hint,)
