"""A file that the daemon follows, and what it makes of it: for tests that change the file."""

import asyncio
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from hostnfsd.config.model import Config, Host
from hostnfsd.daemon.exports.book import ExportsBook, Listed
from hostnfsd.daemon.exports.watch import ExportsWatch, this_machine
from hostnfsd.dial.sources import Sources
from hostnfsd.exports.verdict import Standing
from hostnfsd.machine.exports import Findings
from hostnfsd.snapshot import ExportsView
from tests.support.conditions import eventually, never


class Following:
    """A daemon's view of one exports file.

    Attributes:
        path: the file.
        config: in force.
        watch: under test.
        log: every line it logged.
        followed: the paths that were in effect, each time somebody was told.
        looks: whether the exports had changed, each time the server was to be looked at.
        reads: how often the file was read.
    """

    def __init__(self, path: Path, log: list[MutableMapping[str, Any]], **host: Any) -> None:
        self.path = path
        self.log = log
        self.config = Config(host=Host(exports=str(path), **host))
        self.followed: list[list[str]] = []
        self.looks: list[bool] = []
        self.reads = 0
        self.before_reading: Callable[[], object] = lambda: None
        self._read = this_machine(Sources("never"))
        self.watch = ExportsWatch(
            config=lambda: self.config,
            read=self._count,
            follow=self._follow,
        )

    def _count(self, host: Host) -> Findings:
        self.reads += 1
        self.before_reading()
        return self._read(host)

    def _follow(self, book: ExportsBook) -> None:
        self.followed.append([export.path for export in book.exports])

    def configure(self, **host: Any) -> None:
        """A reload with another [host]."""
        table = self.config.host.model_copy(update=host)
        self.config = self.config.model_copy(update={"host": table})
        self.watch.apply()

    def hear(self, listed: Listed) -> None:
        """The server tells what it exports, asked now."""
        self.watch.heard(listed, asyncio.get_running_loop().time())

    def events(self, name: str) -> list[MutableMapping[str, Any]]:
        """The lines of an event."""
        return [line for line in self.log if line["event"] == name]

    @property
    def view(self) -> ExportsView:
        view = self.watch.view()
        assert view is not None
        return view

    @property
    def paths(self) -> list[str]:
        """What is in effect."""
        view = self.watch.view()
        return [] if view is None else [export.path for export in view.exports]

    async def until(self, *paths: object, standing: Standing = Standing.VALID) -> None:
        """Wait until these exports are in effect."""
        wanted = [str(path) for path in paths]
        await eventually(
            lambda: self.view.standing is standing and self.paths == wanted,
            f"{wanted} to be in effect, {standing}",
            seen=self.watch.view,
        )

    async def reading(self) -> None:
        """Wait for one more reading."""
        before = self.reads
        await eventually(lambda: self.reads > before, "a reading", seen=self.watch.view)

    async def nothing_read(self, for_s: float) -> None:
        before = self.reads
        await never(lambda: self.reads > before, "it was read", for_s=for_s)


@asynccontextmanager
async def following(path: Path, **host: Any) -> AsyncIterator[Following]:
    """Follow a file, from its first reading on."""
    with capture_logs() as log:
        made = Following(path, log, **host)
        task = asyncio.create_task(made.watch.run(made.looks.append))
        try:
            await eventually(lambda: made.view.standing is not Standing.PENDING, "a first reading")
            yield made
        finally:
            task.cancel()
            await asyncio.wait((task,))
