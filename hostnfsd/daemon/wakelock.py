"""Keeps this machine awake, by a child process that holds a lock: :mod:`hostnfsd.tunnel.wakelock`.

The child reads a pipe of ours, or watches our process: it ends when we do, by whatever signal.
"""

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from typing import Final

from hostnfsd.dial.patience import within
from hostnfsd.dial.program import run as run_program
from hostnfsd.tunnel import wakelock
from hostnfsd.tunnel.wakelock import Cannot, Holder

#: Seconds until a lock is held, or given back.
WITHIN_S: Final = 5.0
#: Seconds after which a holder that cannot tell has not failed at once.
SETTLED_S: Final = 0.5
#: Where system programs are, whatever PATH a daemon has.
_SYSTEM_PATH: Final = "/usr/bin:/bin"
_MOST_SAID: Final = 300


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), _SYSTEM_PATH)))


class WakeLock:
    """One lock, held or not.

    Args:
        platform: as :data:`sys.platform` has it.
    """

    def __init__(self, platform: str = sys.platform) -> None:
        self._platform = platform
        self._process: Process | None = None

    @property
    def held(self) -> bool:
        """Whether the machine is kept awake; no longer so if somebody has ended the holder."""
        return self._process is not None and self._process.returncode is None

    async def hold(self) -> Cannot | None:
        """Keep it awake from now on; why not, if that cannot be done."""
        holder = wakelock.holder(self._platform, os.getpid())
        if isinstance(holder, Cannot):
            return holder
        program = _program(holder.argv[0])
        if program is None:
            return wakelock.missing(self._platform)
        try:
            said = await self._start(program, holder)
        except OSError as exc:
            said = str(exc)
        if said is None:
            return None
        await self.let_go()
        return wakelock.ended(self._platform, said, await self._idle_action())

    async def let_go(self) -> None:
        """The machine may fall asleep again. Can be called again."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if process.stdin is not None:
                process.stdin.close()
            else:
                _send(process, signal.SIGTERM)
            await _over(process)
        except TimeoutError:
            await _killed(process)
        finally:
            _send(process, signal.SIGKILL)

    async def _start(self, program: str, holder: Holder) -> str | None:
        """What it said instead of holding; None if it holds."""
        self._process = process = await asyncio.create_subprocess_exec(
            program,
            *holder.argv[1:],
            stdin=PIPE if holder.echoes else DEVNULL,
            stdout=PIPE if holder.echoes else DEVNULL,
            stderr=PIPE,
            # What a terminal sends to us is not for the child: it goes when we are done.
            start_new_session=True,
        )
        try:
            if not holder.echoes:
                async with within(SETTLED_S):
                    return await _last_words(process)
            async with within(WITHIN_S):
                return None if await _echo(process) else await _last_words(process)
        except TimeoutError:
            return f"no answer within {WITHIN_S:g} s" if holder.echoes else None

    async def _idle_action(self) -> str:
        program = _program(wakelock.IDLE_ACTION[0])
        if self._platform != "linux" or program is None:
            return ""
        try:
            ended = await run_program(program, *wakelock.IDLE_ACTION[1:], within_s=WITHIN_S)
        except (OSError, TimeoutError):
            return ""
        return ended.output.decode(errors="replace")


async def _echo(process: Process) -> bool:
    """Whether it says back a line: not if it ends before."""
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  # pipes
    # Once it has ended, asyncio raises an OSError here, uvloop a RuntimeError.
    if not process.stdin.is_closing():
        with suppress(OSError):
            process.stdin.write(b"\n")
            await process.stdin.drain()
    return bool(await process.stdout.readline())


async def _last_words(process: Process) -> str:
    assert process.stderr is not None  # noqa: S101  # a pipe
    said = (await process.stderr.read(_MOST_SAID)).decode(errors="replace")
    status = await process.wait()
    return " ".join(said.split()) or f"it ended with status {status}"


async def _over(process: Process) -> bytes:
    """What it still wrote, once it has ended and closed its pipes.

    Raises:
        TimeoutError: it has not in time.
    """
    async with within(WITHIN_S):
        output, _ = await process.communicate()
    return output or b""


async def _killed(process: Process) -> None:
    _send(process, signal.SIGKILL)
    with suppress(TimeoutError):
        await _over(process)


def _send(process: Process, number: signal.Signals) -> None:
    """To the child and its children, while it is not reaped: its number may be another's then."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
