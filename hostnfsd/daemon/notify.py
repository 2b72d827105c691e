"""What systemd is told over ``$NOTIFY_SOCKET``: sd_notify(3). The only importer of sdnotify.

Everything is a no-op where no socket is named, as under launchd or in a terminal.
"""

import os
import time
from collections.abc import Mapping

import sdnotify


def _ascii_line(text: str) -> str:
    # sdnotify encodes as Latin-1 and drops what does not fit without a word; a newline would
    # begin another assignment.
    return " ".join(text.split()).encode("ascii", "replace").decode("ascii")


def watchdog_interval_s(environ: Mapping[str, str], pid: int) -> float | None:
    """How often the watchdog wants to hear from this process, in seconds; None if it does not.

    Half of ``WATCHDOG_USEC``, as sd_watchdog_enabled(3) recommends. ``WATCHDOG_PID`` names the
    process that is meant, so that a child which inherited the variables does not feel spoken to.
    """
    usec = environ.get("WATCHDOG_USEC", "")
    if not usec.isascii() or not usec.isdigit() or int(usec) == 0:
        return None
    meant = environ.get("WATCHDOG_PID")
    if meant is not None and meant != str(pid):
        return None
    return int(usec) / 2e6


class Notify:
    """One process's line to systemd, as the environment describes it when this is made.

    Attributes:
        watchdog_interval_s: how often :meth:`watchdog` wants to be called; None: never.
    """

    def __init__(self) -> None:
        self.watchdog_interval_s = watchdog_interval_s(os.environ, os.getpid())
        self._last_status = ""
        self._notifier: sdnotify.SystemdNotifier | None = None
        if os.environ.get("NOTIFY_SOCKET"):
            self._notifier = sdnotify.SystemdNotifier()
            if self._notifier.socket is not None:
                # A full queue loses a datagram rather than stop the loop that does the work.
                self._notifier.socket.setblocking(False)

    def ready(self) -> None:
        """Started, or reloaded: the daemon supervises."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """The line of ``systemctl status``, sent when it changed. ``?`` stands for non-ASCII."""
        line = _ascii_line(text)
        if line != self._last_status:
            self._last_status = line
            self._send(f"STATUS={line}")

    def reloading(self) -> None:
        """A reload begins; :meth:`ready` ends it. One datagram, as Type=notify-reload demands."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The daemon drains."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """The loop that does the work is alive."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Give the socket back."""
        if self._notifier is not None and self._notifier.socket is not None:
            self._notifier.socket.close()
        self._notifier = None

    def _send(self, state: str) -> None:
        if self._notifier is not None:
            self._notifier.notify(state)
