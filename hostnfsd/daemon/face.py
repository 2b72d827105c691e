"""The two seams between supervision and observation.

:class:`Face` is what endpoints and control socket may ask of the daemon; :class:`Meters` is where
the daemon reports durations.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from hostnfsd.problem import Problem
from hostnfsd.services import Service
from hostnfsd.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class ReloadVerdict:
    """The answer to a reload: accepted with the changes made, or rejected with the problems."""

    accepted: bool
    changes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


class Face(Protocol):
    """The daemon, seen from its endpoints."""

    def snapshot(self) -> Snapshot:
        """What is known now."""
        ...

    async def reload(self) -> ReloadVerdict:
        """Read the configuration again, as SIGHUP does; returns when it is applied or rejected."""
        ...

    def reconnect(self, gateway: str | None) -> tuple[str, ...]:
        """Drop the wait of one gateway, or of all, and connect now.

        Returns:
            The names of the gateways told. Empty if there is no gateway of that name.
        """
        ...


class Meters(Protocol):
    """Where durations are observed; counts are read from the snapshot instead."""

    def recovered(self, gateway: str, seconds: float) -> None:
        """From the loss noticed to every required service serving."""
        ...

    def keepalive_rtt(self, gateway: str, seconds: float) -> None:
        """One keepalive request answered."""
        ...

    def probed(
        self, gateway: str, service: Service, side: Literal["host", "gateway"], seconds: float
    ) -> None:
        """One probe that ended, well or not."""
        ...

    def probe_failed(
        self, gateway: str, service: Service, side: Literal["host", "gateway"]
    ) -> None:
        """One probe that did not find its service."""
        ...
