"""The tests' hand on the userspace TCP proxy in front of sshd; see ``proxy_process.py``."""

import json
import socket
import sys
from pathlib import Path
from typing import Any, Final

from tests.bed.box import Box
from tests.bed.process import Process
from tests.bed.waiting import wait_until

PROXY: Final = "127.0.0.1"
PROXY_PORT: Final = 122
_PROGRAM: Final = Path(__file__).with_name("proxy_process.py")


class Proxy:
    """A proxy on the host's loopback, port 122, as Docker Desktop publishes a container's sshd.

    It acknowledges by itself: TCP keepalive and TCP_USER_TIMEOUT see a healthy peer whatever
    became of the gateway.
    """

    def __init__(self, box: Box, target: str, target_port: int) -> None:
        control = box.run_folder / "proxy.sock"
        control.unlink(missing_ok=True)
        self.process: Process = box.start(
            "proxy",
            *(sys.executable, str(_PROGRAM), str(PROXY_PORT), target, str(target_port)),
            "/run/proxy.sock",
        )
        wait_until(
            lambda: control.exists() or not self.process.running,
            "the proxy to listen",
            seen=self.process.tail,
        )
        assert self.process.running, self.process.tail()
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._control.settimeout(5)
        wait_until(lambda: self._control.connect_ex(str(control)) == 0, "the proxy to answer")
        self._answers = self._control.makefile("r", encoding="utf-8")

    def close(self) -> None:
        """End it."""
        self._answers.close()
        self._control.close()
        self.process.kill()

    def _ask(self, **request: object) -> dict[str, Any]:
        self._control.sendall(json.dumps(request).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._answers.readline())
        assert "error" not in answer, answer
        return answer

    def latency(self, seconds: float) -> None:
        """Delay every byte by this much in each direction, from now on."""
        self._ask(set="latency_s", value=seconds)

    def blackhole(self, on: bool = True) -> None:
        """Pass nothing on, and say so to nobody; ``False`` delivers what was held back."""
        self._ask(set="blackhole", value=on)

    def refuse(self) -> None:
        """Refuse new connections; those that stand go on. :meth:`accept` undoes it."""
        self._ask(do="refuse")

    def accept(self) -> None:
        """Accept new connections again."""
        self._ask(do="listen")

    def reset_all(self) -> None:
        """RST every connection, towards both ends."""
        self._ask(do="reset_all")

    def half_open(self) -> None:
        """End every connection towards the gateway; the host's side stays open, silent."""
        self._ask(do="half_open")

    def strand(self) -> None:
        """Pass nothing on for what stands now, not even its end, and ever; new connections pass."""
        self._ask(do="strand")

    @property
    def connections(self) -> int:
        """How many stand now."""
        return int(self._ask(do="report")["connections"])

    @property
    def carried_bytes(self) -> int:
        """Bytes passed on since the start, both directions."""
        return int(self._ask(do="report")["carried"])
