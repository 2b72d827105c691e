"""A real OpenSSH sshd on a high port of loopback, for the user who runs the tests."""

import contextlib
import getpass
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from tests.support.keys import make_key
from tests.support.ports import LOOPBACK, accepts, free_port

_START_S: Final = 10.0


class Sshd:
    """One gateway. It keeps its port, so that it can be ended and started again.

    Args:
        folder: for its files; also holds the client's key ``id`` and ``known_hosts``.
        lines: further lines of sshd_config(5); the first of a keyword wins there.
    """

    def __init__(self, folder: Path, *lines: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.user = getpass.getuser()
        self.identity = folder / "id"
        self.known_hosts = folder / "known_hosts"
        self.authorized = folder / "authorized_keys"
        self.log = folder / "sshd.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.public_key = make_key(self.identity)
        self.renew_host_key()
        self.trust()
        self.authorize()
        self.configure(*lines)

    def configure(self, *lines: str) -> None:
        """Write sshd_config; read at the next start."""
        (self.folder / "sshd_config").write_text(
            "\n".join(
                (
                    *lines,
                    f"ListenAddress {LOOPBACK}:{self.port}",
                    f"HostKey {self.folder}/host_key",
                    f"AuthorizedKeysFile {self.authorized}",
                    "PidFile none",
                    "StrictModes no",
                    "PasswordAuthentication no",
                    "KbdInteractiveAuthentication no",
                    "UsePAM no",
                    "UseDNS no",
                    "PermitRootLogin prohibit-password",
                    "MaxStartups 100:30:200",
                    "LogLevel VERBOSE",
                    "",
                )
            )
        )

    def renew_host_key(self) -> None:
        """Make another host key; used from the next start on."""
        for name in ("host_key", "host_key.pub"):
            (self.folder / name).unlink(missing_ok=True)
        self._host_key = " ".join(make_key(self.folder / "host_key").split()[:2])

    def trust(self) -> None:
        """Record the host key in ``known_hosts``."""
        self.known_hosts.write_text(f"[{LOOPBACK}]:{self.port} {self._host_key}\n")

    def authorize(self, options: str = "") -> None:
        """Let the client's key in, with options of authorized_keys(5)."""
        self.authorized.write_text(f"{options} {self.public_key}\n".lstrip())

    def forbid(self) -> None:
        """Let nobody in."""
        self.authorized.write_text("")

    def start(self) -> "Sshd":
        """Start it; returns once it listens."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [
                *("/usr/sbin/sshd", "-D", "-E", str(self.log)),
                *("-f", str(self.folder / "sshd_config")),
            ],
            stdin=subprocess.DEVNULL,
        )
        end = time.monotonic() + _START_S
        while not accepts(self.port):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.005)
        return self

    def sessions(self) -> list[int]:
        """Process ids of the connections that stand now, logged in or not."""
        assert self._process is not None
        pid = self._process.pid
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill_sessions(self) -> int:
        """KILL them; returns how many there were."""
        return self.signal_sessions(signal.SIGKILL)

    def signal_sessions(self, number: signal.Signals) -> int:
        """Send all of them a signal; returns how many there were."""
        found = self.sessions()
        for pid in found:
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(pid, number)
        return len(found)

    def stop(self) -> None:
        """End it and its sessions."""
        if self._process is not None:
            for number in (signal.SIGCONT, signal.SIGKILL):
                self.signal_sessions(number)
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None
