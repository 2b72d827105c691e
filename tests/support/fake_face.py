"""A daemon's face whose answers a test sets, and which remembers what it was asked."""

from hostnfsd.daemon.face import ReloadVerdict
from hostnfsd.snapshot import Snapshot


class FakeFace:
    def __init__(self, snapshot: Snapshot) -> None:
        self.now = snapshot
        self.verdict = ReloadVerdict(accepted=True)
        self.reloads = 0
        self.reconnected: list[str | None] = []

    def snapshot(self) -> Snapshot:
        return self.now

    async def reload(self) -> ReloadVerdict:
        self.reloads += 1
        return self.verdict

    def reconnect(self, gateway: str | None) -> tuple[str, ...]:
        names = tuple(view.name for view in self.now.gateways)
        told = names if gateway is None else tuple(name for name in names if name == gateway)
        if told:
            self.reconnected.append(gateway)
        return told
