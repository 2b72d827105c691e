"""Commands that are run on a gateway: one channel each, what it prints, and nothing else of it."""

import shlex
from typing import Final

import asyncssh

from hostnfsd.daemon.ssh.requests import Requests
from hostnfsd.dial.patience import within

#: Letters taken of what a command prints there; a table of thousands of listeners has fewer.
_OUTPUT_MOST: Final = 256 * 1024


class NoOutputError(Exception):
    """The gateway runs no command for us."""


class HangingError(NoOutputError):
    """The command did not end in time; sshd keeps its channel until it does."""


class Commands:
    """Those of one session."""

    def __init__(self, connection: asyncssh.SSHClientConnection, requests: Requests) -> None:
        self._connection = connection
        self._requests = requests

    async def output(self, command: str, within_s: float) -> str:
        """What a command prints, its errors left out.

        Args:
            command: in the language of a POSIX shell, whatever our login's own shell speaks.
            within_s: seconds it may take.

        Raises:
            NoOutputError: it is not run, or does not end in time.
        """
        try:
            async with within(within_s):
                return await self._run(command)
        except TimeoutError:
            raise HangingError from None
        except (asyncssh.Error, OSError) as exc:
            raise NoOutputError from exc

    async def _run(self, command: str) -> str:
        started = self._start(command)
        process = await self._requests.to_the_end(started, lambda late: late.channel.abort())
        text = ""
        try:
            # A forced command may print for ever, and asyncssh would keep all of it.
            while len(text) < _OUTPUT_MOST and (part := await process.stdout.read(_OUTPUT_MOST)):
                text += part
            if len(text) < _OUTPUT_MOST:
                await process.wait(check=False)
            return text
        finally:
            if process.returncode is None and not process.channel.is_closing():
                process.terminate()
            process.channel.abort()

    async def _start(self, command: str) -> "asyncssh.SSHClientProcess[str]":
        # sshd hands it to the login's shell: fish and csh understand no more than the quotes, rbash
        # redirects nothing, and to zsh some names of functions are words of its own. exec, so that
        # sshd stays the parent, which commands look for; rbash alone has none.
        script = f"sh -c {shlex.quote(command)}"
        return await self._connection.create_process(
            f"exec {script} || {script}",
            encoding="utf-8",
            errors="replace",
            stdin=asyncssh.DEVNULL,
            stderr=asyncssh.DEVNULL,
        )
