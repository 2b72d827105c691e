"""A session that the network took away, and that sshd goes on believing in."""

from typing import Any

import pytest

from tests.bed.bed import Bed
from tests.bed.daemon import Daemon, merge
from tests.integration.doctor.faults import PLAIN, ask, dev_gw, sshd, well

#: Notices a loss within two seconds, and leaves what is left of it to the gateway.
IMPATIENT = merge(
    merge(dict(PLAIN), dev_gw(reclaim="never")),
    {"tunnel": {"keepalive_interval_s": 1, "keepalive_count_max": 1}},
)
#: Seconds after which an sshd that is set as the cure says has noticed.
NOTICED_S = 20


def view(daemon: Daemon) -> dict[str, Any]:
    (gateway,) = daemon.status()["gateways"]
    found: dict[str, Any] = gateway
    return found


@pytest.mark.produces("client-alive-off", "port-busy")
def test_that_sshd_does_not_notice_it_is_told_by_what_the_daemon_met(shared: Bed) -> None:
    """sshd's settings cannot be read by our login, but the port stays taken."""
    daemon = shared.daemon(IMPATIENT)
    try:
        daemon.await_ready()
        shared.network.strand()
        daemon.wait_until(lambda: sum(view(daemon)["losses"].values()), "the loss to be noticed")
        daemon.await_phase("up", timeout_s=30)
        daemon.await_service("nfs", "refused", timeout_s=30)
        assert ask(daemon).codes() == {"port-busy"}, "as yet nothing speaks against sshd"

        def long_ago() -> bool:
            now = daemon.status()["now"]
            since = [f["since"] for s in view(daemon)["services"] for f in s["families"].values()]
            return bool(now - max(*since, view(daemon)["up_since"]) > NOTICED_S)

        daemon.wait_until(long_ago, "sshd to have had its time", timeout_s=40)
        report = ask(daemon)

        row = report.row("client-alive-off")
        assert report.codes() == {"port-busy", "client-alive-off"}
        assert "a tunnel was lost" in row["text"]
        assert "ClientAliveInterval 5 and ClientAliveCountMax 2" in row["cure"][0]
        undo = sshd(client_alive_interval_s=5, client_alive_count_max=2)(shared)
        daemon.await_ready(timeout_s=30)
        well(ask(daemon))
        undo()
    finally:
        shared.network.heal()
        daemon.close()
