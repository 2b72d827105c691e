"""An export for reading only: what a client prints is explained, and told apart from map rules."""

import pytest

from tests.bed.bed import Bed
from tests.integration.doctor.faults import PLAIN, Fault, explained, injected, server

READ_ONLY = Fault(
    "an export for reading only",
    "read-only",
    server(extra="CLIENT { Clients = *; Access_Type = RO; Squash = No_Root_Squash; }"),
)


@pytest.mark.produces("read-only")
def test_what_a_client_prints_is_explained_and_the_cure_lets_it_write(shared: Bed) -> None:
    daemon = shared.daemon(PLAIN)
    try:
        daemon.await_ready()
        (line,) = (
            line
            for line in daemon.command(
                "mount", "--for", "linux", "/var/local/project"
            ).output.splitlines()
            if line.startswith("mount -t nfs")
        )

        def touch() -> str:
            script = (
                f"mkdir -p /mnt/project && {line} && touch /mnt/project/new; umount /mnt/project"
            )
            return shared.kernel.run(script, check=False).text

        with injected(shared, READ_ONLY):
            daemon.await_ready()
            printed = touch()
            assert explained(daemon, printed)["code"] == "read-only", printed
        daemon.await_ready()
        touch()
        assert (shared.share / "new").exists()
    finally:
        (shared.share / "new").unlink(missing_ok=True)
        daemon.close()
