"""The calls to one service, as frozen values for status and metrics."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ProcedureView:
    """What clients called one procedure for, since the daemon started.

    Attributes:
        procedure: its name, of a closed set.
        calls: calls that passed whole.
        rpc_errors: of them denied, or accepted without success.
        status_errors: of them answered with an error of NFS or MOUNT.
        unanswered: of them lost: the connection ended first.
        bytes_to_host: the calls' messages, without record marks.
        bytes_to_client: the replies' messages, without record marks.
        seconds: from the first byte of a call to the last of its reply, of all that were answered.
        durations: how many took how long: one number for each bound of the metric, and one beyond.
    """

    procedure: str
    calls: int
    rpc_errors: int
    status_errors: int
    unanswered: int
    bytes_to_host: int
    bytes_to_client: int
    seconds: float
    durations: tuple[int, ...]


#: Seconds without an answer that no call takes on a healthy server, slow disks included.
HANGING_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class RpcView:
    """The calls to one service of one gateway.

    Attributes:
        procedures: those that were called, by name.
        in_flight: calls that wait for their replies now.
        oldest_call_s: how long the oldest of them has; None without one.
        untracked: connections whose calls could not be followed.
    """

    procedures: tuple[ProcedureView, ...]
    in_flight: int
    oldest_call_s: float | None
    untracked: int

    @property
    def calls(self) -> int:
        """All calls that passed."""
        return sum(procedure.calls for procedure in self.procedures)

    @property
    def hangs(self) -> bool:
        """Whether a call waits for so long that a person will want to know."""
        return self.oldest_call_s is not None and self.oldest_call_s >= HANGING_S
