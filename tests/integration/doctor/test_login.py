"""Failures of keys and host keys, named and cured, with a daemon and without."""

import pytest

from tests.bed.bed import Bed
from tests.integration.doctor.faults import PLAIN, Fault, ask, injected, is_named_and_cured, well
from tests.integration.doctor.login_faults import FAULTS, LOGIN_REFUSED


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_failure_is_named_and_its_cure_cures_it(shared: Bed, fault: Fault) -> None:
    is_named_and_cured(shared, fault)


@pytest.mark.produces("tunnel-down")
def test_a_daemon_whose_tunnel_is_blocked_is_told_why(shared: Bed) -> None:
    with injected(shared, LOGIN_REFUSED) as undo:
        daemon = shared.daemon(PLAIN)
        try:
            daemon.await_phase("blocked")

            report = ask(daemon)

            assert report.row("login-refused")["outcome"] == "FAIL"
            assert report.commands("login-refused")[-1] == "hostnfsd reconnect"
            undo()
            assert "tunnel-down" in ask(daemon).codes(), "it has not tried again yet"
            daemon.command(*report.commands("login-refused")[-1].split()[1:], check=True)
            daemon.await_ready()
            well(ask(daemon))
        finally:
            daemon.close()
