"""Where programs of the test bed run: a box, or this machine as it is."""

import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tests.bed.box import CommandError, Completed
from tests.bed.process import Pid, Process


class Place(Protocol):
    """What a daemon and a client of the test bed need of their machine."""

    def run(
        self,
        *command: str,
        timeout_s: float = 10.0,
        check: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a command to its end."""
        ...

    def start(self, name: str, *command: str, env: Mapping[str, str] | None = None) -> Process:
        """Start a program."""
        ...

    def connect(self, address: str, port: int, *, timeout_s: float | None = 5.0) -> socket.socket:
        """A TCP connection from there."""
        ...


class Here:
    """This machine as it is; for where namespaces cannot be made."""

    def __init__(self, log_folder: Path) -> None:
        self._log_folder = log_folder
        log_folder.mkdir(parents=True, exist_ok=True)

    def run(
        self,
        *command: str,
        timeout_s: float = 10.0,
        check: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """As :meth:`tests.bed.box.Box.run`."""
        done = subprocess.run(
            command,
            timeout=timeout_s,
            env={"PATH": os.environ["PATH"], **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise CommandError(
                f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return Completed(done.returncode, done.stdout, done.stderr)

    def start(self, name: str, *command: str, env: Mapping[str, str] | None = None) -> Process:
        """As :meth:`tests.bed.box.Box.start`."""
        log = self._log_folder / f"{name}.log"
        with log.open("ab") as sink:
            popen = subprocess.Popen(
                command,
                env={"PATH": os.environ["PATH"], **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Our own child keeps its number until we have waited for it; macOS has no /proc to ask.
        return Process(name, popen, Pid.of(popen.pid) or Pid(popen.pid, 0), log)

    def connect(self, address: str, port: int, *, timeout_s: float | None = 5.0) -> socket.socket:
        """As :meth:`tests.bed.box.Box.connect`."""
        return socket.create_connection((address, port), timeout_s)
