"""A real ssh-agent."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Agent:
    socket: str

    def add(self, path: Path) -> None:
        """Let it hold a key without a passphrase."""
        self._change("-q", str(path))

    def forget(self) -> None:
        """Let it hold none."""
        self._change("-q", "-D")

    def _change(self, *words: str) -> None:
        subprocess.run(
            ["ssh-add", *words],
            env={"SSH_AUTH_SOCK": self.socket, "PATH": os.environ["PATH"]},
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )


@contextmanager
def ssh_agent(socket: Path) -> Iterator[Agent]:
    """An agent that holds nothing yet."""
    done = subprocess.run(
        ["ssh-agent", "-s", "-a", str(socket)], check=True, capture_output=True, text=True
    )
    pid = int(done.stdout.partition("SSH_AGENT_PID=")[2].partition(";")[0])
    try:
        yield Agent(str(socket))
    finally:
        os.kill(pid, signal.SIGTERM)
