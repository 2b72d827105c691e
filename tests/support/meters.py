"""Meters that keep what they are told."""

from collections import Counter
from typing import Literal

from hostnfsd.services import Service


class KeptMeters:
    """A :class:`~hostnfsd.daemon.face.Meters` for tests."""

    def __init__(self) -> None:
        self.recoveries: list[float] = []
        self.round_trips: list[float] = []
        self.probes: Counter[Service] = Counter()
        self.probe_failures: Counter[Service] = Counter()

    def recovered(self, gateway: str, seconds: float) -> None:
        del gateway
        self.recoveries.append(seconds)

    def keepalive_rtt(self, gateway: str, seconds: float) -> None:
        del gateway
        self.round_trips.append(seconds)

    def probed(
        self, gateway: str, service: Service, side: Literal["host", "gateway"], seconds: float
    ) -> None:
        del gateway, side, seconds
        self.probes[service] += 1

    def probe_failed(
        self, gateway: str, service: Service, side: Literal["host", "gateway"]
    ) -> None:
        del gateway, side
        self.probe_failures[service] += 1
