"""Follows the host's exports file: looks, lets it settle, reads it in a thread, has it judged.

Whatever hangs there (a home on a dead server, a resolver) holds up a thread and nobody else: what
is in effect stays, status says so, and the next look begins when that one has ended.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from hostnfsd.config.model import Config, Host
from hostnfsd.daemon import watch
from hostnfsd.daemon.aside import Aside
from hostnfsd.daemon.exports.apply import Applying
from hostnfsd.daemon.exports.book import ExportsBook, Listed
from hostnfsd.daemon.host.mount_verdict import survive, wait
from hostnfsd.daemon.watch import LOOK_S, Signature, bare
from hostnfsd.dial.sources import Sources
from hostnfsd.exports.addresses import parse
from hostnfsd.exports.settling import Settling
from hostnfsd.exports.verdict import Standing, lasting
from hostnfsd.machine.exports import Findings, dialect_of, path_of, read_exports
from hostnfsd.machine.names import Names
from hostnfsd.snapshot import ApplyView, ExportsView

#: Seconds between two readings of a file that does not change: names may have other addresses.
REFRESH_S: Final = 60.0
#: The same for a file that names no hosts: on a Mac it takes several programs to read it.
CALM_REFRESH_S: Final = 600.0
#: Seconds after which it is told that a reading takes long: names alone have six, and a Mac asks
#: several programs; and seconds after which it is given up.
LATE_S: Final = 15.0
READ_S: Final = 60.0
#: Seconds until the server is asked again whether it differs from the file; doubled up to the most.
_ASK_AGAIN_S: Final = 10.0
_ASK_MOST_S: Final = 60.0

Seen = Mapping[Path, Signature]


def this_machine(sources: Sources) -> Callable[[Host], Findings]:
    """What reads the exports files of this machine.

    Args:
        sources: dials its server.
    """
    names = Names()
    return lambda host: read_exports(host, names, low_ports=sources.low_ports)


class ExportsWatch:
    """The exports of the host, followed for as long as the daemon lives.

    Args:
        config: gives the configuration in force.
        read: reads the files of ``[host]``; blocks.
        follow: called with the book of the file whenever what is in effect, or the file, has
            changed.
    """

    def __init__(
        self,
        *,
        config: Callable[[], Config],
        read: Callable[[Host], Findings],
        follow: Callable[[ExportsBook], None],
    ) -> None:
        self._config = config
        self._read_files = read
        self._follow = follow
        self._look_at_server: Callable[[bool], None] = lambda _changed: None
        self._aside = Aside("exports")
        self._applying = Applying(self._told)
        self._check_applied = False
        self._woken = asyncio.Event()
        self._settling = Settling()
        self._host: Host | None = None
        self._book: ExportsBook | None = None
        self._seen: Seen = {}
        self._at_once = True
        self._refresh_at = 0.0
        self._listen_from = 0.0
        self._ask_at: float | None = None
        self._asked = 0
        self._rebook()

    def apply(self) -> None:
        """A reload: read at once, by the configuration that is in force now."""
        self._rebook()
        self._at_once = True
        self._woken.set()

    def view(self) -> ExportsView | None:
        """What status shows; None where the configuration names no file."""
        return None if self._book is None else self._book.view()

    def heard(self, listed: Listed, asked_at: float) -> None:
        """The server told what it exports.

        Args:
            listed: paths, and the names they are exported to.
            asked_at: when the question was about to be asked, on the loop's clock.
        """
        changing = self._settling.due is not None or self._applying.busy
        if self._book is None or changing or asked_at < self._listen_from:
            return  # it may not have heard of the last change yet, or we have not
        self._book.heard(listed)
        if self._check_applied:
            self._check_applied = False
            self._book.confirm_applied()
        if self._book.differences:
            pause_s = min(_ASK_AGAIN_S * 2.0**self._asked, _ASK_MOST_S)
            self._ask_at = _now() + pause_s
        else:
            self._ask_at, self._asked = None, 0

    # -- the work --------------------------------------------------------------------------------

    async def run(self, look: Callable[[bool], None]) -> None:
        """Follow the file, for ever.

        Args:
            look: has an export mounted for trial, which also asks the server what it exports, and,
                told that something changed, clients' states looked at.
        """
        self._look_at_server = look
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_looking(), name="exports watch")
            group.create_task(self._applying.run(), name="exports apply")

    async def _keep_looking(self) -> None:
        while True:
            self._woken.clear()
            if self._book is None:
                await self._woken.wait()
                continue
            await survive(self._turn)
            await wait(self._woken, watch.STEP_S)

    def _rebook(self) -> None:
        """Open a book for the file that the configuration names, unless it is the same."""
        host, before = self._config().host, self._book
        same = self._host is not None and _file_of(host) == _file_of(self._host)
        self._host = host
        if same:
            return
        self._seen, self._ask_at = {}, None
        self._settling.over()
        self._aside = Aside("exports")  # the other file may hang
        if host.exports == "none":
            self._book = None
            return
        self._book = ExportsBook(str(path_of(host)), dialect_of(host.platform), self._follow)
        if before is not None:
            self._book.inherit(before.in_force)

    async def _turn(self) -> None:
        book = self._book
        if book is None:
            return
        paths = tuple(self._seen) or (Path(book.path),)
        try:
            seen = await self._aside.do(lambda: watch.signatures(paths), LOOK_S)
        except TimeoutError:
            self._late(book, f"it could not be looked at within {LOOK_S:g} s")
            return
        if book is not self._book:
            return
        now = _now()
        if self._seen and seen != self._seen:
            self._settling.changed(now, bare=bare(seen[Path(book.path)]))
        self._seen = seen
        # Nobody is helped by what stands there in the middle of a save, not even who asks for it.
        due = self._settling.due
        asked = self._at_once or now >= self._refresh_at
        if asked if due is None else now >= due:
            await self._read(book, now)
        if self._ask_at is not None and now >= self._ask_at:
            self._asked += 1
            self._ask_at = None
            self._look_at_server(False)

    async def _read(self, book: ExportsBook, now: float) -> None:
        host, before = self._config().host, self._seen
        asked = self._at_once
        # Who writes all the time, or waits for an answer, gets what is there now.
        anyhow = asked or self._settling.overdue(now)
        self._at_once = False
        slow = f"it could not be read within {LATE_S:g} s"
        teller = asyncio.get_running_loop().call_later(LATE_S, self._late, book, slow)
        try:
            found, seen = await self._aside.do(lambda: self._read_and_look(host), READ_S)
        except TimeoutError:
            self._at_once |= asked
            self._late(book, slow)
            return
        except Exception:  # a bug of ours, which is logged: not again at once
            self._settle(now)
            raise
        finally:
            teller.cancel()
        if book is not self._book:
            return
        changed = {path for path in before.keys() & seen.keys() if before[path] != seen[path]}
        self._seen = seen
        if changed and not anyhow:
            self._settling.changed(_now(), bare=bare(seen[Path(book.path)]))
            return
        calm = lasting(found.reading) and parse(host.address) is not None
        self._settle(now, CALM_REFRESH_S if calm else REFRESH_S)
        self._enter(book, found, asked=asked)

    def _settle(self, now: float, refresh_s: float = REFRESH_S) -> None:
        self._settling.over()
        self._refresh_at = now + refresh_s

    def _read_and_look(self, host: Host) -> tuple[Findings, Seen]:
        found = self._read_files(host)
        return found, watch.signatures((path_of(host), *found.files))

    def _enter(self, book: ExportsBook, found: Findings, *, asked: bool) -> None:
        first = book.standing is Standing.PENDING
        changed = book.enter(found, there=self._seen[Path(book.path)] is not None)
        if first:
            return  # at the start, and after a reload, an export is mounted for trial anyway
        if not changed and not (asked and book.differences):
            return
        self._asked = 0
        when_valid = self._config().host.apply_exports == "when-valid"
        if when_valid and book.standing is Standing.VALID:
            self._applying.want(book.dialect)  # it is asked once it was told
        else:
            self._ask_server()

    def _ask_server(self) -> None:
        """Something changed: what was asked before says nothing about it."""
        self._listen_from, self._ask_at = _now(), None
        self._look_at_server(True)

    def _told(self, view: ApplyView) -> None:
        """The server was told, well or not."""
        if self._book is None:
            return
        self._book.applied = view
        self._check_applied = view.ok
        self._ask_server()

    def _late(self, book: ExportsBook, what: str) -> None:
        """A look or a reading hangs."""
        if book is not self._book:
            return
        text = f"{what}: does it lie on a file server that is gone, or do names hang?"
        book.late(text, "what was in effect stays until it answers")
        self._refresh_at = 0.0  # as soon as it answers


def _file_of(host: Host) -> tuple[str, str]:
    return host.exports, host.platform


def _now() -> float:
    return asyncio.get_running_loop().time()
