"""A program of this machine, run to its end: no longer than it may take, and none of it is left."""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hostnfsd.dial.patience import within

#: Seconds for the end of one that was killed; what has left its session may outlive it.
_END_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it.

    Attributes:
        status: its exit status; below zero, the signal that ended it.
        output: what it printed.
        complaint: what it printed to standard error; empty where that is part of ``output``.
    """

    status: int
    output: bytes
    complaint: bytes


async def run(*argv: str, within_s: float, together: bool = False) -> Ended:
    """Run a program with nothing to read, in a session of its own.

    Where it takes too long its children are killed with it: they hold its pipes, and would be
    waited for as long. It is also killed where whoever waits is cancelled.

    Args:
        argv: the program, as found already, and its arguments.
        within_s: seconds it may take.
        together: whether what it complains of is part of its output.

    Raises:
        OSError: it cannot be run.
        TimeoutError: it took longer, and was ended.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT if together else asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with within(within_s):
            output, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(TimeoutError):
                async with within(_END_S):
                    await process.wait()
    return Ended(process.returncode or 0, output, complaint or b"")
