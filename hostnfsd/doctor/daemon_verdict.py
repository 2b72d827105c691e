"""The daemon as the doctor meets it: it tells, it does not, there is none. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hostnfsd.doctor.finding import Finding, failed, passed, skipped, warned
from hostnfsd.readable import duration
from hostnfsd.snapshot import Snapshot

#: How ps(1) is asked what a process does; ``T`` is one that was stopped, on Linux and on macOS.
PS_STATE: Final = ("ps", "-o", "stat=", "-p")
_STOPPED: Final = "T"


class Why(StrEnum):
    """Why nothing was learnt from what listens at the control socket."""

    FORBIDDEN = "forbidden"
    SILENT = "silent"
    DIFFERS = "differs"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Mute:
    """Somebody is at the control socket, and tells nothing.

    Attributes:
        text: what was met, a sentence.
        why: of which kind that is.
        pid: who listens there; None where the system does not tell.
        hint: what cures it, as whoever asked knows it.
    """

    text: str
    why: Why
    pid: int | None = None
    hint: str | None = None

    @property
    def a_daemon(self) -> bool:
        """Whether it is one, which may have the gateways' ports."""
        return self.why is not Why.FOREIGN


def stopped(ps: str) -> bool:
    """Whether what :data:`PS_STATE` printed is of a process that was stopped."""
    return ps.strip().startswith(_STOPPED)


def running(snapshot: Snapshot, *, usable: bool) -> Finding:
    """One that answers.

    Args:
        snapshot: what it told.
        usable: whether the configuration that stands in the file can be used.
    """
    text = f"process {snapshot.pid}, for {duration(snapshot.now - snapshot.started)}"
    return passed(text if usable else f"{text}, with the configuration that it read before")


def absent(cure: tuple[str, ...] | None, *, usable: bool) -> Finding:
    """None runs.

    Args:
        cure: how an installed service is started; None where none is installed.
        usable: whether there is a configuration that one could run with.
    """
    if not usable:
        return skipped("none runs, and none can before there is a configuration to run with")
    return warned("daemon-not-running", "none runs: nobody keeps the tunnel", cure)


def mute(met: Mute, *, was_stopped: bool = False) -> Finding:
    """One that tells nothing: the ports are its own."""
    match met.why:
        case Why.FORBIDDEN:
            return warned("daemon-mute", f"one runs and cannot be asked: {met.text}")
        case Why.SILENT if met.pid is None:
            return failed("daemon-mute", met.text, ("its log tells what it does; start it anew",))
        case Why.SILENT if was_stopped:
            return failed(
                "daemon-mute",
                f"{met.text}: its process {met.pid} was stopped",
                ("let it go on (Ctrl-Z or a signal has stopped it):", f"$ kill -CONT {met.pid}"),
            )
        case Why.SILENT:
            return failed(
                "daemon-mute",
                f"{met.text}: its process {met.pid} hangs",
                (
                    (
                        "its log tells what it does; end it (the log then has where it hung), and"
                        " start it again, which a service manager does by itself:"
                    ),
                    f"$ kill -ABRT {met.pid}",
                ),
            )
        case _:
            return warned("daemon-mute", met.text, None if met.hint is None else (met.hint,))
