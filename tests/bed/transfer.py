"""A transfer that lasts long enough to be disturbed, and waiting for it to be under way."""

import os
from pathlib import Path
from typing import Final

from tests.bed.daemon import Daemon

SIZE: Final = 256 * 1024 * 1024


def write_random(path: Path) -> None:
    """Write a file of :data:`SIZE` bytes in which no two blocks are the same."""
    block = os.urandom(1024 * 1024)
    with path.open("wb") as file:
        for number in range(SIZE // len(block)):
            file.write(number.to_bytes(8, "big"))
            file.write(block[8:])


def await_losses(daemon: Daemon, count: int) -> None:
    """Wait until tunnels have been lost this many times."""
    daemon.wait_until(
        lambda: daemon.metric("hostnfsd_tunnel_losses_total") >= count, f"loss {count}"
    )


def await_relayed(daemon: Daemon, direction: str, size: int) -> None:
    """Wait until ``size`` more bytes of NFS have gone in this direction."""

    def relayed() -> float:
        return daemon.metric("hostnfsd_relayed_bytes_total", service="nfs", direction=direction)

    before = relayed()
    daemon.wait_until(lambda: relayed() > before + size, f"{size} bytes to move")
