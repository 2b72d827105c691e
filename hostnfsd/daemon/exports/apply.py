"""Tells the NFS server that its exports file changed; see :mod:`hostnfsd.exports.applying`.

What it is told is a matter of one command, with a deadline. It never fails the daemon, and whether
it had an effect is for the server to say: MOUNT EXPORT is compared with the file afterwards.
"""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from hostnfsd.dial.patience import within
from hostnfsd.dial.program import run as run_program
from hostnfsd.exports import applying
from hostnfsd.exports.applying import ByHand, Command, Outcome, Request
from hostnfsd.exports.model import Dialect
from hostnfsd.snapshot import ApplyView

#: Seconds until the command has ended: exportfs resolves names, and DNS may be slow.
WITHIN_S: Final = 30.0
#: Seconds until a request has been taken up.
TAKEN_S: Final = 5.0
_LOOK_S: Final = 0.05
#: Where system programs are, whatever PATH a daemon has.
_SYSTEM_PATH: Final = "/usr/sbin:/sbin"

_log: Final = structlog.stdlib.get_logger("hostnfsd.exports")


class NotAppliedError(Exception):
    """The server was not told; with the reason, and what a person can do."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


class Applying:
    """Tells the server when asked, one time after the other.

    Args:
        told: called with how it went.
        root: whether we run as root.
        runtime: ``$RUNTIME_DIRECTORY``.
        request: see :data:`applying.REQUEST`.
        answer: see :data:`applying.ANSWER`.
    """

    def __init__(
        self,
        told: Callable[[ApplyView], None],
        *,
        root: bool | None = None,
        runtime: str | None = None,
        request: Path = Path(applying.REQUEST),
        answer: Path = Path(applying.ANSWER),
    ) -> None:
        self._told = told
        self._root = os.geteuid() == 0 if root is None else root
        self._runtime = os.environ.get("RUNTIME_DIRECTORY", "") if runtime is None else runtime
        self._request = request
        self._answer = answer
        self._wanted: Dialect | None = None
        self._woken = asyncio.Event()
        self._at_work = False

    def want(self, dialect: Dialect) -> None:
        """The file changed: tell the server of it."""
        self._wanted = dialect
        self._woken.set()

    @property
    def busy(self) -> bool:
        """Whether the server is being told, or is still to be."""
        return self._at_work or self._wanted is not None

    async def run(self) -> None:
        """Do what is wanted, for ever."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            dialect, self._wanted = self._wanted, None
            if dialect is None:
                continue
            self._at_work = True
            try:
                view = await self._tell(dialect)
            finally:
                self._at_work = False
            self._told(view)

    async def _tell(self, dialect: Dialect) -> ApplyView:
        command = " ".join(applying.COMMANDS[dialect])
        began = time.monotonic()
        try:
            outcome = await self._by_some_way(dialect)
        except NotAppliedError as exc:
            _log.warning("exports_not_applied", error=str(exc), hint=exc.hint)
            return ApplyView(time.time(), ok=False, text=str(exc), hint=exc.hint)
        except Exception as exc:  # noqa: BLE001  # a bug of ours must not end the daemon
            _log.exception("exports_apply_broke")
            return ApplyView(time.time(), ok=False, text=f"{command}: {exc}")
        if outcome.status != 0:
            text, hint = f"{command}: {outcome.text}", f"run it by hand: sudo {command}"
            _log.warning("exports_not_applied", error=text, hint=hint)
            return ApplyView(time.time(), ok=False, text=text, hint=hint)
        seconds = round(time.monotonic() - began, 3)
        _log.info("exports_applied", command=command, said=outcome.text, duration_s=seconds)
        return ApplyView(time.time(), ok=True, text=command)

    async def _by_some_way(self, dialect: Dialect) -> Outcome:
        match applying.way(dialect, sys.platform, root=self._root, runtime=self._runtime):
            case Command(argv):
                return await run(argv)
            case Request(cure):
                return await self._ask(cure)
            case ByHand(why, cure):
                raise NotAppliedError(why, cure)

    async def _ask(self, cure: str) -> Outcome:
        """Let the unit that may do it do it."""
        try:
            self._request.touch()
        except OSError as exc:
            raise NotAppliedError(f"no request can be made: {exc}", cure) from exc
        try:
            async with within(TAKEN_S):
                while self._request.exists():  # noqa: ASYNC110  # another process removes it
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            self._request.unlink(missing_ok=True)
            text = f"{applying.UNIT} did not take the request up within {TAKEN_S:g} s"
            raise NotAppliedError(text, cure) from None
        try:
            async with within(WITHIN_S):
                # It removed the answer of the time before ahead of the request.
                while (outcome := self._answered()) is None:  # noqa: ASYNC110  # as above
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            text = f"exportfs -ra did not end within {WITHIN_S:g} s"
            hint = "see: journalctl -u hostnfsd-exports.service; does DNS answer?"
            raise NotAppliedError(text, hint) from None
        return outcome

    def _answered(self) -> Outcome | None:
        try:
            return applying.answered(self._answer.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as exc:
            hint = f"let this user read {self._answer}"
            raise NotAppliedError(f"the answer cannot be read: {exc}", hint) from exc


async def run(argv: Sequence[str]) -> Outcome:
    """Run a command to its end.

    Raises:
        NotAppliedError: it is not there, or does not end in time.
    """
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), _SYSTEM_PATH))
    program = shutil.which(argv[0], path=path)
    if program is None:
        text = f"there is no {argv[0]} on this machine"
        hint = 'is its NFS server another one? then set host.apply_exports = "never"'
        raise NotAppliedError(text, hint)
    try:
        ended = await run_program(program, *argv[1:], within_s=WITHIN_S, together=True)
    except TimeoutError:
        text = f"{' '.join(argv)} did not end within {WITHIN_S:g} s: it was ended"
        raise NotAppliedError(
            text, "does DNS answer? run it by hand to see where it hangs"
        ) from None
    return applying.outcome(ended.status, ended.output)
